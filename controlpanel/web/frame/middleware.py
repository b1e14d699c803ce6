from collections.abc import Callable
from datetime import UTC, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog
from allauth.usersessions.middleware import UserSessionsMiddleware
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from controlpanel.accounts import rate_limit
from controlpanel.accounts.access import Denied
from controlpanel.accounts.models import User
from controlpanel.accounts.request_origin import client_address
from controlpanel.accounts.signin.session_store import cache_key
from controlpanel.audit.log import read_only
from controlpanel.audit.log.recorder import AuditUnavailable
from controlpanel.lib import request_id as ids
from controlpanel.web.frame import errors

log = structlog.get_logger(__name__)

_SEEN_SECONDS: Final = 60
_HEALTH: Final = "/healthz"  # whoever watches the panel asks it without a pause
_SAFE: Final = {"GET", "HEAD", "OPTIONS"}
# What is sent there changes nothing but who is signed in: possible also while nothing can be
# recorded, so that people can look.
COMING_AND_GOING: Final = {
    "account_login",
    "account_logout",
    "account_reauthenticate",
    "mfa_authenticate",
    "mfa_login_webauthn",
    "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn",
    "openid-login",
}

Handler = Callable[[HttpRequest], HttpResponseBase]


def request_id(get_response: Handler) -> Handler:
    """Binds one id to everything that happens for this request."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        with ids.bound(ids.begun_by(request.headers.get("X-Request-Id", ""))) as value:
            response = get_response(request)
            response["X-Request-Id"] = value
            return response

    return middleware


def security_headers(get_response: Handler) -> Handler:
    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.setdefault("X-Frame-Options", "DENY")
        if not request.path.startswith("/static/"):
            response.setdefault("Cache-Control", "no-store")
            patch_vary_headers(response, ("HX-Request", "Cookie"))
        return response

    return middleware


def pace(get_response: Handler) -> Handler:
    """Refuses, before the view, a person who asks too often, in all their browsers together; and
    an address from which nobody has signed in. Costs at most one question to Redis."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.path == _HEALTH or request.path.startswith(settings.STATIC_URL):
            return get_response(request)
        person = _person(request)
        name = f"person:{person.pk}" if person else f"address:{client_address(request)}"
        rate, burst = settings.PANEL_PAGES_RATE, settings.PANEL_PAGES_BURST
        state = rate_limit.take(name, rate, burst)
        if state.allowed:
            return get_response(request)
        return errors.too_often(request, state.retry_after)

    return middleware


class seen(UserSessionsMiddleware):  # type: ignore[misc]  # noqa: N801 like its siblings; untyped
    """allauth notes where and when a session was last used; once a minute is often enough."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        key = request.session.session_key
        if key and _person(request) and cache.add(cache_key("seen", key), 1, _SEEN_SECONDS):
            read_only.if_possible(lambda: UserSession.objects.create_from_request(request))
        response: HttpResponseBase = self.get_response(request)
        return response


def own_time_zone(get_response: Handler) -> Handler:
    """Times that the server writes out are in the person's own zone."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        with timezone.override(_zone(request)):
            return get_response(request)

    return middleware


def _route(request: HttpRequest) -> str:
    match = request.resolver_match
    return (match.url_name or "") if match else ""


def _person(request: HttpRequest) -> User | None:
    """None also without a database: the view finds that out, and its answer has words for it."""
    try:
        return request.user if isinstance(request.user, User) else None
    except DatabaseError:
        return None


def _zone(request: HttpRequest) -> tzinfo:
    person = _person(request)
    name = person.time_zone if person else ""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError):  # this machine's table has lost it
        return UTC


class refusals:  # noqa: N801 a middleware, named like its siblings
    """Turns refusals of the services into pages."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, _view: Handler, _args: Any, _kwargs: Any
    ) -> HttpResponseBase | None:
        """While nothing can be recorded nothing is begun either."""
        if request.method in _SAFE or _route(request) in COMING_AND_GOING:
            return None
        return errors.nothing_was_done(request) if read_only.closed() else None

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponseBase | None:
        if isinstance(exception, Denied):
            return errors.denied(request, exception)
        # What was sent and could not be written down is OutcomeNotWritten, and answered as such.
        if isinstance(exception, AuditUnavailable | DatabaseError):
            log.exception("request.nothing_was_done")
            if isinstance(exception, DatabaseError):
                read_only.suspect()
            return errors.nothing_was_done(request)
        return None
