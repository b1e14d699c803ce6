"""How long one call may take, and whether anything of it has left yet."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(slots=True)
class Deadline:
    """In seconds. `total` runs from the moment this is made; `connect` and `read` bound one wait.

    `sent` is set before the first byte of a request is written. While it is not, the provider
    provably knows nothing of the request. `heard` is set with the first byte of an answer.
    """

    total: float
    connect: float
    read: float
    sent: bool = False
    heard: bool = False
    started: float = field(default_factory=time.monotonic)

    def passed(self) -> float:
        return time.monotonic() - self.started

    def left(self) -> float:
        """Raises TimeoutError instead of returning zero or less."""
        left = self.total - self.passed()
        if left <= 0:
            raise TimeoutError("The time for this call is over.")
        return left

    def for_reading(self) -> float:
        return min(self.read, self.left())

    def for_connecting(self) -> float:
        return min(self.connect, self.left())


_current: ContextVar[Deadline] = ContextVar("vpsorg_deadline")


def current() -> Deadline:
    """That of the call this thread is making."""
    return _current.get()


@contextmanager
def bound(deadline: Deadline) -> Iterator[Deadline]:
    token = _current.set(deadline)
    try:
        yield deadline
    finally:
        _current.reset(token)
