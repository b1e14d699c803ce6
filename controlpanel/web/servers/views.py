"""The servers list and a server's page: from the mirror at once, refreshed by their fragments."""

import json
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controlpanel.accounts import access, selectors
from controlpanel.accounts.models import Account
from controlpanel.accounts.selectors import is_connected
from controlpanel.credentials.tokens import clients
from controlpanel.lib.scope import Scope
from controlpanel.operations import selectors as operation_selectors
from controlpanel.operations.following import polling
from controlpanel.servers import identity, sync
from controlpanel.servers import labels as server_labels
from controlpanel.servers import selectors as server_selectors
from controlpanel.servers.models import Server
from controlpanel.servers.selectors import Filters
from controlpanel.web.audit import outside_changes, timeline
from controlpanel.web.core import banner, people, text
from controlpanel.web.core.change_forms import new_form_id
from controlpanel.web.core.htmx import is_filtering, is_fragment, page
from controlpanel.web.core.links import panel_keys_url, server_below
from controlpanel.web.core.view_access import door
from controlpanel.web.operations import attention, meanings
from controlpanel.web.servers import (
    api_snippets,
    available_actions,
    badges,
    freshness,
    label_views,
    list_filters,
)
from controlpanel.web.servers.list_rows import Rows, is_moving
from controlpanel.web.servers.untold import untold
from controlpanel.web.team import onboarding

FRESH_WHILE_MOVING, FRESH = timedelta(seconds=5), timedelta(seconds=10)
OPERATIONS_SHOWN = 20
CREATES_TOLD = 5
_PANELS_OWN = (("label", "labels.edit"), ("lock", "servers.lock"), ("unlock", "servers.unlock"))


@door("servers.view")
def list_servers(request: HttpRequest, scope: Scope) -> HttpResponse:
    filters = list_filters.read(request.GET)
    filtering = is_filtering(request)
    if is_fragment(request) and not filtering:
        _refresh(scope, selectors.connected_accounts(scope))
    context = _list(request, scope, filters)
    response = page(request, "servers/list.html", context, fragment="results")
    if filtering:
        _announce(response, context["paging"]["total"])
    return response


@door("servers.view")
def show(request: HttpRequest, scope: Scope, provider_id: str) -> HttpResponse:
    server = server_selectors.get(scope, provider_id)
    if is_fragment(request):
        _refresh_one(scope, server)
        server = server_selectors.get(scope, provider_id)
    elif server.gone_at is None:
        sync.want_detail(server)
    return page(request, "servers/show.html", _page_of(scope, server), fragment="server")


def _announce(response: HttpResponse, total: int) -> None:
    """To those who do not see the table change while they type."""
    words = ngettext("%(n)d server found", "%(n)d servers found", total) % {"n": total}
    response["HX-Trigger"] = json.dumps({"panel:announce": {"text": words}})


def _refresh(scope: Scope, connected: Iterable[Account], *, moving: bool | None = None) -> None:
    """Asks the provider within a page's time, unless somebody just did or all places are taken."""
    if moving is None:
        moving = _something_moves(scope)
    fresh = FRESH_WHILE_MOVING if moving else FRESH
    polling.poll_within_page(connected, at_least=fresh)


def _refresh_one(scope: Scope, server: Server) -> None:
    """While something runs, the account's list moves it on; else the detail alone is enough."""
    if server.gone_at is not None:
        return
    deadline = time.monotonic() + clients.PAGE_SECONDS
    running = operation_selectors.running_on(scope, [server])
    if running or server.is_moving:
        _refresh(scope, [server.account], moving=True)
    left = deadline - time.monotonic()
    try:
        with clients.page_slot():
            if left > polling.TOO_LATE:
                polling.poll_server(server, left)
    except clients.Busy:
        return


def _something_moves(scope: Scope) -> bool:
    if operation_selectors.running(scope).exists():
        return True
    return server_selectors.listed(scope, Filters()).filter(status__in=Server.MOVING).exists()


def _list(request: HttpRequest, scope: Scope, filters: Filters) -> dict[str, Any]:
    known = available_actions.abilities(scope, request.team_policy)  # type: ignore[attr-defined]
    team_accounts = list(selectors.accounts(scope).select_related("sync"))
    connected = [account for account in team_accounts if is_connected(account)]
    request.connected_accounts = connected  # type: ignore[attr-defined]  # for the frame
    # The accounts are at hand: no need to read them again with every row, and named like this
    # the database finds the first fifty in an index, however many there are.
    ids = [account.id for account in connected]
    found = server_selectors.listed(scope, filters).filter(account_id__in=ids).select_related(None)
    found = found.select_related("lock")
    shown = Paginator(found, list_filters.PER_PAGE).get_page(request.GET.get("page"))
    servers = list(shown)
    _share_accounts(servers, connected)
    _bind_locks(servers, connected)
    known = replace(known, twins=identity.older_twins(connected))
    running = operation_selectors.running_on(scope, servers)
    told = operation_selectors.attention_on(scope, servers, creates=True)
    labelled = server_labels.known(scope)
    # Most teams have no labels at all: then there is nothing to read for each row.
    of_servers = server_labels.on(servers) if labelled else {}
    rows = Rows(request, known, of_servers, many_accounts=len(connected) > 1)
    facets = list_filters.facets(scope, filters, connected, labelled)
    return {
        "url": list_filters.address(known.base, filters, shown.number),
        "base": known.base,
        "filters": filters,
        "facets": facets,
        "chips": list_filters.chips(known.base, filters, facets),
        "sorting": list_filters.sorting(known.base, filters),
        "sort_options": list_filters.sort_options(),
        "paging": list_filters.paging(known.base, filters, shown),
        "rows": [
            rows.row(server, running.get(server.provider_id), told.get(server.provider_id, []))
            for server in servers
        ],
        "attention": attention.notices(scope, told.get("", [])[:CREATES_TOLD]),
        "doubts": attention.doubts(scope, servers, told),
        "moving": any(is_moving(server, running.get(server.provider_id)) for server in servers),
        "banners": freshness.banners(scope, team_accounts, known),
        "age": freshness.age(connected),
        "stale": bool(connected) and all(map(freshness.is_doubtful, connected)),
        "many_accounts": len(connected) > 1,
        "nothing": "" if servers else _nothing(connected, filters),
        "create": available_actions.create_action(scope, connected, known),
        "connect": _connect(scope) if not connected else None,
    }


def _share_accounts(servers: Iterable[Server], connected: Iterable[Account]) -> None:
    by_id = {account.id: account for account in connected}
    for server in servers:
        server.account = by_id[server.account_id]


def _bind_locks(servers: list[Server], connected: list[Account]) -> None:
    """With one account no server has another row: its own lock, read with it, is what binds."""
    if len(connected) > 1:
        identity.bind(servers)
        return
    for server in servers:
        server.held_by = server.own_lock


def _nothing(connected: list[Account], filters: Filters) -> str:
    """Four different nothings, and a fifth while the first list is on its way."""
    if not connected:
        return "no_account"
    if filters.any:
        return "no_match"
    if any(freshness.never_seen(account) for account in connected):
        return "trouble" if any(map(freshness.is_doubtful, connected)) else "first_look"
    return "empty"


def _connect(scope: Scope) -> dict[str, Any]:
    if scope.allows(freshness.MENDS):
        url = reverse("account-connect", args=[scope.team_slug])
        return {"url": url, "steps": onboarding.steps(scope)}
    return {"names": people.names_of(access.who_can(scope, freshness.MENDS))}


def _page_of(scope: Scope, server: Server) -> dict[str, Any]:
    known = available_actions.abilities(scope)
    running = operation_selectors.running_on(scope, [server]).get(server.provider_id)
    history = operation_selectors.of_server(scope, server)[:OPERATIONS_SHOWN]
    return {
        "server": server,
        "name": text.shown(str(server), 255),
        "base": known.base,
        "url": server_below(known.base, server.provider_id),
        "badge": badges.badge(server, running),
        "plan_words": badges.plan(server),
        "untold": untold(server),
        "gauges": _gauges(server),
        "running": running,
        "attention": attention.notices(
            scope, operation_selectors.attention_on(scope, [server]).get(server.provider_id, [])
        ),
        "moving": is_moving(server, running),
        "actions": available_actions.server_actions(scope, server, known=known, running=running),
        "labels": label_views.chips(known.base, server.labels.all()),
        "label_url": f"{server_below(known.base, server.provider_id)}labels/",
        "lock": server.held_by,
        "lock_url": f"{server_below(known.base, server.provider_id)}lock/",
        "unlock_url": f"{server_below(known.base, server.provider_id)}unlock/",
        "may": {name: available_actions.missing(known, right) for name, right in _PANELS_OWN},
        "activity": timeline.activity(scope, server.provider_id),
        "timeline_url": timeline.url(scope, "server", server.provider_id),
        "history": [(operation, meanings.sentence(operation)) for operation in history],
        "banners": _banners(scope, server, known),
        "outside": outside_changes.hint(scope, server),
        "seen_at": badges.seen_at(server),
        "stale": freshness.is_doubtful(server.account),
        "form_id": new_form_id(),
        "pieces": api_snippets.of_server(server),
        "api_url": reverse("api", args=[scope.team_slug]),
        "keys_url": panel_keys_url(scope),
    }


def _banners(
    scope: Scope, server: Server, known: available_actions.Abilities
) -> list[banner.Banner]:
    first = available_actions.twin(known, server.account)
    found = freshness.banners(scope, [server.account], known)
    others = identity.others_of(server) if first is None else []
    if others:
        found.append(freshness.also_connected(scope, server.account, others))
    return found


def _gauges(server: Server) -> list[dict[str, Any]]:
    """Used, and of how much where the plan says so; units as in the mirror."""
    rows = (
        (_("CPU"), "cpu", "percent", server.cpu_percent, 100),
        (_("Memory"), "memory-stick", "MB", server.memory_used, server.memory),
        (_("Disk"), "hard-drive", "GB", server.disk_used, server.storage),
        (_("Traffic"), "network", "GB", server.bandwidth_used, server.bandwidth),
    )
    return [
        {"label": label, "icon": icon, "unit": unit, "used": used, "total": total}
        for label, icon, unit, used, total in rows
        if used is not None
    ]
