"""A clock that jumps makes times lie: it is on the record when, and by how much."""

import threading
import time
from datetime import datetime, timedelta
from typing import Final

from controlpanel.audit import hashing
from controlpanel.audit.log.recorder import PANEL, Target, record_now
from controlpanel.audit.models import AuditEvent, ChainHead
from controlpanel.lib import clock, request_id
from controlpanel.lib.scope import Actor, Origin

# A clock that is corrected little by little never gets that far between two looks.
JUMP: Final = timedelta(seconds=10)


class _Seen:
    wall: datetime | None = None
    steady = 0.0


_lock: Final = threading.Lock()


def watch() -> None:
    """Holds the clock against one that only ever goes on. Called every few seconds."""
    with _lock:
        wall, steady = clock.now(), time.monotonic()
        before, went_on = _Seen.wall, timedelta(seconds=steady - _Seen.steady)
        if before is not None and abs(wall - before - went_on) >= JUMP:
            _record(before + went_on, wall)  # else it is seen again by the next look
        _Seen.wall, _Seen.steady = wall, steady


def read_back() -> None:
    """At the start of a process: is it earlier than what is recorded already?"""
    newest = max(
        (
            at
            for head in ChainHead.objects.iterator()
            for at in AuditEvent.objects.filter(chain=head.chain, seq=head.seq).values_list(
                "at", flat=True
            )
        ),
        default=None,
    )
    now = clock.now()
    if newest is not None and newest - now >= JUMP:
        _record(newest, now)


def forget() -> None:
    """For tests."""
    _Seen.wall = None


def _record(expected: datetime, found: datetime) -> None:
    record_now(
        "panel.clock_jumped",
        chain=PANEL,
        actor=Actor(kind="worker", id="panel", name="panel"),
        origin=Origin(via="worker", request_id=request_id.current()),
        target=Target("panel", "", "panel"),
        result="success",
        data={
            "phase": "forward" if found > expected else "back",
            "seconds": round(abs(found - expected).total_seconds()),
            "expected": hashing.time_text(expected),
            "found": hashing.time_text(found),
        },
    )
