"""`make` started us and may go in ways that bring no signal."""

import os
import signal
from pathlib import Path

from dev.processes import die_with_parent

_MAKES = {"make", "gmake"}


class Parent:
    """Watches make; a panel that was started in another way watches nobody.

    That MAKELEVEL is in the environment says only that there is a make somewhere above.
    """

    def __init__(self) -> None:
        parent = os.getppid()
        self._make = parent if "MAKELEVEL" in os.environ and is_make(parent) else None
        if self._make is not None:
            die_with_parent(signal.SIGTERM)

    def wants_the_end(self) -> bool:
        if self._make is None:
            return False
        return os.getppid() != self._make or is_interrupted(self._make)


def is_make(process: int) -> bool:
    try:
        program = Path(f"/proc/{process}/exe").readlink().name
    except OSError:
        return False
    return program.removesuffix(" (deleted)") in _MAKES


def is_interrupted(process: int) -> bool:
    """An interrupt sent to make alone is not passed on: make blocks it and waits for us.

    It blocks that one alone. While it starts a program all its signals are blocked for a moment.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    masks = [int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigBlk:")]
    return any(_blocks(mask, signal.SIGINT) and not _blocks(mask, signal.SIGTERM) for mask in masks)


def _blocks(mask: int, number: signal.Signals) -> bool:
    return bool(mask >> (number - 1) & 1)
