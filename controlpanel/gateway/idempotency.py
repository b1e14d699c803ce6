"""Idempotency-Key: the same key and request has one effect and one answer, for 24 hours.

The row is claimed before anything is asked for. Whatever happens to the process, the operation
that became of it bears the row's own form id, so that a second one cannot be made.
"""

import re
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError, transaction
from django.utils.translation import gettext as _

from controlpanel.credentials.panel_keys.authentication import Entered
from controlpanel.gateway import operation_responses, reads
from controlpanel.gateway.models import Repeat
from controlpanel.gateway.responses import Answer, Refusal, refuse
from controlpanel.lib import clock, ids
from controlpanel.operations.models import Operation
from controlpanel.operations.selectors import of_form
from controlpanel.operations.states import UNANSWERED, State
from controlpanel.servers import labels
from controlpanel.servers.models import Server
from controlpanel.servers.selectors import is_within

log = structlog.get_logger(__name__)

KEPT: Final = timedelta(hours=24)
_GOOD: Final = re.compile(r"[!-~]{1,255}", re.ASCII)
# A request that has made no operation by then did not live to do so.
_ABANDONED: Final = timedelta(seconds=2 * reads.SECONDS)
# By the provider's status: the stored token, the credit, the pace.
_TURNED_AWAY: Final = frozenset({401, 402, 403, 429})
_KEPT_HEADERS: Final = ("X-Operation", "Retry-After")

Do = Callable[[str], Answer]


def once(entered: Entered, given: str, asked: str, do: Do) -> Answer:
    """`given`: the header, `asked`: what the request says in all. `do`: takes a form id, makes the
    change and answers. Raises Refusal."""
    if not _GOOD.fullmatch(given):
        raise refuse(
            400,
            "bad_idempotency_key",
            _("An Idempotency-Key has at most 255 visible ASCII characters; a UUID does well."),
        )
    digest, body = (sha256(text.encode()).hexdigest() for text in (given, asked))
    while True:
        row, is_first = _claim(entered.key.id, digest, body)
        if row.asked != body:
            raise refuse(
                422,
                "idempotency_key_reused",
                _(
                    "This Idempotency-Key was used for another request, so nothing was done. Send "
                    "a new key with a new request."
                ),
            )
        try:
            return _first(entered, row, do) if is_first else _again(entered, row, do)
        except Repeat.DoesNotExist:
            continue  # the first one came to nothing, so this one is the first


def forget_old() -> None:
    Repeat.objects.filter(created_at__lt=clock.now() - KEPT).delete()


def _claim(panel_key: UUID, digest: str, body: str) -> tuple[Repeat, bool]:
    """The row of this key, and whether this very request made it."""
    with transaction.atomic():
        mine = Repeat.objects.filter(panel_key=panel_key, digest=digest)
        mine.filter(created_at__lt=clock.now() - KEPT).delete()
        return Repeat.objects.get_or_create(
            panel_key=panel_key,
            digest=digest,
            defaults={"asked": body, "form_id": ids.new_form_id()},
        )


def _first(entered: Entered, row: Repeat, do: Do) -> Answer:
    try:
        answer = do(row.form_id)
    except Exception:
        _forget_unless_asked(entered, row)
        raise
    return _keep_or_free(entered, row, answer)


def _keep_or_free(entered: Entered, row: Repeat, answer: Answer) -> Answer:
    """What provably did nothing frees its key at once; what has no end yet is no answer to keep."""
    try:
        operation = of_form(entered.scope, row.form_id)
        if operation and did_nothing(operation):
            Repeat.objects.filter(id=row.id, status=None).delete()
            return answer
        if operation and operation.state in UNANSWERED:
            return answer
    except (DatabaseError, InterfaceError):
        log.exception("gateway.answer_not_kept", repeat=row.id)
        return answer
    return _keep(row, answer)


def did_nothing(operation: Operation) -> bool:
    """Never sent, or turned away for what has nothing to do with what was asked for: the token,
    the pace, the credit."""
    if operation.state == State.CANCELLED.value:
        return True
    status = operation.provider_status
    return operation.state == State.FAILED.value and (status is None or status in _TURNED_AWAY)


def _refuse_out_of_sight(entered: Entered, operation: Operation | None) -> None:
    """The server may have left the key's reach since: absent, as everywhere. Raises Refusal."""
    reach = entered.scope.reach
    if operation is None or reach.is_all:
        return
    server = Server.objects.filter(
        account_id=operation.account_id, provider_id=operation.provider_id
    ).first()
    if server is None:  # not seen yet, or no longer: by what it was then
        near = labels.within(reach, Operation.objects.filter(id=operation.id)).exists()
    else:
        near = is_within(reach, server)
    if not near:
        raise reads.absent()


def _forget_unless_asked(entered: Entered, row: Repeat) -> None:
    """Where nothing was asked for there is nothing to repeat: the next try is a first one."""
    with suppress(DatabaseError, InterfaceError):
        if of_form(entered.scope, row.form_id) is None:
            Repeat.objects.filter(id=row.id, status=None).delete()


def _again(entered: Entered, row: Repeat, do: Do) -> Answer:
    """The first one's answer, as soon as there is one. Raises Repeat.DoesNotExist if there will
    be none."""
    ends = time.monotonic() + reads.SECONDS
    operation = None
    pause = 0.02
    while time.monotonic() < ends:
        row.refresh_from_db()
        operation = of_form(entered.scope, row.form_id)
        _refuse_out_of_sight(entered, operation)
        if row.status is not None:
            return _kept(row)
        if operation and operation.state not in UNANSWERED and _is_left(operation):
            if not did_nothing(operation):
                return _keep(row, operation_responses.of(operation))
            Repeat.objects.filter(id=row.id, status=None).delete()
            raise Repeat.DoesNotExist
        if operation is None and _take_over(row):
            return _first(entered, row, do)
        time.sleep(pause)
        pause = min(0.25, pause * 1.5)
    raise _still_running(operation)


def _is_left(operation: Operation) -> bool:
    """Who sent it has had the time to write the answer down, and has not."""
    at = operation.answered_at or operation.ended_at
    return at is None or clock.now() - at > timedelta(seconds=2)


def _take_over(row: Repeat) -> bool:
    """True for exactly one of those who wait for somebody who died before asking."""
    if clock.now() - row.created_at < _ABANDONED:
        return False
    was = Repeat.objects.filter(id=row.id, status=None, created_at=row.created_at)
    return was.update(created_at=clock.now()) == 1


def _keep(row: Repeat, answer: Answer) -> Answer:
    """What is written first is everybody's answer."""
    try:
        kept = {name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers}
        written = Repeat.objects.filter(id=row.id, status=None).update(
            status=answer.status, content=answer.content.decode(), headers=kept
        )
        if written:
            return answer
        row.refresh_from_db()
        return _kept(row) if row.status is not None else answer
    except (DatabaseError, InterfaceError, Repeat.DoesNotExist):
        # The change is made: its answer must reach its caller, not this.
        log.exception("gateway.answer_not_kept", repeat=row.id)
        return answer


def _kept(row: Repeat) -> Answer:
    assert row.status is not None
    answer = Answer(row.status, row.content.encode(), row.headers)
    return answer.with_headers(Idempotency_Replayed="true")


def _still_running(operation: Operation | None) -> Refusal:
    where = {"operation": operation_responses.address(operation)} if operation else {}
    return refuse(
        409,
        "still_running",
        _("The first request with this Idempotency-Key is still running. Ask again in a moment."),
        {"Retry-After": "5"},
        **where,
    )
