"""How a view goes through the access door: signed in, then a Scope for this team and right."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.views.decorators.http import require_http_methods

from controlpanel.accounts import access
from controlpanel.lib.scope import Scope
from controlpanel.web.htmx import is_fragment

View = Callable[..., HttpResponseBase]


def door(
    permission: str, methods: tuple[str, ...] = ("GET", "HEAD")
) -> Callable[[Callable[Concatenate[HttpRequest, Scope, ...], HttpResponseBase]], View]:
    """Wraps `view(request, scope, …)`; the URL's `team` becomes the Scope.

    The permission stands on the view, so that a test can walk all routes and hold each against
    the role table.
    """

    def wrap(
        view: Callable[Concatenate[HttpRequest, Scope, ...], HttpResponseBase],
    ) -> View:
        @wraps(view)
        def through(request: HttpRequest, team: str, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return to_sign_in(request)
            scope = access.scope_for(request, team, permission)
            request.scope = scope  # type: ignore[attr-defined]  # for the context processor
            return view(request, scope, **kwargs)

        checked = require_http_methods(list(methods))(through)
        checked.permission = permission  # type: ignore[attr-defined]
        return checked

    return wrap


def to_sign_in(request: HttpRequest) -> HttpResponseBase:
    login = resolve_url(settings.LOGIN_URL)
    if is_fragment(request):
        current = getattr(request, "htmx").current_url_abs_path or "/"  # noqa: B009 set by middleware
        return HttpResponse(
            status=204, headers={"HX-Redirect": f"{login}?{urlencode({'next': current})}"}
        )
    if request.method == "GET":
        return redirect(f"{login}?{urlencode({'next': request.get_full_path()})}")
    return redirect(login)
