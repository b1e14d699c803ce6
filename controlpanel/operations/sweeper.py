"""Picks up what died half-way. The row is the queue: nothing else need have survived."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.utils.translation import gettext as _

from controlpanel.audit.log import read_only
from controlpanel.lib import clock
from controlpanel.operations import runner
from controlpanel.operations.audit_events import record_outcome
from controlpanel.operations.models import IS_OPEN, Operation
from controlpanel.operations.states import State
from controlpanel.operations.transitions import move

log = structlog.get_logger(__name__)

# A page sends at once; if it has not after this, its process is gone or all places were taken.
SENT_BY_NOW = timedelta(seconds=10)
# Older wishes are not carried out behind a person's back: they may have done it otherwise.
TOO_OLD_TO_SEND = timedelta(minutes=5)
# Longer than any deadline of a call: whoever claimed it did not live to write the answer.
ANSWERED_BY_NOW = timedelta(seconds=20)


def sweep() -> None:
    if read_only.closed():
        return
    now = clock.now()
    # First what needs no call: it must not wait for a provider that does not answer.
    _each(State.SENDING, "sending_at", now - ANSWERED_BY_NOW, _sending)
    _each(State.REQUESTED, "requested_at", now - SENT_BY_NOW, _requested)


def _each(state: State, stamp: str, before: datetime, do: Callable[[Operation], None]) -> None:
    left = Operation.objects.filter(IS_OPEN, state=state.value, **{f"{stamp}__lt": before})
    for operation in left.select_related("account").order_by(stamp)[:100]:
        try:
            do(operation)
        except Exception:
            log.exception("sweep.failed", operation=str(operation.id))


def _requested(operation: Operation) -> None:
    if clock.now() - operation.requested_at < TOO_OLD_TO_SEND:
        runner.send(operation.id)
        return
    with transaction.atomic():
        if move(
            operation,
            State.CANCELLED,
            code="too_old",
            note=_("It could not be sent in time, so it was not sent. Ask again if still wanted."),
        ):
            record_outcome(operation)


def _sending(operation: Operation) -> None:
    with transaction.atomic():
        if move(
            operation,
            State.UNKNOWN,
            code="lost",
            next_poll_at=clock.now(),
            note=_("The panel was interrupted while sending, so it cannot know what came of it."),
        ):
            record_outcome(operation)
