"""One id from the browser through the worker to the call at the provider."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_current: ContextVar[str] = ContextVar("request_id", default="")
_ACCEPTABLE = re.compile(r"^[A-Za-z0-9_-]{8,64}$")


def new() -> str:
    return secrets.token_hex(12)


def current() -> str:
    """The id in force, or an empty string outside any request or task."""
    return _current.get()


def accept(given: str) -> str:
    """A caller's id if it is harmless, else a new one."""
    return given if _ACCEPTABLE.match(given) else new()


@contextmanager
def bound(value: str) -> Iterator[str]:
    token = _current.set(value)
    try:
        yield value
    finally:
        _current.reset(token)
