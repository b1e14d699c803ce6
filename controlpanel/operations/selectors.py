from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import Http404

from controlpanel.lib.scope import Scope
from controlpanel.operations.models import Operation
from controlpanel.operations.states import OPEN
from controlpanel.servers.models import Server

# The provider's clock and ours may differ.
CLOCK_TOLERANCE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Filters:
    q: str = ""
    state: str = ""
    kind: str = ""

    @property
    def any(self) -> bool:
        return bool(self.q or self.state or self.kind)


def visible(scope: Scope) -> QuerySet[Operation]:
    return Operation.objects.filter(team_id=scope.team_id).select_related("account")


def newest(scope: Scope) -> QuerySet[Operation]:
    return visible(scope).order_by("-requested_at", "-id")


def listed(scope: Scope, filters: Filters) -> QuerySet[Operation]:
    """Newest first. `q` is looked for in the server's name and id, and in who asked."""
    found = newest(scope)
    if filters.state:
        found = found.filter(state=filters.state)
    if filters.kind:
        found = found.filter(kind=filters.kind)
    if filters.q:
        found = found.filter(
            Q(server_name__icontains=filters.q)
            | Q(actor_name__icontains=filters.q)
            | Q(provider_id=filters.q)
        )
    return found


def get(scope: Scope, operation_id: UUID) -> Operation:
    """Raises Http404 for a foreign and an absent operation alike."""
    operation = visible(scope).filter(id=operation_id).first()
    if operation is None:
        raise Http404
    return operation


def of_server(scope: Scope, server: Server) -> QuerySet[Operation]:
    return newest(scope).filter(account_id=server.account_id, provider_id=server.provider_id)


def of_form(scope: Scope, form_id: str) -> Operation | None:
    """What this person already asked for with this very form."""
    return visible(scope).filter(actor_id=scope.actor.id, form_id=form_id).first()


def running_on(scope: Scope, servers: Iterable[Server]) -> dict[str, Operation]:
    """The newest open operation of each server, by provider id, in one query."""
    ids = [server.provider_id for server in servers]
    running = visible(scope).filter(provider_id__in=ids, state__in=OPEN).order_by("requested_at")
    return {operation.provider_id: operation for operation in running}


def running(scope: Scope) -> QuerySet[Operation]:
    return newest(scope).filter(state__in=OPEN)


def candidates(operation: Operation) -> QuerySet[Server]:
    """New servers in the mirror that an unknown create may have made, none claimed by another."""
    body = operation.body
    claimed = (
        Operation.objects.filter(account_id=operation.account_id, kind="create")
        .exclude(id=operation.id)
        .exclude(provider_id="")
    )
    return (
        Server.objects.filter(
            _same_or_untold("plan_id", str(body.get("plan_id", ""))),
            _same_or_untold("os_id", str(body.get("os_id", ""))),
            _same_or_untold("location", str(body.get("location", ""))),
            Q(created_at=None) | Q(created_at__gte=operation.requested_at - CLOCK_TOLERANCE),
            account_id=operation.account_id,
            name=body.get("name", ""),
            first_seen_at__gte=operation.requested_at,
            gone_at=None,
        )
        .exclude(provider_id__in=claimed.values("provider_id"))
        .order_by("created_at", "provider_id")
    )


def _same_or_untold(name: str, value: str) -> Q:
    return Q(**{name: value}) | Q(**{name: ""})
