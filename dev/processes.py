"""Children that end with their parent, whatever ends it, and come back when they die alone."""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
LOG_LIMIT = 10_000_000
SHORTEST_PAUSE, LONGEST_PAUSE, CALM_AFTER = 0.5, 30.0, 60.0
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(number: int = signal.SIGKILL) -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)


def _in_child() -> None:
    die_with_parent()
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


class Log:
    """One file that never grows past `limit`; what was in it before is kept as `.1`."""

    def __init__(self, path: Path, limit: int = LOG_LIMIT) -> None:
        self.path = path
        self._limit = limit

    def open(self) -> IO[bytes]:
        return self.path.open("ab")

    def keep_bounded(self) -> None:
        try:
            if self.path.stat().st_size <= self._limit:
                return
            with self.path.open("r+b") as file:
                self.path.with_suffix(".log.1").write_bytes(file.read(2 * self._limit))
                # Writers append, so they go on at the new end.
                file.truncate(0)
        except FileNotFoundError:
            return

    def tail(self, lines: int = 15) -> str:
        try:
            with self.path.open("rb") as file:
                file.seek(max(0, self.path.stat().st_size - 16_000))
                text = file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(f"    {line}" for line in text.strip().splitlines()[-lines:])


@dataclass
class Child:
    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Log
    standard_input: str = ""
    speaks: bool = False  # its standard output is for the person at the terminal
    pause: float = SHORTEST_PAUSE
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    restart_at: float | None = field(default=None)

    def start(self) -> None:
        self.restart_at = None
        self.started_at = time.monotonic()
        with self.log.open() as log:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE if self.standard_input else subprocess.DEVNULL,
                stdout=None if self.speaks else log,
                stderr=log,
                cwd=ROOT,
                env=dict(self.environment),
                start_new_session=True,
                preexec_fn=_in_child,  # there is one thread here
            )
        if self.process.stdin:
            self.process.stdin.write(self.standard_input.encode())
            self.process.stdin.close()

    @property
    def exit_code(self) -> int | None:
        """None while it runs and before it was started."""
        return self.process.poll() if self.process else None

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def plan_restart(self) -> float:
        """Seconds until it is started again: longer each time, short again after a calm while."""
        self.send(signal.SIGKILL)  # what it may have left behind
        if time.monotonic() - self.started_at > CALM_AFTER:
            self.pause = SHORTEST_PAUSE
        pause, self.pause = self.pause, min(self.pause * 2, LONGEST_PAUSE)
        self.restart_at = time.monotonic() + pause
        return pause

    def send(self, number: int) -> None:
        """To the whole group: a child's own children must not outlive it."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)


def end_all(groups: Sequence[Sequence[Child]], seconds: float) -> None:
    """Ends the groups one after another, politely at first; afterwards nothing is left."""
    deadline = time.monotonic() + seconds
    for position, group in enumerate(groups):
        left = deadline - time.monotonic()
        share = left / (len(groups) - position)
        group = [child for child in group if child.restart_at is None]
        for child in group:
            child.send(signal.SIGTERM)
        until = time.monotonic() + max(share, 0.2)
        while any(child.is_running for child in group) and time.monotonic() < until:
            time.sleep(0.02)
        for child in group:
            child.send(signal.SIGKILL)
            if child.process:
                child.process.wait()
