"""Whether the panel is read-only because it cannot write its record: known in every process.

Each process remembers it for itself, and tells the others through the cache, since the database may
be what fails. Whether it still holds is `readonly`'s to find out.
"""

import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
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

_KEY: Final = "audit-closure"
_REMEMBERED: Final = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Closed:
    """`why`: "locked", "full", "read_only", "keys", "changed" or "database"."""

    since: datetime
    why: str
    chain: str = ""


class _Own:
    closed: Closed | None = None
    tried_at = 0.0


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


def open_again(at: datetime, by: str = "itself") -> None:
    """`by`: "itself" or "person"."""
    with _lock:
        _Own.closed = None
        _tell("open", at, by=by)
    log.warning("panel.writable_again")


def current() -> Closed | None:
    """What this process knows, and what others have told meanwhile."""
    told: dict[str, Any] | None = cache.get(_KEY)
    with _lock:
        own = _Own.closed
        if told is None:
            return own
        at = datetime.fromisoformat(told["at"])
        if told["state"] == "open":
            may = own is None or own.why != CHANGED or told["by"] == "person"
            if own and own.since <= at and may:
                _Own.closed = None
        elif own is None or own.why != CHANGED:
            _Own.closed = Closed(at, told["why"], told["chain"])
        return _Own.closed


def is_time_to_try() -> bool:
    """True for one caller in this process, every few seconds."""
    with _lock:
        now = time.monotonic()
        if now - _Own.tried_at < TRY_EVERY:
            return False
        _Own.tried_at = now
        return True


def forget() -> None:
    """As in a process that has just started; for tests."""
    _Own.closed, _Own.tried_at = None, 0.0


def _tell(state: str, at: datetime, **more: str) -> None:
    cache.set(_KEY, {"state": state, "at": at.isoformat(), **more}, _REMEMBERED)


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
