"""What people settle: that an unknown change was done, and that they know what was not."""

from django.db import transaction
from django.utils.translation import gettext as _

from controlpanel.audit.log import read_only
from controlpanel.lib import clock
from controlpanel.lib.scope import Scope
from controlpanel.operations import services, sightings
from controlpanel.operations.audit_events import record_confirmed, record_dismissed
from controlpanel.operations.models import IS_UNNOTICED, Operation
from controlpanel.operations.states import UNDONE, State


def dismiss(scope: Scope, operation: Operation) -> bool:
    """Somebody who may make this change says that they know it was not done. False if it is not
    one that waits for that."""
    services.insist(scope, operation.kind, operation.team_id)
    with transaction.atomic():
        if not _waits(operation) or not _notice(operation):
            return False
        record_dismissed(scope, operation)
    return True


def notice(scope: Scope, operation: Operation) -> None:
    """Its asker has opened the receipt of what was not done; anybody else's look is none."""
    is_asker = scope.actor.kind == "user" and scope.actor.id == operation.actor_id
    if is_asker and _waits(operation):
        read_only.if_possible(lambda: _notice(operation))


def _waits(operation: Operation) -> bool:
    return operation.state in UNDONE and operation.noticed_at is None


def _notice(operation: Operation) -> bool:
    now = clock.now()
    waiting = Operation.objects.filter(IS_UNNOTICED, id=operation.id)
    if waiting.update(noticed_at=now) != 1:
        return False
    operation.noticed_at = now
    return True


def confirm(scope: Scope, operation: Operation) -> bool:
    """A person says, from what VPS.org showed since, that an unknown change was done. False if it
    had ended meanwhile, or if nothing was seen that speaks for it."""
    services.insist(scope, operation.kind, operation.team_id)
    with transaction.atomic():
        if not sightings.can_be_confirmed(operation) or not services.still_moves(
            operation,
            State.OBSERVED,
            confirmed_by=scope.actor.name,
            note=_("%(person)s said that this was done.") % {"person": scope.actor.name},
        ):
            return False
        record_confirmed(scope, operation)
    return True
