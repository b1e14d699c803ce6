from collections.abc import Callable

import structlog
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import patch_vary_headers

from controlpanel.accounts.access import Denied
from controlpanel.audit.recorder import AuditUnavailable
from controlpanel.lib import request_id as ids
from controlpanel.web import errors

log = structlog.get_logger(__name__)

Handler = Callable[[HttpRequest], HttpResponseBase]


def request_id(get_response: Handler) -> Handler:
    """Binds one id to everything that happens for this request."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        with ids.bound(ids.accept(request.headers.get("X-Request-Id", ""))) as value:
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


class refusals:  # noqa: N801 a middleware, named like its siblings
    """Turns what the rooms below refuse with into pages in the house's voice."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponseBase | None:
        if isinstance(exception, Denied):
            return errors.denied(request, exception)
        # What was sent and could not be written down is OutcomeNotWritten, and answered as such.
        if isinstance(exception, AuditUnavailable | DatabaseError):
            log.exception("request.nothing_was_done")
            return errors.nothing_was_done(request)
        return None
