"""Error pages in the same voice as the rest."""

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.template.loader import render_to_string

from controlpanel.accounts import access, permissions, roles_lookup
from controlpanel.accounts.access import Denied
from controlpanel.web.core.htmx import is_fragment
from controlpanel.web.core.people import why_url
from controlpanel.web.core.server_access_forms import reach_words
from controlpanel.web.core.typed_again import SECRETS
from controlpanel.web.frame import read_only_banner


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
    role = roles_lookup.find(refusal.scope.team_id, refusal.scope.actor.role)
    withheld = role is not None and permission in role.permissions
    context = {
        "right": permissions.PERMISSIONS[permission],
        "role": role,
        "reach": reach_words(refusal.scope.reach) if withheld else "",
        "helpers": access.who_grants(refusal.scope, [permission])[permission],
        "why_url": why_url(refusal.scope, permission),
        "team_name": refusal.scope.team_name,
        "differs": getattr(request, "differs", False),
    }
    return render(request, "errors/403.html", context, status=403)


def nothing_was_done(request: HttpRequest) -> HttpResponse:
    """What was typed stays on the page, to be sent once more; a secret never does."""
    banner = read_only_banner.banner()
    context = {
        "why": banner.text if banner else "",
        "again": _again(request.POST),
        "secret": not SECRETS.isdisjoint(request.POST),
    }
    try:
        return render(request, "errors/503.html", context, status=503)
    except DatabaseError:  # what stands around every page asks the database
        return HttpResponse(render_to_string("errors/503.html", context), status=503)


def too_often(request: HttpRequest, seconds: int) -> HttpResponse:
    """For HTMX it swaps nothing in, and the page's scripts say why. Without context processors:
    what is refused for its number asks the database for nothing."""
    if is_fragment(request):
        answer = HttpResponse(status=429)
    else:
        answer = HttpResponse(render_to_string("errors/429.html", {"seconds": seconds}), status=429)
    answer["Retry-After"] = str(seconds)
    return answer


def _again(sent: QueryDict) -> list[tuple[str, str]]:
    if not SECRETS.isdisjoint(sent):
        return []
    return [
        (name, value)
        for name, values in sent.lists()
        if name != "csrfmiddlewaretoken"
        for value in values
    ]
