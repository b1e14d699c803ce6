"""No record, no act: while the panel cannot write its record it is read-only, and says so.

It tries again by itself, every few seconds, in whichever process is asked: what it writes then is
the event that it was read-only. When the record was changed, it waits for a person.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

from django.db import DatabaseError, InterfaceError, connection, transaction

from controlpanel.audit import hashing
from controlpanel.audit.log import append, read_only_state, unrecorded_sign_ins
from controlpanel.audit.log.read_only_state import CHANGED, LOCKED, Closed
from controlpanel.audit.log.recorder import (
    PANEL,
    AuditUnavailable,
    Target,
    hold,
    record,
    record_now,
)
from controlpanel.audit.models import AuditEvent, ChainHead
from controlpanel.keys.ring import KeysNotReady
from controlpanel.lib import clock, request_id
from controlpanel.lib.scope import Actor, Origin

__all__ = ["CHANGED", "LOCKED", "Closed", "closed", "if_possible", "read_back", "reopen", "suspect"]

_UNWRITABLE = (AuditUnavailable, DatabaseError, InterfaceError, KeysNotReady)
_THE_PANEL = Target("panel", "", "panel")
_ENDED = ("panel.recovered", "panel.reopened")
# How long a try may wait for somebody else's transaction, in milliseconds.
_PATIENCE = 300


def closed() -> Closed | None:
    """Why nothing may be changed now, or None. Asked outside transactions."""
    if read_only_state.current() is None and read_only_state.is_time_to_read():
        _find_closed()
    found = read_only_state.current()
    if found and read_only_state.is_time_to_try() and _is_over(found):
        found = None
    if found is None:
        unrecorded_sign_ins.catch_up()
    return found


def suspect() -> None:
    """The database refused something. Is it so that nothing can be recorded?"""
    if read_only_state.current():
        return
    try:
        with _impatient(), transaction.atomic():
            _record("panel.recovered", "", "")
            transaction.set_rollback(True)
    except _UNWRITABLE as error:
        read_only_state.close_for(error)


def if_possible(write: Callable[[], object]) -> None:
    """For what nobody asked for and nothing hangs on, such as when somebody was last seen."""
    if read_only_state.current():
        return
    try:
        with transaction.atomic():
            write()
    except (DatabaseError, InterfaceError):
        suspect()


def read_back() -> None:
    """At the start of a process: what only a person can end did not end with the last one."""
    _close_if_told()
    for head in ChainHead.objects.iterator():
        if not append.head_fits(head):
            read_only_state.close(CHANGED, head.chain)


def _close_if_told() -> None:
    """By the log, which says that it was changed, and not that somebody has seen to it."""
    last = (
        AuditEvent.objects.filter(chain=PANEL, event__in=("panel.closed", "panel.reopened"))
        .order_by("-seq")
        .first()
    )
    if last and last.event == "panel.closed":
        read_only_state.close(CHANGED, str(last.data["chain"]), last.at)


def _find_closed() -> None:
    """What another process found, and the cache may have been made to forget."""
    with suppress(DatabaseError, InterfaceError):  # then the next write says so
        _close_if_told()


def waiting_for_a_person() -> Closed | None:
    found = read_only_state.current()
    return found if found and found.why == CHANGED else None


def reopen(found: Closed, reason: str) -> None:
    """Somebody looked into it. Raises AuditUnavailable."""
    record_now(
        "panel.reopened",
        chain=PANEL,
        actor=Actor(kind="command", id="command", name="command line"),
        origin=Origin(via="command", request_id=request_id.current()),
        target=_THE_PANEL,
        result="success",
        reason=reason,
        data={"why": found.why, "since": hashing.time_text(found.since), "chain": found.chain},
    )
    read_only_state.open_again(clock.now())


def _is_over(found: Closed) -> bool:
    """Whether something can be written again; then it has been."""
    try:
        with _impatient(), transaction.atomic():
            hold(PANEL)
            ended = ("panel.reopened",) if found.why == CHANGED else _ENDED
            if not _was_told(ended, found.since):
                if found.why == CHANGED:
                    _tell_once(found)
                    return False
                if found.chain:
                    hold(found.chain)
                since = hashing.time_text(found.since)
                _record("panel.recovered", found.why, since)
    except _UNWRITABLE:
        return False
    read_only_state.open_again(clock.now())
    return True


def _tell_once(found: Closed) -> None:
    if not _was_told(("panel.closed",), found.since):
        _record("panel.closed", found.why, hashing.time_text(found.since), chain=found.chain)


def _was_told(events: tuple[str, ...], since: datetime) -> bool:
    told = AuditEvent.objects.filter(chain=PANEL, event__in=events, at__gte=since)
    return told.exists()


def _record(event: str, why: str, since: str, **data: str) -> None:
    record(
        event,
        chain=PANEL,
        actor=Actor(kind="worker", id="panel", name="panel"),
        origin=Origin(via="worker", request_id=request_id.current()),
        target=_THE_PANEL,
        result="success",
        data={"why": why, "since": since, **data},
    )


@contextmanager
def _impatient() -> Iterator[None]:
    """Somebody waits for the answer: a lock that lasts is an answer as well."""
    if connection.vendor != "sqlite":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = {_PATIENCE}")
            yield
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        before = int(cursor.fetchone()[0])
        cursor.execute(f"PRAGMA busy_timeout = {_PATIENCE}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA busy_timeout = {before}")
