"""One request of a script: found in the allow-list, let in, done, answered in the same shape."""

from collections.abc import Callable, Mapping
from typing import Final

import structlog
from django.conf import settings
from django.core.exceptions import DisallowedHost, SuspiciousOperation
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from controlpanel.audit.log import read_only
from controlpanel.audit.log.recorder import AuditUnavailable
from controlpanel.credentials.panel_keys import authentication
from controlpanel.credentials.panel_keys.authentication import Entered
from controlpanel.gateway import authentication as gateway_authentication
from controlpanel.gateway import (
    changes,
    idempotency,
    panel_endpoints,
    read_usage,
    reads,
    request_bodies,
)
from controlpanel.gateway.responses import Answer, Refusal, refuse, said
from controlpanel.gateway.routes import DOCUMENT, Found, find
from controlpanel.gateway.spec import openapi
from controlpanel.keys.ring import KeysNotReady
from controlpanel.lib import ids

log = structlog.get_logger(__name__)

_READING: Final = ("GET", "HEAD")
_WITHOUT_BODY: Final = frozenset({204, 304})
_OWN: Final[Mapping[str, Callable[[Entered, Found], Answer]]] = {
    "account.me": panel_endpoints.account,
    "operations.show": panel_endpoints.operation,
}


def answer(request: HttpRequest) -> HttpResponse:
    response = _answered(request)
    response.headers.setdefault("Cache-Control", "no-store")
    response["X-Content-Type-Options"] = "nosniff"
    if response.status_code not in _WITHOUT_BODY:
        # Or the server sends it in chunks, which the plainest clients do not read.
        response.headers.setdefault("Content-Length", str(len(response.content)))
    if settings.SECURE_HSTS_SECONDS and request.is_secure():
        response["Strict-Transport-Security"] = f"max-age={settings.SECURE_HSTS_SECONDS}"
    return response


def _answered(request: HttpRequest) -> HttpResponse:
    if request.path == DOCUMENT and request.method in _READING:
        return openapi.answer(request)
    try:
        found = _found(request)
        given = _let_in(request, found)
    except Refusal as refusal:
        given = refusal.answer
    except (AuditUnavailable, DatabaseError, InterfaceError, KeysNotReady) as error:
        log.exception("gateway.nothing_was_done")
        if isinstance(error, DatabaseError):
            read_only.suspect()
        given = _nothing_was_done()
    except SuspiciousOperation:
        words = _("This request cannot be read. Send fewer and plainer parameters.")
        given = said(400, "bad_request", words)
    except Exception:
        log.exception("gateway.error")
        given = said(
            500,
            "panel_error",
            _("The panel had an error. Look at the server and its operations before you repeat."),
        )
    return given.response()


def _found(request: HttpRequest) -> Found:
    try:
        request.get_host()
    except DisallowedHost:
        raise refuse(
            400, "unknown_host", _("The panel does not answer under this host name.")
        ) from None
    found = find(request.method or "", request.path)
    if found.route is not None:
        return found
    if found.allowed:
        allowed = ", ".join(found.allowed)
        raise refuse(
            405,
            "method_not_allowed",
            _("This address takes %(allowed)s only.") % {"allowed": allowed},
            {"Allow": allowed},
        )
    if find("", f"{request.path}/").allowed:
        words = _("Every address ends in a slash, and none is redirected. Add the slash.")
        raise refuse(404, "slash_missing", words)
    raise refuse(
        404, "no_such_address", _("There is no such address. /api/v1/openapi.json lists all.")
    )


def _let_in(request: HttpRequest, found: Found) -> Answer:
    assert found.route is not None
    entered = gateway_authentication.enter(request)
    authentication.note_use(entered.key, entered.scope.origin.address)
    state = gateway_authentication.check_rate(entered)
    try:
        gateway_authentication.check_right(entered, found.route, request.path)
        given = _done(request, entered, found)
    except Refusal as refusal:
        given = refusal.answer
    return Answer(given.status, given.content, {**state.headers, **given.headers})


def _done(request: HttpRequest, entered: Entered, found: Found) -> Answer:
    route = found.route
    assert route is not None
    if route.record == "change":
        return _changed(request, entered, found)
    request_bodies.read(request, route)  # refuses one
    read_usage.count(entered, route.name)
    if route.own:
        return _OWN[route.name](entered, found)
    return reads.read(request, entered, found)


def _changed(request: HttpRequest, entered: Entered, found: Found) -> Answer:
    assert found.route is not None
    if request.GET:
        words = _("A change takes no parameters in its address. Send fields in the body.")
        raise refuse(400, "unknown_parameter", words)
    wanted = changes.Wanted(
        found,
        request_bodies.read(request, found.route),
        reason=_text(request, "X-Reason"),
        labels=_text(request, "X-Labels"),
    )
    if read_only.closed():
        raise Refusal(_nothing_was_done())

    def do(form_id: str) -> Answer:
        return changes.change(entered, wanted, form_id)

    given = request.headers.get("Idempotency-Key")
    if given is None:
        return do(ids.new_form_id())
    return idempotency.once(entered, given, _in_all(request, wanted), do)


def _in_all(request: HttpRequest, wanted: changes.Wanted) -> str:
    """Everything that makes this request another one."""
    fields = sorted(wanted.fields.items())
    return repr((request.method, request.path, fields, wanted.labels))


def _text(request: HttpRequest, name: str) -> str:
    """A header's text: WSGI reads it as Latin-1, and most clients send UTF-8."""
    given = request.headers.get(name, "")
    try:
        return given.encode("latin-1").decode()
    except UnicodeError:
        return given


def _nothing_was_done() -> Answer:
    return said(
        503,
        "nothing_was_done",
        _(
            "The panel cannot record anything at the moment, so nothing was done. "
            "Send it again in a minute."
        ),
        {"Retry-After": "60"},
    )
