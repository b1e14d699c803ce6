"""What waits for a second look, and signing it off. Always through a Scope, oldest first."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from controlpanel.audit.log.recorder import Target, record_by
from controlpanel.audit.models import AuditEvent, ReviewItem
from controlpanel.audit.reading import selectors
from controlpanel.audit.review import interest, scanner
from controlpanel.audit.review import projections as review_projections
from controlpanel.audit.review import rules as review_rules
from controlpanel.audit.review.rules import RULES
from controlpanel.lib import clock
from controlpanel.lib.scope import Scope
from controlpanel.lib.text import clean

# Nothing on a page counts further than this.
MOST: Final = 1000
# Of one sign-off; what an event can name.
MOST_AT_ONCE: Final = 50
_CHOICE: Final = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})")
_CURSOR: Final = re.compile(r"([ab])([0-9]{1,18})")
_WORD: Final = re.compile(r"\w+")


class NotSignedOff(Exception):
    """Nothing was signed off; the message is a sentence for the person."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event with all the reasons why it waits, or waited."""

    event: AuditEvent
    items: list[ReviewItem]

    @property
    def choice(self) -> str:
        """What a form sends back: the event, and how far its refusals went when it was seen."""
        return f"{self.event.seq}.{self.last.last_seq}"

    @property
    def last(self) -> ReviewItem:
        return max(self.items, key=lambda item: item.last_seq)

    def is_of(self, scope: Scope) -> bool:
        """Their own action, or to their advantage: somebody else must look at it."""
        return is_own(scope, self.items[0]) or interest.profits(scope, self.event)


@dataclass(frozen=True, slots=True)
class Page:
    """`next` and `previous` are cursors, empty where there is nothing."""

    entries: list[Entry]
    next: str
    previous: str


@dataclass(frozen=True, slots=True)
class SignedOff:
    """Numbers of the events: signed off now, and left, since they are the person's own or to their
    advantage, or were signed off by somebody else or grew meanwhile."""

    done: tuple[int, ...] = ()
    own: tuple[int, ...] = ()
    taken: tuple[int, ...] = ()
    grown: tuple[int, ...] = ()


def is_own(scope: Scope, item: ReviewItem) -> bool:
    return bool(item.actor_id) and item.actor_id == scope.actor.id


def visible(scope: Scope) -> QuerySet[ReviewItem]:
    """Refusals in a row were counted over the whole team: only who sees that sees them."""
    found = selectors.within(scope, ReviewItem.objects.filter(chain=str(scope.team_id)))
    return found if scope.reach.is_all else found.exclude(rule=review_rules.REFUSALS)


def waiting(scope: Scope, rule: str = "") -> QuerySet[ReviewItem]:
    found = visible(scope).filter(signed_at=None)
    return found.filter(rule=rule) if rule else found


def counts(scope: Scope) -> Mapping[str, int]:
    """By rule, among the first MOST that wait."""
    oldest = waiting(scope).order_by("seq").values_list("rule", flat=True)
    return Counter(oldest[:MOST])


def page(scope: Scope, rule: str = "", cursor: str = "", size: int = MOST_AT_ONCE) -> Page:
    """One page by keyset. A cursor that is none gives the first page."""
    match = _CURSOR.fullmatch(cursor)
    found = waiting(scope, rule).values_list("seq", flat=True).distinct()
    if match and match[1] == "b":
        before = list(found.filter(seq__lt=int(match[2])).order_by("-seq")[: size + 1])
        if len(before) < size:
            return page(scope, rule, "", size)
        seqs, has_next, has_previous = before[:size][::-1], True, len(before) > size
    else:
        beyond = int(match[2]) if match else 0
        after = list(found.filter(seq__gt=beyond).order_by("seq")[: size + 1])
        seqs, has_next, has_previous = after[:size], len(after) > size, bool(match)
    return Page(
        _entries(scope, seqs),
        next=f"a{seqs[-1]}" if seqs and has_next else "",
        previous=f"b{seqs[0]}" if seqs and has_previous else "",
    )


def of_event(scope: Scope, event: AuditEvent) -> list[ReviewItem]:
    """Why an event that the person may read waits, or waited."""
    return list(visible(scope).filter(seq=event.seq).order_by("id"))


def chosen(texts: Iterable[str]) -> dict[int, int]:
    """From what a form sent: events, each with how far it went when it was seen."""
    matches = [match for text in texts if (match := _CHOICE.fullmatch(text))]
    return {int(match[1]): int(match[2]) for match in matches[:MOST_AT_ONCE]}


def sign_off(scope: Scope, choice: Mapping[int, int], note: str) -> SignedOff:
    """Once: what somebody else signed off meanwhile stays theirs. One event per target says so.

    Raises NotSignedOff. Whether the person has the right is asked before.
    """
    note = clean(note, 500)
    if not choice:
        raise NotSignedOff(_("Choose at least one event."))
    with transaction.atomic():
        scanner.locked(str(scope.team_id))
        rows = visible(scope).filter(seq__in=list(choice)).order_by("seq", "id")
        found: dict[int, list[ReviewItem]] = {}
        for row in rows:
            found.setdefault(row.seq, []).append(row)
        sorted_out = _sorted_out(scope, found, choice)
        done = [row for seq in sorted_out.done for row in found[seq] if row.signed_at is None]
        _insist_on_note(done, note)
        _sign(scope, done, note)
    return sorted_out


def _sorted_out(
    scope: Scope, found: Mapping[int, list[ReviewItem]], choice: Mapping[int, int]
) -> SignedOff:
    events = AuditEvent.objects.filter(chain=str(scope.team_id), seq__in=list(found))
    gained = {event.seq for event in events if interest.profits(scope, event)}
    by_fate: dict[str, list[int]] = {"done": [], "own": [], "taken": [], "grown": []}
    for seq, rows in found.items():
        open_rows = [row for row in rows if row.signed_at is None]
        if not open_rows:
            by_fate["taken"].append(seq)
        elif seq in gained or any(is_own(scope, row) for row in open_rows):
            by_fate["own"].append(seq)
        elif any(row.last_seq > choice[seq] for row in open_rows):
            by_fate["grown"].append(seq)
        else:
            by_fate["done"].append(seq)
    return SignedOff(**{fate: tuple(seqs) for fate, seqs in by_fate.items()})


def _insist_on_note(rows: list[ReviewItem], note: str) -> None:
    if len({row.seq for row in rows}) > 1 and len(_WORD.findall(note)) < 2:
        raise NotSignedOff(
            _("Write a sentence that says why all of these are in order, for whoever reads it.")
        )
    if not note and any(row.rule in RULES and RULES[row.rule].asks_note for row in rows):
        raise NotSignedOff(_("Say what you found out, for whoever reads it later."))


def _sign(scope: Scope, rows: list[ReviewItem], note: str) -> None:
    """The rows first, the events last: from those on the chain's head is held."""
    by: dict[str, Any] = {
        "signed_at": clock.now(),
        "signed_by_id": scope.actor.id,
        "signed_by_name": scope.actor.name,
        "note": note,
    }
    ReviewItem.objects.filter(id__in=[row.id for row in rows], signed_at=None).update(**by)
    events = AuditEvent.objects.filter(
        chain=str(scope.team_id), seq__in={row.seq for row in rows}
    ).order_by("seq")
    by_target: dict[tuple[str, str, str], list[AuditEvent]] = {}
    for event in events:
        by_target.setdefault((event.target_kind, event.target_id, event.labels), []).append(event)
    for same in by_target.values():
        about = {event.seq for event in same}
        signed = [row for row in rows if row.seq in about]
        said = record_by(
            scope,
            "review.signed_off",
            Target(same[-1].target_kind, same[-1].target_id, same[-1].target_name),
            reason=note,
            labels=same[-1].content.get("labels", []),
            rows=[review_projections.of_item(row, scope.actor.id, note) for row in signed],
            seqs=sorted(about),
            rules=sorted({row.rule for row in signed}),
        )
        ReviewItem.objects.filter(id__in=[row.id for row in signed]).update(signed_seq=said.seq)


def _entries(scope: Scope, seqs: list[int]) -> list[Entry]:
    """All reasons of each, whichever of them the list was filtered by."""
    rows = waiting(scope).filter(seq__in=seqs).order_by("id")
    items: dict[int, list[ReviewItem]] = {}
    for row in rows:
        items.setdefault(row.seq, []).append(row)
    events = AuditEvent.objects.filter(chain=str(scope.team_id), seq__in=list(items))
    found = {event.seq: event for event in events}
    return [Entry(found[seq], items[seq]) for seq in seqs if seq in found and seq in items]


def settings(scope: Scope) -> review_rules.Settings:
    """In force for what happens next."""
    return scanner.settings_after(str(scope.team_id), 2**62)
