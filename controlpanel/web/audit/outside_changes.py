"""What somebody did at VPS.org without the panel, until somebody says that it is known."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controlpanel.accounts import access
from controlpanel.lib.scope import Scope
from controlpanel.servers import acknowledge
from controlpanel.servers.acknowledge import NotAcknowledged
from controlpanel.servers.models import OutsideChange, Server
from controlpanel.servers.outside_changes import WORDS, fields
from controlpanel.web.core import text as core_text
from controlpanel.web.core.htmx import page, see_other
from controlpanel.web.core.links import server_url
from controlpanel.web.core.view_access import door

PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class Row:
    change: OutsideChange
    scope: Scope

    @property
    def name(self) -> str:
        return core_text.shown(self.change.server_name, 255)

    @property
    def url(self) -> str:
        return server_url(self.scope, self.change.provider_id)

    @property
    def event_url(self) -> str:
        return reverse("audit-event", args=[self.scope.team_slug, self.change.event_seq])

    @property
    def what(self) -> str:
        return _what(self.change)

    @property
    def values(self) -> list[tuple[str, str, str]]:
        """Field, before, after: of a change only."""
        if self.change.kind != "changed":
            return []
        before, after = self.change.before, self.change.after
        return [
            (WORDS[name], _value(before.get(name)), _value(after[name]))
            for name in WORDS
            if name in after
        ]


@door("audit.view", ("GET", "HEAD", "POST"))
def list_changes(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    if request.method != "POST":
        return _page(request, scope)
    access.require(scope, "audit.review", request.path)
    note = request.POST.get("note", "")
    try:
        done = acknowledge.acknowledge(scope, _chosen(request), note)
    except NotAcknowledged as refused:
        return _page(request, scope, problem=str(refused), note=note, status=422)
    if done:
        text = ngettext("%(n)d change acknowledged.", "%(n)d changes acknowledged.", done)
        messages.success(request, text % {"n": done})
    else:
        messages.error(request, _("Somebody else has acknowledged that already."))
    return see_other(request, reverse("audit-outside", args=[scope.team_slug]))


def hint(scope: Scope, server: Server) -> dict[str, Any] | None:
    """For the server's page: the newest that nobody has acknowledged."""
    change = acknowledge.newest_of(server)
    if change is None:
        return None
    may_view = scope.allows("audit.view")
    url = reverse("audit-outside", args=[scope.team_slug]) if may_view else ""
    return {"what": _what(change), "at": change.seen_at, "url": url}


def _page(
    request: HttpRequest, scope: Scope, *, problem: str = "", note: str = "", status: int = 200
) -> HttpResponseBase:
    paging = Paginator(acknowledge.waiting(scope), PER_PAGE)
    shown = paging.get_page(request.GET.get("page"))
    context = {
        "rows": [Row(change, scope) for change in shown],
        "shown": shown,
        "chosen": set(request.POST.getlist("change")),
        "may_review": scope.allows("audit.review"),
        "problem": problem,
        "note": note,
        "crumbs": [{"label": _("Audit"), "url": reverse("audit", args=[scope.team_slug])}],
    }
    return page(request, "audit/outside.html", context, status=status)


def _chosen(request: HttpRequest) -> list[UUID]:
    found = []
    for text in request.POST.getlist("change")[:PER_PAGE]:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found


def _what(change: OutsideChange) -> str:
    if change.kind == "appeared":
        return _("Appeared outside the panel")
    if change.kind == "vanished":
        return _("Vanished outside the panel")
    if change.after.keys() <= {"name", "hostname"}:
        return _("Renamed outside the panel")
    names = get_text_list(fields(change.after), _("and"))
    return _("Changed outside the panel: %(fields)s") % {"fields": names}


def _value(value: object) -> str:
    if isinstance(value, bool):
        return _("on") if value else _("off")
    return core_text.shown(str(value), 255) if value not in (None, "") else _("none")
