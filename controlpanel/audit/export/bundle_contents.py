"""What goes into a bundle: everything of a span of time, or the histories of some targets."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db.models import Min, Q, QuerySet

from controlpanel.audit.log.content import requested_as
from controlpanel.audit.models import AuditEvent
from controlpanel.audit.reading import selectors
from controlpanel.audit.reading.batches import Progress, iterate, quietly
from controlpanel.lib import clock
from controlpanel.lib.scope import Scope

# So many targets are asked for by name; of more, their kinds are, and the rest is left out here.
_NAMED: Final = 500
_NO_END: Final = 2**63 - 1
_ALWAYS: Final = datetime(1970, 1, 1, tzinfo=UTC)

Key = tuple[str, str]  # kind and id of a target


@dataclass(frozen=True, slots=True)
class Span:
    """Everything in a chain within a time, both ends included.

    The event before it and what follows up to the next checkpoint come along: they prove that
    nothing is missing at either end.
    """

    chain: str
    team: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Histories:
    """Of the targets of `found`, as far as the reader may see them.

    Whole, or with `filters` from the first event on that they found: what follows proves that it
    is in the log.
    """

    chain: str
    team: str
    seen: QuerySet[AuditEvent]
    found: QuerySet[AuditEvent]
    filters: str = ""


@dataclass(slots=True)
class Run:
    """Which events of a target's history are there: those up to `last`, but for `gaps`, each the
    number before it and the number after it."""

    last: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)

    def goes_on(self, number: int) -> None:
        if number != self.last + 1:
            self.gaps.append((self.last, number))
        self.last = number


Wanted = Span | Histories


def wanted(
    scope: Scope, asked: Mapping[str, Any], filters: str, at: datetime | None = None
) -> Wanted:
    """What proves most of what `asked` finds for this reader. `filters`: the same in words; `at`:
    when it was asked for, if not now."""
    given = {name for name, value in asked.items() if value not in ("", None, [], ())}
    chain, team = str(scope.team_id), scope.team_slug
    if scope.reach.is_all and given <= {"after", "before"}:
        until = _just_before(asked["before"]) if "before" in given else at or clock.now()
        return Span(chain, team, asked["after"] if "after" in given else _ALWAYS, until)
    seen = selectors.events(scope)
    found = selectors.events(scope, **asked)
    return Histories(chain, team, seen, found, filters if given - {"target", "history"} else "")


def of_target(chain: str, team: str, kind: str, target: str) -> Histories:
    """The whole history of one target, for somebody who may see all."""
    seen = AuditEvent.objects.filter(chain=chain)
    return Histories(chain, team, seen, seen.filter(target_kind=kind, target_id=target))


def targets(wanted: Histories, until: int) -> dict[Key, int]:
    """The targets, with the number in the history from which on their events belong to it.

    A whole history brings along those of the operations in it: the request for a server was
    recorded before it had an id.
    """
    found = wanted.found.filter(seq__lte=until).order_by()
    firsts = found.values_list("target_kind", "target_id").annotate(first=Min("target_seq"))
    if wanted.filters:
        return {(kind, target): first for kind, target, first in firsts}
    named = {(kind, target) for kind, target, _first in firsts}
    return dict.fromkeys(named | _related(wanted, found), 0)


def events(
    wanted: Histories, of: Mapping[Key, int], until: int, told: Progress = quietly
) -> Iterator[AuditEvent]:
    """Oldest first."""
    for event in iterate(within(wanted.seen, of), until, told=told):
        first = of.get((event.target_kind, event.target_id))
        if first is not None and event.target_seq >= first:
            yield event


def size(wanted: Histories, limit: int) -> int:
    """How many events at most; `limit` + 1 stands for more."""
    rows = within(wanted.seen, targets(wanted, _NO_END))
    return rows.order_by()[: limit + 1].count()


def runs(
    wanted: Histories, of: Mapping[Key, int], until: int, told: Progress = quietly
) -> dict[Key, Run]:
    """By a query of its own, so that an event that gets lost on its way into a bundle is found."""
    found: dict[Key, Run] = {key: Run() for key in of}
    rows = within(wanted.seen, of).filter(target_seq__gt=0)
    numbers = rows.values_list("target_kind", "target_id", "target_seq")
    for kind, target, number in iterate(numbers, until, told=told):
        if number >= of.get((kind, target), number + 1):
            found[kind, target].goes_on(number)
    return found


def within(rows: QuerySet[AuditEvent], of: Collection[Key]) -> QuerySet[AuditEvent]:
    kinds = {kind for kind, _target in of}
    if len(of) > _NAMED:
        return rows.filter(target_kind__in=kinds)
    chosen = Q(seq__lt=0)  # none
    for kind in kinds:
        names = [target for of_kind, target in of if of_kind == kind]
        chosen |= Q(target_kind=kind, target_id__in=names)
    return rows.filter(chosen)


def _just_before(moment: datetime) -> datetime:
    return max(moment, _ALWAYS) - timedelta(microseconds=1)


def _related(wanted: Histories, found: QuerySet[AuditEvent]) -> set[Key]:
    servers = found.filter(target_kind="server").exclude(operation_id="")
    operations = list(servers.values_list("operation_id", flat=True).distinct())
    related: set[Key] = set()
    for some in _chunks(operations):
        theirs = Q(target_kind="operation", target_id__in=some) | Q(
            target_kind="server", target_id__in=[requested_as(one) for one in some]
        )
        rows = wanted.seen.filter(theirs).order_by()
        related.update(rows.values_list("target_kind", "target_id").distinct())
    return related


def _chunks(names: list[str]) -> Iterable[list[str]]:
    return (names[start : start + _NAMED] for start in range(0, len(names), _NAMED))
