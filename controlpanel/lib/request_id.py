"""One id from the browser through the worker to the call at the provider."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_current: ContextVar[str] = ContextVar("request_id", default="")
_LONGEST = 64
_ACCEPTABLE = re.compile(rf"[A-Za-z0-9_-]{{8,{_LONGEST}}}")
_OURS = 16  # of a caller's id ours ends with so many characters, after a hyphen
_KEPT = _LONGEST - _OURS - 1


def new() -> str:
    return secrets.token_hex(12)


def current() -> str:
    """The id in force, or an empty string outside any request or task."""
    return _current.get()


def is_acceptable(text: str) -> bool:
    return bool(_ACCEPTABLE.fullmatch(text))


def begun_by(given: str) -> str:
    """A new id that begins with the caller's, if that is harmless. An id that somebody sends again
    never becomes the one of another request."""
    return f"{given[:_KEPT]}-{secrets.token_hex(_OURS // 2)}" if is_acceptable(given) else new()


@contextmanager
def bound(value: str) -> Iterator[str]:
    token = _current.set(value)
    try:
        yield value
    finally:
        _current.reset(token)
