"""The audit log of a team: who did what, when, from where, and what came of it."""

import json
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controlpanel.audit.events import registry
from controlpanel.audit.reading import selectors
from controlpanel.lib import clock
from controlpanel.lib.scope import Scope
from controlpanel.servers import acknowledge
from controlpanel.web.audit import filters as audit_filters
from controlpanel.web.audit import request_trail, suggestions, verification
from controlpanel.web.audit import timeline as audit_timeline
from controlpanel.web.audit.filters import Filters
from controlpanel.web.audit.review_queue import review_of
from controlpanel.web.audit.rows import rows
from controlpanel.web.core.htmx import page
from controlpanel.web.core.view_access import door

ROWS = 50


@door("audit.view")
def list_events(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    filters = audit_filters.read(request.GET)
    context: dict[str, Any] = {"filters": filters, "help": audit_filters.HELP, **_choices(filters)}
    context["shield"] = verification.shield(scope)
    if filters.problems:
        return page(request, "audit/list.html", context, status=422)
    cursor = request.GET.get("page", "")
    if filters.from_fields:
        return redirect(request.path + filters.address(page=cursor))
    newest = selectors.newest(scope)
    found = selectors.page(selectors.events(scope, **filters.asked), cursor, ROWS)
    shown = rows(scope, found.events)
    timeline = audit_timeline.of(scope, filters, shown)
    context |= {
        "outside_waiting": acknowledge.waiting(scope).exists(),
        "timeline": timeline,
        "chips": filters.chips(timeline.names if timeline else {}),
        "rows": shown,
        "seen": _number(request, "seen"),
        "older": filters.address(page=found.older) if found.older else "",
        "newer": filters.address(page=found.newer) if found.newer else "",
        # An older page stands still: it is the newest one that something may come to.
        "new": None if found.newer else _new(scope, filters, newest),
        "crumbs": _crumbs(scope),
        **_printed(request, filters.address(page=cursor)),
    }
    response = page(request, "audit/list.html", context, fragment="events")
    if context["seen"] is not None:
        _announce(response, sum(row.event.seq > context["seen"] for row in shown))
    return response


@door("audit.view")
def count_new(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    """What an open page asks again and again: how much came that it does not show yet."""
    filters = audit_filters.read(request.GET)
    since = _number(request, "since")
    count = 0
    if since is not None and not filters.problems:
        count = selectors.newer(selectors.events(scope, **filters.asked), since)
    context = {"new": _new(scope, filters, since or 0, count)}
    return page(request, "audit/new.html", context, status=422 if filters.problems else 200)


@door("audit.view")
def suggest(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    """`q`: what stands in the field up to the caret."""
    found = suggestions.suggestions(scope, request.GET.get("q", ""))
    return page(request, "audit/suggestions.html", {"suggestions": found})


@door("audit.view")
def show(request: HttpRequest, scope: Scope, seq: int) -> HttpResponseBase:
    event = selectors.get(scope, seq) if seq < 2**63 else None
    if event is None:
        raise Http404
    context = {
        "row": rows(scope, [event])[0],
        "history": audit_timeline.place(scope, event),
        **review_of(scope, event),
        "crumbs": _crumbs(scope),
        **_printed(request),
    }
    return page(request, "audit/event.html", context)


@door("audit.view")
def show_request(request: HttpRequest, scope: Scope, request_id: str) -> HttpResponseBase:
    context = {
        **request_trail.everything(scope, request_id),
        "crumbs": _crumbs(scope),
        **_printed(request),
    }
    return page(request, "audit/request.html", context)


def _crumbs(scope: Scope) -> list[dict[str, str]]:
    return [{"label": _("Audit"), "url": reverse("audit", args=[scope.team_slug])}]


def _printed(request: HttpRequest, query: str = "") -> dict[str, Any]:
    """What stands above the events on paper."""
    address = request.build_absolute_uri(request.path + query.removesuffix("?"))
    return {"printed_from": address, "now": clock.now()}


def _announce(response: HttpResponse, number: int) -> None:
    """To those who do not see that rows came."""
    words = ngettext("%(n)d new event is shown", "%(n)d new events are shown", number)
    response["HX-Trigger"] = json.dumps({"panel:announce": {"text": words % {"n": number}}})


def _new(scope: Scope, filters: Filters, since: int, count: int = 0) -> dict[str, Any]:
    base = reverse("audit", args=[scope.team_slug])
    poll = {"q": filters.canonical, "since": since}
    return {
        "count": count,
        "many": selectors.MANY if count > selectors.MANY else 0,
        "url": base + filters.address(),
        "load_url": base + filters.address(seen=str(since)),
        "poll_url": f"{reverse('audit-new', args=[scope.team_slug])}?{urlencode(poll)}",
    }


def _number(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _choices(filters: Filters) -> dict[str, Any]:
    """What the two lists of the filter form offer, with what is chosen."""
    action, result = filters.given.get("action", ""), filters.given.get("result", "")
    names = sorted(registry.EVENTS, key=audit_filters.action_label)
    offered = dict.fromkeys([*registry.GROUPS, *filter(None, [action]), *names])
    labels = [(name, audit_filters.action_label(name)) for name in offered]
    return {
        "actions": [
            ("", _("Any action"), not action),
            *((name, label, name == action) for name, label in labels),
        ],
        "results": [
            ("", _("Any result"), not result),
            *((name, word, name == result) for name, word in registry.RESULTS.items()),
        ],
    }
