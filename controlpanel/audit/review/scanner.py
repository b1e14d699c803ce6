"""Looks through the chains for what deserves a second look, event by event, each once.

A batch and the place in the chain that it reached are one transaction: a worker that is killed, or
two of them, change nothing in what comes out.
"""

import time
from collections import defaultdict, deque
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, NamedTuple

from django.db import transaction
from django.db.models import F, Max

from controlpanel.audit.log.recorder import PANEL
from controlpanel.audit.models import (
    AuditEvent,
    ChainHead,
    RefusalDay,
    ReviewCursor,
    ReviewItem,
    ReviewRules,
    SeenAddress,
)
from controlpanel.audit.review import rules as review_rules
from controlpanel.audit.review.rules import ADDRESSES, OUTSIDE, REFUSALS, Settings

BATCH: Final = 500
# Events that a look back for refusals reads at most.
_BACK: Final = 5000
ACKNOWLEDGED: Final = "outside.acknowledged"


def catch_up(seconds: float = 4.0) -> None:
    """All teams' chains, as far as the time goes; the next call goes on from there."""
    until = time.monotonic() + seconds
    for chain in behind():
        while time.monotonic() < until and advance(chain):
            pass


def behind() -> list[str]:
    """Chains with events that were not looked at. The panel's own has no team to look."""
    reached = dict(ReviewCursor.objects.values_list("chain", "seq"))
    heads = ChainHead.objects.exclude(chain=PANEL).values_list("chain", "seq")
    return [chain for chain, seq in heads if reached.get(chain, 0) < seq]


def advance(chain: str, most: int = BATCH) -> bool:
    """Looks at the next events of a chain. True if there may be more."""
    with transaction.atomic():
        cursor = locked(chain)
        later = AuditEvent.objects.filter(chain=chain, seq__gt=cursor.seq).order_by("seq")
        events = list(later[:most])
        if not events:
            return False
        scan = _Scan(chain, cursor.seq)
        for event in events:
            scan.at(event)
        scan.write()
        ReviewCursor.objects.filter(chain=chain).update(seq=events[-1].seq)
    return len(events) == most


def locked(chain: str) -> ReviewCursor:
    """Until the transaction ends nobody else derives or signs off in this chain."""
    ReviewCursor.objects.bulk_create([ReviewCursor(chain=chain)], ignore_conflicts=True)
    return ReviewCursor.objects.select_for_update().get(chain=chain)


def settings_after(chain: str, seq: int) -> Settings:
    """What was in force for the event that comes after `seq`."""
    found = ReviewRules.objects.filter(chain=chain, from_seq__lte=seq).order_by("-from_seq").first()
    return review_rules.settings_from(found.settings) if found else Settings()


class _Scan:
    """One batch: what was found is written at its end."""

    def __init__(self, chain: str, reached: int) -> None:
        self.chain, self.reached = chain, reached
        self.settings = settings_after(chain, reached)
        later = ReviewRules.objects.filter(chain=chain, from_seq__gt=reached).order_by("from_seq")
        self.changes = deque(later)
        self.items: list[ReviewItem] = []
        self.acknowledged: list[AuditEvent] = []
        self.refusals = _Refusals(chain, reached)
        self.addresses = _Addresses(chain)
        self.days: dict[tuple[str, ...], RefusalDay] = {}

    def at(self, event: AuditEvent) -> None:
        while self.changes and self.changes[0].from_seq < event.seq:
            self.settings = review_rules.settings_from(self.changes.popleft().settings)
        for slug in review_rules.by_itself(event, self.settings):
            self._open(event, slug)
        if self.addresses.is_new(event) and self.settings.is_on(ADDRESSES):
            self._open(event, ADDRESSES)
        if review_rules.is_refusal(event):
            self._count(event)
            self._refused(event)
        if event.event == ACKNOWLEDGED:
            self.acknowledged.append(event)

    def write(self) -> None:
        # What is there already is the same, derived before.
        ReviewItem.objects.bulk_create(self.items, ignore_conflicts=True)
        self.refusals.write()
        self.addresses.write()
        for event in self.acknowledged:
            _close(event)
        for counted in self.days.values():
            _add_up(counted)

    def _open(self, event: AuditEvent, slug: str) -> ReviewItem:
        item = ReviewItem(
            chain=self.chain,
            seq=event.seq,
            rule=slug,
            at=event.at,
            actor_id=_behind(event),
            target_kind=event.target_kind,
            target_id=event.target_id,
            labels=event.labels,
            last_seq=event.seq,
            last_at=event.at,
        )
        self.items.append(item)
        return item

    def _refused(self, event: AuditEvent) -> None:
        span = timedelta(minutes=self.settings.minutes)
        in_a_row = self.refusals.add(event, span)
        if in_a_row >= self.settings.in_a_row and self.settings.is_on(REFUSALS):
            item = self._open(event, REFUSALS)
            item.count = in_a_row
            self.refusals.begin(event.actor_id, item)

    def _count(self, event: AuditEvent) -> None:
        of_server = event.target_kind == "server"
        day = RefusalDay(
            chain=self.chain,
            day=event.at.date(),
            target_kind=event.target_kind if of_server else "",
            target_id=event.target_id if of_server else "",
            labels=event.labels,
            labels_key=sha256(event.labels.encode()).hexdigest()[:16],
        )
        key = (str(day.day), day.target_id, day.labels_key)
        self.days.setdefault(key, day).count += review_rules.refusals_in(event)


class _Refused(NamedTuple):
    """An event, and how many refusals it tells of."""

    at: datetime
    seq: int
    number: int


class _Refusals:
    """Who was refused how often lately, and the item that stands for it, by actor."""

    def __init__(self, chain: str, reached: int) -> None:
        self.chain, self.reached = chain, reached
        self.lately: dict[str, deque[_Refused]] | None = None
        self.rows: dict[str, ReviewItem | None] = {}
        # By the number of its first event: within a batch one of an actor may end, another begin.
        self.grown: dict[int, ReviewItem] = {}

    def add(self, event: AuditEvent, span: timedelta) -> int:
        """How many there are in a row that no item stands for yet; 0 while one grows."""
        actor, number = event.actor_id, review_rules.refusals_in(event)
        row = self._row(actor)
        if row and row.signed_at is None and event.at - row.last_at <= span:
            row.count, row.last_seq, row.last_at = row.count + number, event.seq, event.at
            self.grown[row.seq] = row
            return 0
        if self.lately is None:
            self.lately = self._before(event.at - span)
        mine = self.lately[actor]
        mine.append(_Refused(event.at, event.seq, number))
        told = row.last_seq if row else 0
        while mine and (event.at - mine[0].at > span or mine[0].seq <= told):
            mine.popleft()
        return sum(one.number for one in mine)

    def begin(self, actor: str, item: ReviewItem) -> None:
        self.rows[actor] = item

    def write(self) -> None:
        for row in self.grown.values():
            ReviewItem.objects.filter(chain=self.chain, seq=row.seq, rule=REFUSALS).update(
                count=row.count, last_seq=row.last_seq, last_at=row.last_at
            )

    def _row(self, actor: str) -> ReviewItem | None:
        if actor not in self.rows:
            rows = ReviewItem.objects.filter(chain=self.chain, rule=REFUSALS, actor_id=actor)
            self.rows[actor] = rows.order_by("-seq").first()
        return self.rows[actor]

    def _before(self, since: datetime) -> dict[str, deque[_Refused]]:
        """Refusals before this batch that may still count."""
        events = AuditEvent.objects.filter(chain=self.chain, at__gte=since, seq__lte=self.reached)
        newest = events.order_by("-seq").only(
            "chain", "seq", "at", "actor_id", "event", "result", "canonical"
        )
        found: dict[str, deque[_Refused]] = defaultdict(deque)
        for event in newest[:_BACK]:
            if review_rules.is_refusal(event):
                number = review_rules.refusals_in(event)
                found[event.actor_id].appendleft(_Refused(event.at, event.seq, number))
        return found


class _Addresses:
    """From where somebody came before; what is asked is remembered for the batch."""

    def __init__(self, chain: str) -> None:
        self.chain = chain
        self.known: dict[str, set[str]] = {}
        self.fresh: list[SeenAddress] = []

    def is_new(self, event: AuditEvent) -> bool:
        """Whether somebody known comes from where they never came from. Learns it."""
        subject = review_rules.came_from(event)
        if not subject:
            return False
        known = self.known.get(subject)
        if known is None:
            rows = SeenAddress.objects.filter(chain=self.chain, subject=subject)
            known = self.known[subject] = set(rows.values_list("address", flat=True))
        if event.address in known:
            return False
        is_first = not known
        known.add(event.address)
        self.fresh.append(
            SeenAddress(chain=self.chain, subject=subject, address=event.address, seq=event.seq)
        )
        return not is_first

    def write(self) -> None:
        SeenAddress.objects.bulk_create(self.fresh, ignore_conflicts=True)


def _behind(event: AuditEvent) -> str:
    """Id of the person whose action it is: also of what a worker found out about it later."""
    if event.actor_kind == "user":
        return event.actor_id
    if not event.operation_id:
        return ""
    of_target = AuditEvent.objects.filter(
        chain=event.chain, target_kind=event.target_kind, target_id=event.target_id
    )
    asked = of_target.filter(operation_id=event.operation_id, actor_kind="user")
    return asked.order_by("seq").values_list("actor_id", flat=True).first() or ""


def _close(event: AuditEvent) -> None:
    """Somebody acknowledged an outside change on its own page: that was the second look."""
    waiting = ReviewItem.objects.filter(
        chain=event.chain, seq=event.data["seq"], rule=OUTSIDE, signed_at=None
    )
    waiting.update(
        signed_at=event.at,
        signed_by_id=event.actor_id,
        signed_by_name=event.actor_name,
        note=event.reason,
        signed_seq=event.seq,
    )


def _add_up(counted: RefusalDay) -> None:
    key = {name: getattr(counted, name) for name in ("chain", "day", "target_id", "labels_key")}
    added = RefusalDay.objects.filter(**key).update(count=F("count") + counted.count)
    if not added:
        counted.save(force_insert=True)


def reached(chain: str) -> tuple[int, int]:
    """How far a chain was looked through, and how far it goes."""
    cursor = ReviewCursor.objects.filter(chain=chain).aggregate(at=Max("seq"))["at"]
    head = ChainHead.objects.filter(chain=chain).aggregate(at=Max("seq"))["at"]
    return cursor or 0, head or 0
