"""The queue of what deserves a second look, and signing it off."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controlpanel.accounts import access
from controlpanel.audit.models import AuditEvent, ReviewItem
from controlpanel.audit.review import queue as review_queue
from controlpanel.audit.review import scanner
from controlpanel.audit.review.queue import Entry, NotSignedOff, SignedOff
from controlpanel.audit.review.rules import REFUSALS, RULES
from controlpanel.lib.scope import Scope
from controlpanel.servers import reviewing
from controlpanel.web.audit.rows import Row
from controlpanel.web.core.htmx import page, see_other
from controlpanel.web.core.view_access import door

REVIEWS: Final = "audit.review"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why it waits: the rule's label, and how often for what comes in a row."""

    item: ReviewItem

    @property
    def label(self) -> str:
        rule = RULES.get(self.item.rule)
        return str(rule.label) if rule else self.item.rule

    @property
    def words(self) -> str:
        if self.item.rule != REFUSALS:
            return self.label
        return _("%(rule)s: %(n)d") % {"rule": self.label, "n": self.item.count}


@dataclass(frozen=True, slots=True)
class Line:
    """One event of the queue."""

    entry: Entry
    scope: Scope

    @property
    def row(self) -> Row:
        return Row(self.entry.event, self.scope)

    @property
    def reasons(self) -> list[Reason]:
        return [Reason(item) for item in self.entry.items]

    @property
    def own(self) -> bool:
        """Theirs, or to their advantage."""
        return self.entry.is_of(self.scope)

    @property
    def profits(self) -> bool:
        return not review_queue.is_own(self.scope, self.entry.items[0])


@door("audit.view", ("GET", "HEAD", "POST"))
def queue(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    if request.method != "POST":
        return _page(request, scope)
    access.require(scope, REVIEWS, request.path)
    note = request.POST.get("note", "")
    try:
        signed = reviewing.sign_off(scope, review_queue.chosen(request.POST.getlist("event")), note)
    except NotSignedOff as refused:
        return _page(request, scope, problem=str(refused), note=note, status=422)
    _tell(request, signed)
    return see_other(request, _back(request, scope))


def review_of(scope: Scope, event: AuditEvent) -> dict[str, Any]:
    """For an event's own page: why it waits or waited, who signed it off, and the way to do so."""
    items = review_queue.of_event(scope, event)
    waiting = [item for item in items if item.signed_at is None]
    entry = Entry(event, waiting) if waiting else None
    return {
        "reviewed": [(Reason(item), _event_url(scope, item.signed_seq)) for item in items],
        "review_choice": entry.choice if entry else "",
        "review_own": bool(entry and entry.is_of(scope)),
        "may_review": scope.allows(REVIEWS),
    }


def _page(
    request: HttpRequest, scope: Scope, *, problem: str = "", note: str = "", status: int = 200
) -> HttpResponseBase:
    rule = request.GET.get("rule", "")
    rule = rule if rule in RULES else ""
    found = review_queue.page(scope, rule, request.GET.get("page", ""))
    base = reverse("audit-review", args=[scope.team_slug])
    context = {
        "lines": [Line(entry, scope) for entry in found.entries],
        "rule": rule,
        "filters": _filters(scope, base, rule),
        "next": _address(base, rule, found.next),
        "previous": _address(base, rule, found.previous),
        "chosen": set(request.POST.getlist("event")),
        "may_review": scope.allows(REVIEWS),
        "problem": problem,
        "note": note,
        "behind": _behind(scope),
        "crumbs": [{"label": _("Audit"), "url": reverse("audit", args=[scope.team_slug])}],
    }
    return page(request, "audit/review.html", context, status=status)


def _filters(scope: Scope, base: str, chosen: str) -> list[dict[str, Any]]:
    """A preset for each rule for which something waits, with how many."""
    counts = review_queue.counts(scope)
    everything = sum(counts.values())
    most = review_queue.MOST
    shown = f"{most}+" if everything >= most else str(everything)
    found = [{"label": _("All"), "url": base, "count": shown, "current": not chosen}]
    for slug, rule in RULES.items():
        if slug in counts or slug == chosen:
            number = str(counts.get(slug, 0)) + ("+" if everything >= most else "")
            url = _address(base, slug, "", always=True)
            found.append(
                {"label": rule.label, "url": url, "count": number, "current": slug == chosen}
            )
    return found


def _address(base: str, rule: str, cursor: str, *, always: bool = False) -> str:
    """Empty without a cursor, where there is no such page."""
    if not cursor and not always:
        return ""
    asked = {name: value for name, value in (("rule", rule), ("page", cursor)) if value}
    return f"{base}?{urlencode(asked)}" if asked else base


def _behind(scope: Scope) -> dict[str, int]:
    """How far the log was looked through, while the worker is not through with it."""
    reached, head = scanner.reached(str(scope.team_id))
    return {"reached": reached, "head": head} if reached < head else {}


def _back(request: HttpRequest, scope: Scope) -> str:
    """To the page of the event that it was signed off on, or to the queue as it was filtered."""
    wanted = request.POST.get("next", "")
    if wanted and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None):
        return wanted
    rule = request.GET.get("rule", "")
    base = reverse("audit-review", args=[scope.team_slug])
    return _address(base, rule if rule in RULES else "", "", always=True)


def _event_url(scope: Scope, seq: int | None) -> str:
    return reverse("audit-event", args=[scope.team_slug, seq]) if seq else ""


def _tell(request: HttpRequest, signed: SignedOff) -> None:
    if signed.done:
        n = len(signed.done)
        text = ngettext("%(n)d event signed off.", "%(n)d events signed off.", n)
        messages.success(request, text % {"n": n})
    for seqs, text in (
        (signed.taken, _("Somebody has signed off already: %(events)s.")),
        (
            signed.own,
            _("Your own, or to your advantage, so somebody else must look at it: %(events)s."),
        ),
        (
            signed.grown,
            _("There were more refusals meanwhile, so look at it once more: %(events)s."),
        ),
    ):
        if seqs:
            messages.error(request, text % {"events": ", ".join(f"#{seq}" for seq in seqs)})
    if signed == SignedOff():
        messages.error(request, _("Nothing was signed off: it does not wait here any more."))
