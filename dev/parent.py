"""`make` started us and may go in ways that bring no signal."""

import os
import signal
from pathlib import Path

from dev.processes import die_with_parent


class Parent:
    """Watches make; a panel that was started in another way watches nobody."""

    def __init__(self) -> None:
        self._make = os.getppid() if "MAKELEVEL" in os.environ else None
        if self._make is not None:
            die_with_parent(signal.SIGTERM)

    def wants_the_end(self) -> bool:
        if self._make is None:
            return False
        return os.getppid() != self._make or _was_interrupted(self._make)


def _was_interrupted(process: int) -> bool:
    """An interrupt sent to make alone is not passed on: make blocks it and waits for us."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    masks = (line.split()[1] for line in status.splitlines() if line.startswith("SigBlk:"))
    return any(int(mask, 16) >> (signal.SIGINT - 1) & 1 for mask in masks)
