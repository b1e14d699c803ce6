"""Reads of the mirror, always through a Scope."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.http import Http404

from controlpanel.accounts.models import Account
from controlpanel.lib.scope import Reach, Scope
from controlpanel.servers import search
from controlpanel.servers.models import (
    AccountSync,
    CatalogueItem,
    Server,
    ServerLabel,
    ServerLock,
)

# As people look for names; the same on both databases.
BY_NAME: Final = ("name_order", "name", "provider_id")
SORTS: Final[Mapping[str, tuple[str, ...]]] = {
    "name": BY_NAME,
    "status": ("status", *BY_NAME),
    "location": ("location", *BY_NAME),
    "plan": ("vcpus", "memory", *BY_NAME),
    "created": ("created_at", "provider_id"),
}


@dataclass(frozen=True, slots=True)
class Filters:
    q: str = ""
    status: str = ""
    location: str = ""
    plan: str = ""
    system: str = ""
    account: str = ""
    label: str = ""
    sort: str = "name"

    @property
    def any(self) -> bool:
        return any(
            (self.q, self.status, self.location, self.plan, self.system, self.account, self.label)
        )


def visible(scope: Scope) -> QuerySet[Server]:
    """Every server this person may know of, gone ones too."""
    found = Server.objects.filter(
        account__team_id=scope.team_id,
        account__origin=settings.VPSORG_API_ORIGIN,
        account__disconnected_at=None,
    )
    return within(scope.reach, found).select_related("account", "lock")


def within(reach: Reach, servers: QuerySet[Server]) -> QuerySet[Server]:
    for part in reach.parts:
        if part.kind == "labels":
            servers = servers.filter(_has_one_of(part.labels))
        else:
            servers = servers.filter(provider_id__in=part.servers)
    return servers


def is_within(reach: Reach, server: Server) -> bool:
    """Of a server that was read just now."""
    return reach.is_all or within(reach, Server.objects.filter(id=server.id)).exists()


def _has_one_of(labels: Iterable[str]) -> Exists:
    """ "env" is any label of that key, "env:prod" just that one."""
    wanted = Q(pk__in=[])
    for label in labels:
        key, sign, value = label.partition(":")
        wanted |= Q(key=key, value=value) if sign else Q(key=key)
    return Exists(ServerLabel.objects.filter(wanted, server=OuterRef("pk")))


def listed(scope: Scope, filters: Filters) -> QuerySet[Server]:
    found = visible(scope).filter(gone_at=None)
    exact: dict[str, Any] = {
        "status": filters.status,
        "location": filters.location,
        "plan_id": filters.plan,
        "os_id": filters.system,
    }
    found = found.filter(**{name: value for name, value in exact.items() if value})
    if filters.account:
        found = found.filter(account_id=_uuid(filters.account))
    if filters.label:
        found = found.filter(_has_one_of([filters.label]))
    if filters.q:
        found = found.filter(search.matching(filters.q, found))
    return found.order_by(*_order(filters.sort))


def get(scope: Scope, provider_id: str) -> Server:
    """Raises Http404 for a foreign and an absent server alike."""
    if "\0" in provider_id:
        raise Http404  # PostgreSQL takes no such text
    found = visible(scope).filter(provider_id=provider_id)
    locks = ServerLock.objects.filter(
        server__provider_id=provider_id,
        server__account__team_id=scope.team_id,
        server__account__origin=settings.VPSORG_API_ORIGIN,
        server__account__disconnected_at=None,
    )
    found = found.annotate(locked_elsewhere=Exists(locks.exclude(server=OuterRef("pk"))))
    # One that is there before one that is gone, and of two accounts the one connected first, in
    # which it can be changed; on either database.
    order = (F("gone_at").asc(nulls_first=True), "account__created_at", "id")
    server = found.order_by(*order).first()
    if server is None:
        raise Http404
    return server


def syncs(scope: Scope) -> QuerySet[AccountSync]:
    return AccountSync.objects.filter(
        account__team_id=scope.team_id, account__disconnected_at=None
    ).select_related("account")


def choices(scope: Scope, *kinds: str) -> QuerySet[CatalogueItem]:
    return CatalogueItem.objects.filter(
        account__team_id=scope.team_id,
        account__origin=settings.VPSORG_API_ORIGIN,
        account__disconnected_at=None,
        kind__in=kinds,
    ).order_by("name", "provider_id")


def in_use(scope: Scope) -> dict[str, set[str]]:
    """By kind of the catalogue, the ids that servers within reach have."""
    present = visible(scope).filter(gone_at=None).order_by()
    rows = present.values_list("location", "plan_id", "os_id").distinct()
    found: dict[str, set[str]] = {"location": set(), "plan": set(), "os": set()}
    for row in rows:
        for kind, value in zip(found, row, strict=True):
            found[kind].add(value)
    return found


def known_ids(account: Account) -> frozenset[str]:
    present = Server.objects.filter(account=account, gone_at=None)
    return frozenset(present.values_list("provider_id", flat=True))


def ids_of_team(scope: Scope) -> frozenset[str]:
    """Provider ids of what the team's connected accounts show, whoever may see it."""
    present = Server.objects.filter(
        account__team_id=scope.team_id,
        account__origin=settings.VPSORG_API_ORIGIN,
        account__disconnected_at=None,
        gone_at=None,
    )
    return frozenset(present.values_list("provider_id", flat=True))


def _order(sort: str) -> list[str]:
    descending = sort.startswith("-")
    fields = SORTS.get(sort.removeprefix("-"), SORTS["name"])
    return [f"-{name}" if descending else name for name in fields]


def _uuid(text: str) -> UUID:
    """The nil id, which is nobody's, for what is none."""
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)
