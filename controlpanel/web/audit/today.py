"""An auditor's morning: what is new, what waits, and whether refusals grow."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controlpanel.audit.review import queue as review_queue
from controlpanel.audit.review import visits
from controlpanel.audit.review.rules import RULES
from controlpanel.audit.review.visits import Day
from controlpanel.lib.scope import Scope
from controlpanel.web.audit import verification
from controlpanel.web.audit.rows import rows
from controlpanel.web.core.htmx import page
from controlpanel.web.core.view_access import door

# Of the drawing, in its own units.
_HIGH: Final = 64
_WIDE: Final = 20


@dataclass(frozen=True, slots=True)
class Bar:
    """A day of the trend, and where its bar stands. A day without any has a line, not a bar."""

    day: Day
    x: int
    y: int
    height: int

    @property
    def words(self) -> str:
        return date_format(self.day.day, "D j M")


@door("audit.view")
def today(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    news = visits.news(scope, visits.visit(scope))
    days = visits.refusals(scope)
    audit = reverse("audit", args=[scope.team_slug])
    context = {
        "shield": verification.shield(scope),
        "news": news,
        "news_words": _news_words(news),
        "rows": rows(scope, news.events),
        "news_url": f"{audit}?page=a{news.since}" if news.is_long else audit,
        **_waiting(scope),
        "bars": _bars(days),
        "trend_words": _trend_words(days),
        "chart": {"width": _WIDE * len(days), "height": _HIGH + 2},
        "crumbs": [{"label": _("Audit"), "url": audit}],
    }
    return page(request, "audit/today.html", context)


def _news_words(news: visits.News) -> str:
    if news.since is None:
        return _("This is your first visit here. These are the newest events.")
    if not news.count:
        return _("Nothing has happened since your last visit.")
    if news.is_more:
        return _("More than %(n)d events since your last visit.") % {"n": visits.MOST}
    text = ngettext(
        "%(n)d event since your last visit.", "%(n)d events since your last visit.", news.count
    )
    return text % {"n": news.count}


def _waiting(scope: Scope) -> dict[str, Any]:
    """By rule, the most first; nothing is counted further than the queue counts."""
    counts = review_queue.counts(scope)
    total, most = sum(counts.values()), review_queue.MOST
    base = reverse("audit-review", args=[scope.team_slug])
    listed = [
        {"label": RULES[slug].label, "count": count, "url": f"{base}?rule={slug}"}
        for slug, count in sorted(counts.items(), key=lambda pair: -pair[1])
        if slug in RULES
    ]
    oldest = review_queue.waiting(scope).order_by("seq").first() if total else None
    return {"waiting": listed, "waiting_more": total >= most, "oldest": oldest}


def _bars(days: Sequence[Day]) -> list[Bar]:
    highest = max((day.count for day in days), default=0)
    bars = []
    for place, day in enumerate(days):
        height = max(3, round(_HIGH * day.count / highest)) if day.count else 0
        bars.append(Bar(day, place * _WIDE, _HIGH - height, height))
    return bars


def _trend_words(days: Sequence[Day]) -> str:
    total = sum(day.count for day in days)
    if not total:
        return _("Nobody was refused in the last %(days)d days.") % {"days": len(days)}
    worst = max(days, key=lambda day: day.count)
    text = ngettext(
        "%(n)d refusal in the last %(days)d days; most on %(day)s: %(most)d.",
        "%(n)d refusals in the last %(days)d days; most on %(day)s: %(most)d.",
        total,
    )
    day = date_format(worst.day, "j F")
    return text % {"n": total, "days": len(days), "day": day, "most": worst.count}
