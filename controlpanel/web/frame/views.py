from typing import Final

from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from controlpanel.accounts import roles_lookup, selectors
from controlpanel.accounts.models import User
from controlpanel.lib.scope import Scope
from controlpanel.web.core.view_access import door, to_sign_in

_AUDITS: Final = {"audit.view", "audit.review"}


@require_safe
def home(request: HttpRequest) -> HttpResponseBase:
    """To where work begins in the team where they last were; without one, what to do about it."""
    if not isinstance(request.user, User):
        return to_sign_in(request)
    latest = selectors.latest_membership(request.user)
    if latest is None:
        closed = selectors.closed_teams_of(request.user)
        return render(request, "team/none.html", {"closed_teams": closed})
    role = roles_lookup.find(latest.team_id, latest.role)
    return redirect(_start(role.permissions if role else frozenset()), team=latest.team.slug)


@door("servers.view")
def team(_request: HttpRequest, scope: Scope) -> HttpResponseBase:
    return redirect(_start(scope.permissions), team=scope.team_slug)


def _start(permissions: frozenset[str]) -> str:
    """The servers; for whoever reviews and changes no server, the auditor's morning."""
    changes = {name for name in permissions if name.startswith("servers.")} - {"servers.view"}
    return "audit-today" if permissions >= _AUDITS and not changes else "servers"


@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """200 while this process can read its database, else 503."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception:
        return JsonResponse({"status": "database unreachable"}, status=503)
    return JsonResponse({"status": "ok"})


@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """Every component in every state. Holds nothing of anybody's."""
    return render(request, "styleguide.html")
