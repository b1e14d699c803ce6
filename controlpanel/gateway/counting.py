"""Reads are recorded as one event a key, route and minute.

A process counts in memory and writes its counts down every few seconds and when it ends; a worker
makes events of the minutes that are over. The last seconds of a process that is killed are lost.
"""

import atexit
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models import F

from controlpanel.audit.recorder import AuditUnavailable, Target, record
from controlpanel.credentials import key_door
from controlpanel.credentials.key_door import Entered
from controlpanel.gateway.models import Reads
from controlpanel.lib import clock
from controlpanel.lib.scope import Actor, Origin

log = structlog.get_logger(__name__)

EVERY: Final = 5.0
# A minute is over for every process once the slowest has written its counts down.
_SETTLED: Final = timedelta(seconds=90)
_MOST_AT_ONCE: Final = 500


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
        clock.now().replace(second=0, microsecond=0),
    )
    with _lock:
        held = _counts.setdefault(what, _Count())
        held.number += 1
        held.address = scope.origin.address


def start() -> None:
    """In a process that serves: from now on what is counted is written down."""
    threading.Thread(target=_go_on, name="gateway-counts", daemon=True).start()
    atexit.register(key_door.flush_uses)
    atexit.register(write_down)


def _go_on() -> None:
    pause = threading.Event()
    while True:
        pause.wait(EVERY)
        write_down()
        connection.close()


def write_down() -> None:
    with _lock:
        taken = dict(_counts)
        _counts.clear()
    if not taken:
        return
    try:
        with transaction.atomic():
            for what, held in taken.items():
                _add(what, held)
    except (DatabaseError, InterfaceError):
        log.exception("gateway.counts_not_written")
        _put_back(taken)


def _put_back(taken: dict[_What, _Count]) -> None:
    with _lock:
        for what, held in taken.items():
            _counts.setdefault(what, _Count(0, held.address)).number += held.number


def _add(what: _What, held: _Count) -> None:
    columns = {name: getattr(what, name) for name in _What.__slots__}
    row, is_new = Reads.objects.get_or_create(
        panel_key=columns.pop("panel_key"),
        route=columns.pop("route"),
        minute=columns.pop("minute"),
        defaults={**columns, "count": held.number, "address": held.address},
    )
    if not is_new:
        Reads.objects.filter(id=row.id).update(count=F("count") + held.number, address=held.address)


def record_reads() -> int:
    """Makes events of what was counted in minutes that are over; how many."""
    over = clock.now() - _SETTLED
    ids = Reads.objects.filter(minute__lt=over).order_by("minute", "id")[:_MOST_AT_ONCE]
    done = 0
    for row_id in list(ids.values_list("id", flat=True)):
        try:
            done += _record(row_id)
        except AuditUnavailable:
            break  # it stays a row, and the next round tries again
    return done


def _record(row_id: int) -> int:
    with transaction.atomic():
        row = Reads.objects.select_for_update().filter(id=row_id).first()
        if row is None:
            return 0
        row.delete()
        record(
            "gateway.reads",
            chain=str(row.team),
            actor=Actor("user", row.actor_id, row.actor_name, row.actor_role),
            origin=Origin(via="gateway", address=row.address, key=row.key_name),
            target=Target("panel_key", str(row.panel_key), row.key_name),
            result="success",
            data={"route": row.route, "minute": row.minute.isoformat(), "count": row.count},
        )
    return 1
