"""The audit events of an operation: intent, outcome, and what was observed after."""

from copy import copy
from typing import Any

from django.db import DatabaseError, InterfaceError, transaction

from controlpanel.accounts import access
from controlpanel.accounts.models import Team
from controlpanel.audit.log import read_only
from controlpanel.audit.log.content import requested_as
from controlpanel.audit.log.recorder import AuditUnavailable, Result, Target, record, record_by
from controlpanel.lib import request_id
from controlpanel.lib.scope import Actor, Origin, Scope
from controlpanel.operations import sightings
from controlpanel.operations.models import Operation
from controlpanel.operations.states import State
from controlpanel.servers import labels

_RESULTS: dict[State, Result] = {
    State.ACCEPTED: "success",
    State.OBSERVED: "success",
    State.FAILED: "failure",
    State.NOT_SEEN: "failure",
    State.UNKNOWN: "unknown",
    State.CANCELLED: "denied",
}


def record_intent(scope: Scope, operation: Operation) -> None:
    _record(operation, "intent", "pending", scope.actor, scope.origin, body=operation.body)


def record_outcome(operation: Operation) -> None:
    """What the provider said, or that it did not, in the name of who asked."""
    _record(
        operation,
        "outcome",
        _RESULTS[State(operation.state)],
        _asker(operation),
        _where(operation),
        **_answer(operation),
        **({"body": operation.body} if operation.kind == "update" else {}),
        **({"sent_with": operation.service_token} if operation.service_token else {}),
    )


def can_record_outcome(operation: Operation) -> bool:
    """Tries it, and takes it back."""
    rehearsed = copy(operation)
    rehearsed.state = State.UNKNOWN.value
    try:
        with transaction.atomic():
            record_outcome(rehearsed)
            transaction.set_rollback(True)
    except AuditUnavailable:
        return False
    except (DatabaseError, InterfaceError):
        read_only.suspect()
        return False
    return True


def record_later(operation: Operation, phase: str) -> None:
    """What a worker found out afterwards: `phase` is "observed" or "reconciled"."""
    worker = access.worker_scope(Team(id=operation.team_id)).actor
    _record(
        operation,
        phase,
        _RESULTS[State(operation.state)],
        worker,
        Origin(via="worker", request_id=request_id.current() or operation.request_id),
        **_answer(operation),
    )


def record_closed(scope: Scope, operation: Operation, note: str) -> None:
    record_by(
        scope,
        "operation.closed",
        Target("operation", str(operation.id), operation.server_name),
        reason=note,
        operation=str(operation.id),
        kind=operation.kind,
    )


def record_dismissed(scope: Scope, operation: Operation) -> None:
    record_by(
        scope,
        "operation.dismissed",
        Target("operation", str(operation.id), operation.server_name),
        operation=str(operation.id),
        kind=operation.kind,
    )


def record_adopted(scope: Scope, operation: Operation) -> None:
    _record(operation, "reconciled", "success", scope.actor, scope.origin, **_answer(operation))


def record_confirmed(scope: Scope, operation: Operation) -> None:
    """With what VPS.org had shown, from which it was said."""
    answer = _answer(operation) | {"seen": sightings.lines(operation)}
    _record(operation, "confirmed", "success", scope.actor, scope.origin, **answer)


def _answer(operation: Operation) -> dict[str, Any]:
    return {
        "state": operation.state,
        "provider_status": operation.provider_status,
        "provider_words": operation.provider_words,
        "code": operation.code,
        "note": operation.note,
    }


def _asker(operation: Operation) -> Actor:
    return Actor("user", operation.actor_id, operation.actor_name, operation.actor_role)


def _where(operation: Operation) -> Origin:
    return Origin(
        via=operation.via,  # type: ignore[arg-type]  # written from an Origin
        address=operation.address,
        user_agent=operation.user_agent,
        request_id=operation.request_id,
        key=operation.key_name,
    )


def _record(
    operation: Operation, phase: str, result: Result, actor: Actor, origin: Origin, **data: Any
) -> None:
    record(
        f"server.{operation.kind}",
        chain=str(operation.team_id),
        actor=actor,
        origin=origin,
        target=Target(
            "server",
            operation.provider_id or requested_as(str(operation.id)),
            operation.server_name,
        ),
        result=result,
        reason=operation.reason,
        labels=labels.from_text(operation.labels),
        data={
            "phase": phase,
            "operation": str(operation.id),
            "account": operation.account.name,
            **({"before": operation.before} if operation.before else {}),
            **data,
        },
    )
