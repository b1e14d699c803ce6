from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import Http404

from controlpanel.lib.scope import Scope
from controlpanel.operations.models import IS_OPEN, Operation
from controlpanel.servers import labels
from controlpanel.servers.models import Server
from controlpanel.servers.selectors import within

# The provider's clock and ours may differ.
CLOCK_TOLERANCE = timedelta(minutes=2)
# By as much as its clock may be off where it tells the time of a zone that it does not name.
ZONE_TOLERANCE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Filters:
    q: str = ""
    state: str = ""
    kind: str = ""

    @property
    def any(self) -> bool:
        return bool(self.q or self.state or self.kind)


def visible(scope: Scope) -> QuerySet[Operation]:
    """Of the team's servers within reach."""
    found = Operation.objects.filter(team_id=scope.team_id).select_related("account")
    return labels.within(scope.reach, found)


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
    """What this person already asked for with this very form, whatever they may see by now: the
    same form is never two operations."""
    return (
        Operation.objects.filter(team_id=scope.team_id, actor_id=scope.actor.id, form_id=form_id)
        .select_related("account")
        .first()
    )


def running_on(scope: Scope, servers: Iterable[Server]) -> dict[str, Operation]:
    """The newest open operation of each server, by provider id, in one query."""
    ids = [server.provider_id for server in servers]
    running = visible(scope).filter(IS_OPEN, provider_id__in=ids).select_related(None)
    return {operation.provider_id: operation for operation in running.order_by("requested_at")}


def running(scope: Scope) -> QuerySet[Operation]:
    return newest(scope).filter(IS_OPEN)


def candidates(operation: Operation) -> QuerySet[Server]:
    """New servers of that name in the mirror, none claimed by another create."""
    claimed = (
        Operation.objects.filter(account_id=operation.account_id, kind="create")
        .exclude(id=operation.id)
        .exclude(provider_id="")
    )
    return (
        Server.objects.filter(
            Q(created_at=None) | Q(created_at__gte=operation.requested_at - ZONE_TOLERANCE),
            account_id=operation.account_id,
            name=operation.body.get("name", ""),
            first_seen_at__gte=operation.requested_at,
            gone_at=None,
        )
        .exclude(provider_id__in=claimed.values("provider_id"))
        .order_by("created_at", "provider_id")
    )


def candidates_for(scope: Scope, operation: Operation) -> QuerySet[Server]:
    """Those that this person may see. A new server has no labels yet: whoever asked for one may
    see it all the same, or they could never say that it is theirs."""
    found = candidates(operation)
    if scope.reach.is_all:
        return found
    near = within(scope.reach, found)
    if operation.actor_id != scope.actor.id:
        return near
    return (near | found.filter(labels=None)).distinct()


def is_as_asked(operation: Operation, server: Server) -> bool:
    """Whether a candidate is so surely the one that nobody need be asked."""
    if server.created_at is None or server.created_at < operation.requested_at - CLOCK_TOLERANCE:
        return False
    names = ("plan_id", "os_id", "location")
    return all(getattr(server, name) in ("", str(operation.body.get(name, ""))) for name in names)
