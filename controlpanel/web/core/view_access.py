"""How a view goes through the access door: signed in, then a Scope for this team and right."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate
from urllib.parse import urlencode, urlsplit

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from django_htmx.middleware import HtmxDetails

from controlpanel.accounts import access
from controlpanel.accounts.models import User
from controlpanel.accounts.signin import last_person, session_policy
from controlpanel.accounts.signin.reauthentication import must_ask_again
from controlpanel.lib.scope import Scope
from controlpanel.web.core import typed_again
from controlpanel.web.core.htmx import is_by_hand, is_fragment

View = Callable[..., HttpResponseBase]


def door(
    permission: str,
    methods: tuple[str, ...] = ("GET", "HEAD"),
    *,
    fresh: bool = False,
    second_step: bool = True,
) -> Callable[[Callable[Concatenate[HttpRequest, Scope, ...], HttpResponseBase]], View]:
    """Wraps `view(request, scope, …)`; the URL's `team` becomes the Scope.

    `fresh`: who signed in a while ago is asked again first, on the page already, so that nothing
    typed there is lost. `second_step`: whoever lacks one that the team asks for is led to where
    it is added; that page alone says False. The permission stands on the view, so that a test can
    go over all routes and hold each against the role table.
    """

    def wrap(
        view: Callable[Concatenate[HttpRequest, Scope, ...], HttpResponseBase],
    ) -> View:
        @wraps(view)
        def through(request: HttpRequest, team: str, **kwargs: Any) -> HttpResponseBase:
            user = request.user
            if not isinstance(user, User):
                return to_sign_in(request, page_too="GET" in methods)
            person = str(user.pk)
            try:
                scope = access.scope_for(request, team, permission, second_step=second_step)
            except session_policy.SessionOver as over:
                return _sign_in_again(request, str(over), person, page_too="GET" in methods)
            except session_policy.SecondStepMissing as missing:
                return _to_second_step(request, missing.scope)
            if _is_click(request):
                session_policy.note_click(request)
            request.scope = scope  # type: ignore[attr-defined]  # for the context processor
            again = ask_again(request, page_too="GET" in methods) if fresh else None
            return again or _opened(request, user, lambda: view(request, scope, **kwargs))

        checked = require_http_methods(list(methods))(through)
        checked.permission = permission  # type: ignore[attr-defined]
        return checked

    return wrap


def signed_in(
    view: Callable[Concatenate[HttpRequest, User, ...], HttpResponseBase],
) -> View:
    """Wraps `view(request, user, …)`: a page that belongs to a person and to no team."""

    @wraps(view)
    def through(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        user = request.user
        if not isinstance(user, User):
            return to_sign_in(request, page_too=not _came_from(request))
        return _opened(request, user, lambda: view(request, user, **kwargs))

    return through


def _opened(
    request: HttpRequest, user: User, answer: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    """With what this person typed before their session ended, if it waits for this page."""
    typed = None if is_fragment(request) else typed_again.waiting(request, user)
    response = answer()
    if typed:
        typed_again.put_back(response, typed)
    last_person.remember(request, response, user)
    return response


def _is_click(request: HttpRequest) -> bool:
    """Something that a person did; an open page asks for its fragment by itself."""
    return request.method == "POST" or not is_fragment(request) or is_by_hand(request)


def _sign_in_again(
    request: HttpRequest, why: str, person: str, *, page_too: bool
) -> HttpResponseBase:
    back = _back_to_form(request, page_too=page_too) if _sends(request) else _back(request)
    messages.info(request, f"{why} {_what_was_sent(request, person, back)}".strip())
    return _led(request, _address(resolve_url(settings.LOGIN_URL), back))


def _to_second_step(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    return _led(request, _address(reverse("second-step", args=[scope.team_slug]), _back(request)))


def _back(request: HttpRequest) -> str:
    """The page to come back to: this one, or that from which something was sent."""
    if is_fragment(request) or request.method != "GET":
        return _current(request)
    return request.get_full_path()


def _led(request: HttpRequest, url: str) -> HttpResponseBase:
    return _whole_page(url) if is_fragment(request) else redirect(url)


def to_sign_in(request: HttpRequest, *, page_too: bool = True) -> HttpResponseBase:
    """For somebody who is not signed in, or no longer. What they sent waits for them meanwhile, and
    nothing is done with it. `page_too`: this address has a page to come back to."""
    person = last_person.of(request)
    if _sends(request):
        back = _back_to_form(request, page_too=page_too)
    else:
        back = _current(request) if is_fragment(request) else request.get_full_path()
    if person:
        why = _("Your session has ended.")
        messages.info(request, f"{why} {_what_was_sent(request, person, back)}".strip())
    elif _sends(request):
        messages.info(request, _("You are not signed in, so nothing was sent."))
    return _led(request, _address(resolve_url(settings.LOGIN_URL), back))


def _sends(request: HttpRequest) -> bool:
    return request.method not in {"GET", "HEAD"}


def _back_to_form(request: HttpRequest, *, page_too: bool) -> str:
    """The page that a form was sent from; without a better one, the address it was sent to."""
    return request.get_full_path() if page_too and not is_fragment(request) else _current(request)


def _what_was_sent(request: HttpRequest, person: str, back: str) -> str:
    if not _sends(request):
        return _("Sign in to go on.")
    if typed_again.keep(request, person, back):
        return _("Nothing was sent. Sign in, and the form shows again what you typed.")
    return _("Nothing was sent, and what you typed was too much to be kept.")


def ask_again(request: HttpRequest, *, page_too: bool = True) -> HttpResponseBase | None:
    """The way to "Is it you?" and back to the page, for somebody whose sign-in is not fresh.

    Nothing that was sent is kept meanwhile: there may be a token in it. `page_too`: this address
    has a page to come back to, not only a POST.
    """
    url = again_url(request, page_too=page_too)
    if not url:
        return None
    return _led(request, url)


def again_url(request: HttpRequest, *, page_too: bool = True) -> str:
    """Where `ask_again` leads; empty for a fresh sign-in."""
    if not must_ask_again(request):
        return ""
    if not page_too or is_fragment(request):
        back = _current(request)
    else:
        back = request.get_full_path() if request.method == "GET" else request.path
    return _address(get_adapter().get_reauthentication_methods(request.user)[0]["url"], back)


def _current(request: HttpRequest) -> str:
    """The page that the request came from."""
    htmx: HtmxDetails = getattr(request, "htmx")  # noqa: B009 set by the middleware
    if htmx:
        return htmx.current_url_abs_path or "/"
    return _came_from(request) or "/"


def _came_from(request: HttpRequest) -> str:
    """Path of the page of ours that the browser names, or empty."""
    named = urlsplit(request.headers.get("Referer", ""))
    return named.path if named.netloc == request.get_host() else ""


def _address(url: str, back: str) -> str:
    return f"{url}?{urlencode({'next': back})}"


def _whole_page(url: str) -> HttpResponse:
    return HttpResponse(status=204, headers={"HX-Redirect": url})
