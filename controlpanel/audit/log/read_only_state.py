"""Whether the panel is read-only because it cannot write its record: known in every process.

Each process remembers it for itself, and tells the others through the cache, since the database may
be what fails. Whether it still holds is `readonly`'s to find out.

What is told is signed: whoever writes to Redis neither closes the panel nor opens it. That a person
opened it is never told, but read in the log.
"""

import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from django.core import signing
from django.core.cache import cache
from django.db import DataError, Error

from controlpanel.keys.ring import KeysNotReady
from controlpanel.lib import clock

log = structlog.get_logger(__name__)

# Somebody changed what is written: nothing but a person ends that.
CHANGED: Final = "changed"
# A transaction that waits for another one, so that trying costs time.
LOCKED: Final = "locked"
# Seconds between two tries to write again, in each process.
TRY_EVERY = 5.0
# And between two looks into the log for what another process found: the cache may forget it.
READ_EVERY = 5.0

_KEY: Final = "audit-closure"
_REMEMBERED: Final = 24 * 60 * 60
# Not a key of the ring: that it cannot be used is one of the reasons to close.
_SALT: Final = "controlpanel.audit.log.read_only_state"


@dataclass(frozen=True, slots=True)
class Closed:
    """`why`: "locked", "full", "read_only", "keys", "changed" or "database"."""

    since: datetime
    why: str
    chain: str = ""


class _Own:
    closed: Closed | None = None
    tried_at = 0.0
    read_at = 0.0


_lock: Final = threading.RLock()


def close(why: str, chain: str = "", since: datetime | None = None) -> None:
    """From now on nothing is done. What only a person can end is not replaced by less."""
    with _lock:
        known = current()
        if known and (known.why == CHANGED or why != CHANGED):
            return
        _Own.closed = Closed(since or (known.since if known else clock.now()), why, chain)
        _Own.tried_at = time.monotonic()
        _tell("closed", _Own.closed.since, why=why, chain=chain)
    log.error("panel.read_only", why=why, chain=chain)


def close_for(error: Exception, chain: str = "") -> None:
    # What happens to one event, and says nothing about the next: a text that cannot be stored, two
    # transactions of which the database gave one up.
    said = str(error).lower()
    if not isinstance(error, DataError) and not any(word in said for word in _PASSING):
        close(_why(error), chain)


def open_again(at: datetime) -> None:
    with _lock:
        _Own.closed = None
        _tell("open", at)
    log.warning("panel.writable_again")


def current() -> Closed | None:
    """What this process knows, and what others have told meanwhile."""
    told = _told()
    with _lock:
        own = _Own.closed
        if told is None or (own and own.why == CHANGED):
            return own
        at = datetime.fromisoformat(told["at"])
        if told["state"] != "open":
            _Own.closed = Closed(at, told["why"], told["chain"])
        elif own and own.since <= at:
            _Own.closed = None
        return _Own.closed


def is_time_to_try() -> bool:
    """True for one caller in this process, every few seconds."""
    with _lock:
        now = time.monotonic()
        if now - _Own.tried_at < TRY_EVERY:
            return False
        _Own.tried_at = now
        return True


def is_time_to_read() -> bool:
    """The same, for looking into the log."""
    with _lock:
        now = time.monotonic()
        if now - _Own.read_at < READ_EVERY:
            return False
        _Own.read_at = now
        return True


def forget() -> None:
    """As in a process that has just started, and looked into the log; for tests."""
    _Own.closed, _Own.tried_at, _Own.read_at = None, 0.0, time.monotonic()


def _tell(state: str, at: datetime, **more: str) -> None:
    message = {"state": state, "at": at.isoformat(), **more}
    cache.set(_KEY, signing.dumps(message, salt=_SALT), _REMEMBERED)


def _told() -> dict[str, Any] | None:
    """What others have told; what they did not write is nothing."""
    text = cache.get(_KEY)
    if not isinstance(text, str):
        return None
    try:
        told: dict[str, Any] = signing.loads(text, salt=_SALT, max_age=_REMEMBERED)
    except signing.BadSignature:
        return None
    return told


def _why(error: Exception) -> str:
    """From what the two databases say: their classes tell less than their words."""
    if isinstance(error, KeysNotReady):
        return "keys"
    if not isinstance(error, Error):
        return "database"
    said = str(error).lower()
    for why, words in _SAID.items():
        if any(word in said for word in words):
            return why
    return "database"


_PASSING: Final = ("deadlock detected", "could not serialize")
_SAID: Final = {
    LOCKED: ("locked", "lock timeout"),
    "full": ("disk is full", "disk full", "no space left", "could not extend"),
    "read_only": ("readonly", "read-only", "permission denied"),
}
