from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from controlpanel.accounts import selectors
from controlpanel.accounts.models import User
from controlpanel.lib.scope import Scope
from controlpanel.web.door import door, to_sign_in


@require_safe
def home(request: HttpRequest) -> HttpResponseBase:
    """To the servers of the team where the person last was; without one, what to do about it."""
    if not isinstance(request.user, User):
        return to_sign_in(request)
    latest = selectors.latest_team(request.user)
    if latest is None:
        return render(request, "team/none.html")
    return redirect("servers", team=latest.slug)


@door("servers.view")
def team(_request: HttpRequest, scope: Scope) -> HttpResponseBase:
    return redirect("servers", team=scope.team_slug)


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
