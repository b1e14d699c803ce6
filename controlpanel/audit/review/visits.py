"""What an auditor's morning page tells: new since the last visit, and the trend of refusals."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from django.db import DatabaseError, transaction
from django.db.models import Sum

from controlpanel.audit.models import AuditEvent, AuditVisit, ChainHead, RefusalDay
from controlpanel.audit.reading import selectors
from controlpanel.lib import clock
from controlpanel.lib.scope import Scope

# Whoever loads the page again within this time is still on the same visit.
VISIT: Final = timedelta(hours=1)
DAYS: Final = 14
SHOWN: Final = 10
# Nothing is counted further than this.
MOST: Final = 500


@dataclass(frozen=True, slots=True)
class News:
    """`since`: number of the last event that was there on the visit before; None: there was none.
    `count`: at most MOST + 1."""

    since: int | None
    events: list[AuditEvent]
    count: int

    @property
    def is_more(self) -> bool:
        return self.count > MOST

    @property
    def is_long(self) -> bool:
        """More than are shown."""
        return self.count > len(self.events)


@dataclass(frozen=True, slots=True)
class Day:
    day: date
    count: int


def visit(scope: Scope) -> int | None:
    """Notes that somebody looks now. The last event that was there on their visit before."""
    assert scope.user_id is not None
    chain, now = str(scope.team_id), clock.now()
    head = ChainHead.objects.filter(chain=chain).values_list("seq", flat=True).first() or 0
    mine = AuditVisit.objects.filter(chain=chain, user_id=scope.user_id)
    last = mine.first()
    if last is None:
        fresh = AuditVisit(
            chain=chain, user_id=scope.user_id, began_at=now, before_seq=None, shown_seq=head
        )
        _quietly(lambda: AuditVisit.objects.bulk_create([fresh], ignore_conflicts=True))
        return None
    if timedelta(0) <= now - last.began_at < VISIT:
        _quietly(lambda: mine.update(shown_seq=head))
        return last.before_seq
    _quietly(lambda: mine.update(began_at=now, before_seq=last.shown_seq, shown_seq=head))
    return last.shown_seq


def news(scope: Scope, since: int | None) -> News:
    """Newest first; on the first visit the newest there are, uncounted."""
    found = selectors.events(scope)
    if since is None:
        return News(None, list(found[:SHOWN]), 0)
    fresh = found.filter(seq__gt=since)
    events = list(fresh[:SHOWN])
    few = len(events) < SHOWN
    count = len(events) if few else len(fresh.values_list("seq")[: MOST + 1])
    return News(since, events, count)


def refusals(scope: Scope) -> Sequence[Day]:
    """The last days, today last, as counted by the worker; days are those of UTC."""
    today = clock.now().date()
    first = today - timedelta(days=DAYS - 1)
    rows = selectors.within(scope, RefusalDay.objects.filter(chain=str(scope.team_id)))
    counted = dict(
        rows.filter(day__gte=first, day__lte=today)
        .order_by("day")
        .values_list("day")
        .annotate(total=Sum("count"))
    )
    days = [first + timedelta(days=n) for n in range(DAYS)]
    return [Day(day, counted.get(day, 0)) for day in days]


def _quietly(write: Callable[[], object]) -> None:
    """A page that can be read without it is not refused because this cannot be noted."""
    with suppress(DatabaseError), transaction.atomic():
        write()
