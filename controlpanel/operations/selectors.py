from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import Http404

from controlpanel.lib.scope import Scope
from controlpanel.operations.models import IS_OPEN, IS_UNNOTICED, Operation
from controlpanel.operations.states import UNANSWERED, State
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
    """The open operation of each server that says most about it, by provider id, in one query:
    one that is being sent, else a delete, else one that nobody knows the end of, else the newest.
    """
    ids = [server.provider_id for server in servers]
    running = visible(scope).filter(IS_OPEN, provider_id__in=ids).select_related(None)
    return {operation.provider_id: operation for operation in sorted(running, key=_weight)}


def _weight(operation: Operation) -> tuple[bool, bool, bool, datetime]:
    return (
        operation.state in UNANSWERED,
        operation.kind == "delete",
        operation.state == State.UNKNOWN.value,
        operation.requested_at,
    )


def attention_on(
    scope: Scope, servers: Iterable[Server], *, creates: bool = False
) -> dict[str, list[Operation]]:
    """What somebody has to know of each server, by provider id, in one query: what is unknown
    until it is resolved, then what was not done until it is noticed; the newest first. With
    `creates`, under "" also those of servers that are not known."""
    ids = {server.provider_id for server in servers} - {""}
    wanted = Q(provider_id__in=ids)
    if creates:
        wanted |= Q(provider_id="", kind="create")
    unknown = Q(IS_OPEN, state=State.UNKNOWN.value)
    found = visible(scope).filter(wanted).filter(unknown | IS_UNNOTICED)
    by_server: dict[str, list[Operation]] = {}
    for operation in found.order_by("-requested_at"):
        by_server.setdefault(operation.provider_id, []).append(operation)
    for operations in by_server.values():
        operations.sort(key=lambda one: one.state != State.UNKNOWN.value)
    return by_server


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
