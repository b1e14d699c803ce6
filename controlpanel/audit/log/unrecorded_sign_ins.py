"""Comings and goings that could not be recorded: counted, and told as one event afterwards.

Each stands in the log of the process at once.
"""

import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog

from controlpanel.audit import hashing
from controlpanel.audit.log.recorder import PANEL, AuditUnavailable, Target, record_now
from controlpanel.lib import clock, request_id
from controlpanel.lib.scope import Actor, Origin

log = structlog.get_logger(__name__)

_PEOPLE: Final = 50


@dataclass
class _Tally:
    since: datetime
    until: datetime
    events: Counter[str] = field(default_factory=Counter)
    people: list[str] = field(default_factory=list)


class _Own:
    tally: _Tally | None = None


_lock: Final = threading.Lock()


def note(event: str, person: str, address: str) -> None:
    log.error("audit.not_recorded", event_type=event, person=person, address=address)
    now = clock.now()
    with _lock:
        tally = _Own.tally = _Own.tally or _Tally(now, now)
        tally.until = now
        tally.events[event] += 1
        if person not in tally.people and len(tally.people) < _PEOPLE:
            tally.people.append(person)


def catch_up() -> None:
    """Records how many there were. What cannot be recorded now either is kept for the next time."""
    tally = _take()
    if tally is None:
        return
    try:
        record_now(
            "authn_not_recorded",
            chain=PANEL,
            actor=Actor(kind="worker", id="panel", name="panel"),
            origin=Origin(via="worker", request_id=request_id.current()),
            target=Target("panel", "", "panel"),
            result="success",
            data={
                "count": tally.events.total(),
                "since": hashing.time_text(tally.since),
                "until": hashing.time_text(tally.until),
                "events": dict(tally.events),
                "people": tally.people,
            },
        )
    except AuditUnavailable:
        _put_back(tally)


def forget() -> None:
    """For tests."""
    _Own.tally = None


def _take() -> _Tally | None:
    with _lock:
        tally, _Own.tally = _Own.tally, None
        return tally


def _put_back(tally: _Tally) -> None:
    with _lock:
        newer = _Own.tally
        _Own.tally = tally
        if newer:
            tally.until = newer.until
            tally.events += newer.events
            tally.people = list(dict.fromkeys([*tally.people, *newer.people]))[:_PEOPLE]
