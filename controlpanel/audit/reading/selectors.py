"""Reading a team's chain: always through a Scope, newest first."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Func, Max, Model, Q, QuerySet, TextField
from django.db.models.sql.compiler import SQLCompiler

from controlpanel.audit.events import registry
from controlpanel.audit.models import AuditEvent
from controlpanel.audit.reading import text_index
from controlpanel.lib.scope import Scope

_Row = TypeVar("_Row", bound=Model)

MANY: Final = 50
RECENT: Final = 5000
FEW: Final = 2000
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
    history: tuple[str, str] | None = None,
    result: str = "",
    via: str = "",
    address: str = "",
    request: str = "",
    reason: str = "",
    after: datetime | None = None,
    before: datetime | None = None,
    words: Iterable[str] = (),
) -> QuerySet[AuditEvent]:
    """`action`: an event's name, a group, or the part before the dot; `actor`, `target`: part of
    the name, or the id; `history`: kind and id of one target; `reason`: part of it; `after` is
    included, `before` is not; each of `words` stands anywhere in the record."""
    found = _of_team(scope)
    if actor:
        found = _of_actor(found, scope, actor)
    if action:
        found = _called(found, scope, registry.named(action))
    if target:
        found = text_index.matching(found, str(scope.team_id), target)
        found = found.filter(text_index.part_of("target_name", target) | Q(target_id=target))
    if history:
        found = found.filter(target_kind=history[0], target_id=history[1])
    exact = {"result": result, "via": via, "address": address, "request_id": request}
    found = found.filter(**{name: value for name, value in exact.items() if value})
    if after:
        found = found.filter(at__gte=after)
    if before:
        found = found.filter(at__lt=before)
    for word in (*words, *([reason] if reason else [])):
        found = text_index.matching(found, str(scope.team_id), word)
    if reason:
        found = found.alias(why=_Reason("canonical")).filter(why__icontains=reason)
    return found


def get(scope: Scope, seq: int) -> AuditEvent | None:
    return _of_team(scope).filter(seq=seq).first()


def history(scope: Scope, target_kind: str, target_id: str) -> QuerySet[AuditEvent]:
    """What happened to one server, credential, account or person."""
    return _of_team(scope).filter(target_kind=target_kind, target_id=target_id)


def before_and_after(
    scope: Scope, event: AuditEvent
) -> tuple[AuditEvent | None, AuditEvent | None]:
    """The neighbours in its target's history, as far as this person may see them."""
    others = history(scope, event.target_kind, event.target_id)
    earlier = others.filter(seq__lt=event.seq).first()
    return earlier, others.filter(seq__gt=event.seq).order_by("seq").first()


def of_request(scope: Scope, request_id: str, most: int) -> list[AuditEvent]:
    """Everything that one request did, in order, and what was seen of its operations later on."""
    own = list(events(scope, request=request_id).order_by("seq")[:most])
    # Asked for here, not just followed by a worker that looks after many.
    asked = {event.operation_id for event in own if event.result == "pending"} - {""}
    about = {event.target_id for event in own if event.operation_id in asked}
    later = _of_team(scope).filter(
        target_kind="server", target_id__in=about, operation_id__in=asked
    )
    followed = later.exclude(request_id=request_id).order_by("seq")[:most]
    return sorted([*own, *followed], key=lambda event: event.seq)[:most]


def newest(scope: Scope) -> int:
    """Number of the newest event that this person may see; 0 if there is none."""
    return _of_team(scope).values_list("seq", flat=True).first() or 0


def newer(found: QuerySet[AuditEvent], seq: int) -> int:
    """How many of `found` came after `seq`; one more than MANY stands for more than that."""
    return len(found.filter(seq__gt=seq).order_by("seq").values_list("seq")[: MANY + 1])


def in_use(scope: Scope, column: str, part: str, most: int) -> list[str]:
    """Values of a column that have `part` in them, the newest first, from the last events only:
    looking through a long log for every letter typed would take too long."""
    recent = _of_team(scope).filter(seq__gt=newest(scope) - RECENT).exclude(**{column: ""})
    if part:
        recent = recent.filter(**{f"{column}__icontains": part})
    values = recent.order_by().values_list(column).annotate(last=Max("seq"))
    return [value for value, _last in values.order_by("-last")[:most]]


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


def _called(found: QuerySet[AuditEvent], scope: Scope, names: list[str]) -> QuerySet[AuditEvent]:
    """An index finds one name in order, and several not: where these are few, they are looked up
    one by one, and where they are many, they are met soon."""
    if len(names) == 1:
        return found.filter(event=names[0])
    of_chain = AuditEvent.objects.filter(chain=str(scope.team_id), event__in=names).values("seq")
    if of_chain[:FEW].count() < FEW:
        return found.filter(seq__in=of_chain)
    return found.filter(event__in=names)


def _of_actor(found: QuerySet[AuditEvent], scope: Scope, actor: str) -> QuerySet[AuditEvent]:
    try:
        return found.filter(actor_id=str(UUID(actor)))
    except ValueError:
        found = text_index.matching(found, str(scope.team_id), actor)
        return found.filter(text_index.part_of("actor_name", actor) | Q(actor_id=actor))


class _Reason(Func):
    """The reason within the canonical text: it has no column of its own."""

    output_field = TextField()
    template = "(%(expressions)s::jsonb ->> 'reason')"

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_more: Any
    ) -> Any:
        template = "json_extract(%(expressions)s, '$.reason')"
        return self.as_sql(compiler, connection, template=template)


def _of_team(scope: Scope) -> QuerySet[AuditEvent]:
    return within(scope, AuditEvent.objects.filter(chain=str(scope.team_id))).order_by("-seq")


def within(scope: Scope, found: QuerySet[_Row]) -> QuerySet[_Row]:
    """Who is there for some servers only reads of those servers, and of nothing else.

    `found`: rows with an event's `target_kind`, `target_id` and `labels`.
    """
    if scope.reach.is_all:
        return found
    of_servers = found.filter(target_kind="server")
    for part in scope.reach.parts:
        if part.kind == "servers":
            of_servers = of_servers.filter(target_id__in=part.servers)
        else:
            of_servers = of_servers.filter(_has_one_of(part.labels))
    return of_servers


def _has_one_of(labels: Iterable[str]) -> Q:
    wanted = Q(labels__in=())  # nobody
    for label in labels:
        wanted |= Q(labels__contains=f"|{label}|")
    return wanted
