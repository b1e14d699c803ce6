"""Error pages in the same voice as the rest."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from controlpanel.accounts import access, policy, roles
from controlpanel.accounts.access import Denied
from controlpanel.web.buttons import why_url


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return render(request, "errors/400.html", status=400)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    return render(request, "errors/404.html", status=404)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    return render(request, "errors/403.html", status=403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    return render(request, "errors/403_csrf.html", status=403)


def server_error(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """Without context processors: they ask the database, which may be what failed."""
    return HttpResponse(render_to_string("errors/500.html"), status=500)


def denied(request: HttpRequest, refusal: Denied) -> HttpResponse:
    """Names the missing right and the people who can grant it."""
    permission = refusal.permission
    context = {
        "right": policy.PERMISSIONS[permission],
        "role": roles.find(refusal.scope.team_id, refusal.scope.actor.role),
        "helpers": access.who_grants(refusal.scope, [permission])[permission],
        "why_url": why_url(refusal.scope, permission),
        "team_name": refusal.scope.team_name,
    }
    return render(request, "errors/403.html", context, status=403)


def nothing_was_done(request: HttpRequest) -> HttpResponse:
    return render(request, "errors/503.html", status=503)
