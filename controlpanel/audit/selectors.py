"""Reading a team's chain: always through a Scope, newest first."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Q, QuerySet

from controlpanel.audit.models import AuditEvent
from controlpanel.lib.scope import Scope

_CURSOR: Final = re.compile(r"([ba])([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Page:
    """`older` and `newer` are cursors, empty where there is nothing."""

    events: list[AuditEvent]
    older: str
    newer: str


def events(
    scope: Scope,
    *,
    actor: str = "",
    action: str = "",
    target: str = "",
    result: str = "",
    after: datetime | None = None,
    before: datetime | None = None,
    q: str = "",
) -> QuerySet[AuditEvent]:
    """`action`: an event's name or the part before its dot; `actor`, `target`: part of the name,
    or the id; `after` is included, `before` is not; `q`: anywhere in the record."""
    found = _of_team(scope)
    if actor:
        found = found.filter(Q(actor_name__icontains=actor) | Q(actor_id=actor))
    if action:
        found = found.filter(Q(event=action) | Q(event__startswith=f"{action}."))
    if target:
        found = found.filter(Q(target_name__icontains=target) | Q(target_id=target))
    if result:
        found = found.filter(result=result)
    if after:
        found = found.filter(at__gte=after)
    if before:
        found = found.filter(at__lt=before)
    if q:
        found = found.filter(canonical__icontains=q)
    return found


def get(scope: Scope, seq: int) -> AuditEvent | None:
    return _of_team(scope).filter(seq=seq).first()


def history(scope: Scope, target_kind: str, target_id: str) -> QuerySet[AuditEvent]:
    """What happened to one server, credential, account or person."""
    return _of_team(scope).filter(target_kind=target_kind, target_id=target_id)


def page(found: QuerySet[AuditEvent], cursor: str = "", size: int = 50) -> Page:
    """One page by keyset: as quick at the far end as at the first page.

    A cursor that is none gives the first page.
    """
    match = _CURSOR.fullmatch(cursor)
    if match and match[1] == "a":
        return _newer_than(found, int(match[2]), size)
    beyond = int(match[2]) if match else None
    rows = list((found.filter(seq__lt=beyond) if beyond is not None else found)[: size + 1])
    return _page(rows[:size], older=len(rows) > size, newer=beyond is not None)


def _newer_than(found: QuerySet[AuditEvent], seq: int, size: int) -> Page:
    rows = list(found.filter(seq__gt=seq).order_by("seq")[: size + 1])
    if len(rows) < size:  # the newest page, filled up
        return page(found, "", size)
    return _page(rows[:size][::-1], older=True, newer=len(rows) > size)


def _page(rows: list[AuditEvent], *, older: bool, newer: bool) -> Page:
    return Page(
        rows,
        older=f"b{rows[-1].seq}" if rows and older else "",
        newer=f"a{rows[0].seq}" if rows and newer else "",
    )


def _of_team(scope: Scope) -> QuerySet[AuditEvent]:
    """Who is there for some servers only reads of those servers, and of nothing else."""
    found = AuditEvent.objects.filter(chain=str(scope.team_id)).order_by("-seq")
    if scope.reach.is_all:
        return found
    of_servers = found.filter(target_kind="server")
    if scope.reach.kind == "servers":
        return of_servers.filter(target_id__in=scope.reach.servers)
    wanted = Q(seq__lt=0)  # nobody
    for label in scope.reach.labels:
        wanted |= Q(labels__contains=f"|{label}|")
    return of_servers.filter(wanted)
