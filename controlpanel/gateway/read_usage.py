"""Reads are recorded as one event a key, route and half minute.

A process counts in memory and writes its counts down every few seconds and when it ends, numbered
and signed; a worker makes events of what is over, which name those numbers. The last seconds of a
process that is killed are lost.
"""

import atexit
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError, connection, transaction

from controlpanel.audit.log.recorder import AuditUnavailable, Target, record
from controlpanel.credentials.panel_keys import authentication
from controlpanel.credentials.panel_keys.authentication import Entered
from controlpanel.gateway.counts_check import PROVEN, UNPROVEN
from controlpanel.gateway.models import Reads
from controlpanel.gateway.signed_counts import is_proven, name_of, series
from controlpanel.keys.ring import KeysNotReady
from controlpanel.lib import clock
from controlpanel.lib.scope import Actor, Origin

log = structlog.get_logger(__name__)

EVERY: Final = 5.0
# What becomes one event: short enough for the event to be there within a minute of the read.
_SPAN: Final = 30
# It is over for every process once the slowest has written its counts down; one that is slower
# makes one event more.
_SETTLED: Final = timedelta(seconds=_SPAN + 2 * EVERY)
_MOST_AT_ONCE: Final = 5000
# An event names so many counts; of a minute with more of them there are several.
_NAMED_AT_ONCE: Final = 40


@dataclass(frozen=True, slots=True)
class _What:
    panel_key: str
    team: str
    actor_id: str
    actor_name: str
    actor_role: str
    key_name: str
    route: str
    minute: datetime


@dataclass(slots=True)
class _Count:
    number: int = 0
    address: str = ""


_lock: Final = threading.Lock()
# One at a time gives numbers.
_writing: Final = threading.Lock()
_counts: dict[_What, _Count] = {}


def count(entered: Entered, route: str) -> None:
    """What is asked for, whatever comes of it: one who tries ids that are not there is counted."""
    key, scope = entered.key, entered.scope
    what = _What(
        str(key.id),
        str(scope.team_id),
        scope.actor.id,
        scope.actor.name,
        scope.actor.role,
        key.name,
        route,
        _begun(clock.now()),
    )
    with _lock:
        held = _counts.setdefault(what, _Count())
        held.number += 1
        held.address = scope.origin.address


def _begun(at: datetime) -> datetime:
    """When the half minute began."""
    return at.replace(second=at.second - at.second % _SPAN, microsecond=0)


def start() -> None:
    """In a process that serves: from now on what is counted is written down."""
    threading.Thread(target=_go_on, name="gateway-counts", daemon=True).start()
    atexit.register(authentication.flush_uses)
    atexit.register(write_down)


def _go_on() -> None:
    pause = threading.Event()
    while True:
        pause.wait(EVERY)
        write_down()
        connection.close()


def write_down() -> None:
    with _writing:
        _write_down()


def _write_down() -> None:
    with _lock:
        taken = dict(_counts)
        _counts.clear()
    if not taken:
        return
    try:
        with transaction.atomic():
            for what, held in taken.items():
                _add(what, held)
    except (DatabaseError, InterfaceError, KeysNotReady):
        log.exception("gateway.counts_not_written")
        series.begin()
        _put_back(taken)


def _put_back(taken: dict[_What, _Count]) -> None:
    with _lock:
        for what, held in taken.items():
            _counts.setdefault(what, _Count(0, held.address)).number += held.number


def _add(what: _What, held: _Count) -> None:
    columns = {name: getattr(what, name) for name in _What.__slots__}
    # As it will be read again, or its MAC would be of another text.
    columns |= {name: UUID(columns[name]) for name in ("panel_key", "team")}
    series.sign(Reads(**columns, count=held.number, address=held.address)).save(force_insert=True)


def record_reads() -> int:
    """Makes events of what was counted in half minutes that are over; how many."""
    over = clock.now() - _SETTLED
    rows = Reads.objects.filter(minute__lt=over).order_by("minute", "id")[:_MOST_AT_ONCE]
    done = 0
    for ids in _together(rows):
        try:
            done += _record(ids)
        except (AuditUnavailable, KeysNotReady):
            break  # they stay rows, and the next round tries again
    return done


def _together(rows: Iterable[Reads]) -> Iterator[list[int]]:
    """Ids of the rows that become one event, as many as it names."""
    found: dict[tuple[object, ...], list[int]] = {}
    for row in rows:
        found.setdefault(tuple(getattr(row, name) for name in _What.__slots__), []).append(row.id)
    for ids in found.values():
        for first in range(0, len(ids), _NAMED_AT_ONCE):
            yield ids[first : first + _NAMED_AT_ONCE]


def _record(ids: list[int]) -> int:
    with transaction.atomic():
        rows = list(Reads.objects.select_for_update().filter(id__in=ids).order_by("id"))
        proven = [row for row in rows if is_proven(row)]
        events = 0
        for event, some in (
            (PROVEN, proven),
            (UNPROVEN, [row for row in rows if row not in proven]),
        ):
            if some:
                _record_as(event, some)
                events += 1
        Reads.objects.filter(id__in=[row.id for row in rows]).delete()
    return events


def _record_as(event: str, rows: list[Reads]) -> None:
    last = rows[-1]
    record(
        event,
        chain=str(last.team),
        actor=Actor("user", last.actor_id, last.actor_name, last.actor_role),
        origin=Origin(via="gateway", address=last.address, key=last.key_name),
        target=Target("panel_key", str(last.panel_key), last.key_name),
        result="success",
        data={
            "route": last.route,
            "minute": last.minute.isoformat(),
            "count": sum(row.count for row in rows),
            "numbers": [name_of(row) for row in rows if row.process],
        },
    )
