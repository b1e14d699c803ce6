"""The audit log of a team: who did what, when, from where, and what came of it."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from controlpanel.audit import events, selectors
from controlpanel.lib.scope import Scope
from controlpanel.servers import acknowledging
from controlpanel.web import audit_filters
from controlpanel.web.audit_filters import Filters
from controlpanel.web.audit_rows import Row
from controlpanel.web.door import door
from controlpanel.web.htmx import page

ROWS = 50


@door("audit.view")
def list_events(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    filters = audit_filters.read(request.GET)
    context: dict[str, Any] = {"filters": filters, "keys": audit_filters.HELP, **_choices(filters)}
    if filters.problems:
        return page(request, "audit/list.html", context, status=422)
    cursor = request.GET.get("page", "")
    if filters.from_fields:
        return redirect(request.path + filters.address(page=cursor))
    found = selectors.page(selectors.events(scope, **filters.asked), cursor, ROWS)
    context |= {
        "outside_waiting": acknowledging.waiting(scope).exists(),
        "rows": [Row(event, scope) for event in found.events],
        "older": filters.address(page=found.older) if found.older else "",
        "newer": filters.address(page=found.newer) if found.newer else "",
    }
    return page(request, "audit/list.html", context)


@door("audit.view")
def show(request: HttpRequest, scope: Scope, seq: int) -> HttpResponseBase:
    event = selectors.get(scope, seq) if seq < 2**63 else None
    if event is None:
        raise Http404
    back = {"label": _("Audit"), "url": reverse("audit", args=[scope.team_slug])}
    return page(request, "audit/event.html", {"row": Row(event, scope), "crumbs": [back]})


def _choices(filters: Filters) -> dict[str, Any]:
    """What the two lists of the filter form offer, with what is chosen."""
    action, result = filters.given.get("action", ""), filters.given.get("result", "")
    names = sorted(events.EVENTS, key=audit_filters.action_label)
    offered = dict.fromkeys([*events.GROUPS, *filter(None, [action]), *names])
    labels = [(name, audit_filters.action_label(name)) for name in offered]
    return {
        "actions": [
            ("", _("Any action"), not action),
            *((name, label, name == action) for name, label in labels),
        ],
        "results": [
            ("", _("Any result"), not result),
            *((name, word, name == result) for name, word in events.RESULTS.items()),
        ],
    }
