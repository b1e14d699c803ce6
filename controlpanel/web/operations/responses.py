"""From an operation that was asked for to the answer a person sees."""

import structlog
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.loader import render_to_string

from controlpanel.lib.scope import Scope
from controlpanel.operations import runner
from controlpanel.operations.models import Operation
from controlpanel.operations.states import State
from controlpanel.servers import sync
from controlpanel.servers.models import Server
from controlpanel.web.core.htmx import page, see_other
from controlpanel.web.core.links import receipt_url
from controlpanel.web.operations import meanings

log = structlog.get_logger(__name__)


class Unanswered(Exception):
    """The call was made and its outcome could not be written: answer with `response`."""

    def __init__(self, response: HttpResponseBase) -> None:
        super().__init__("unknown")
        self.response = response


def send(
    request: HttpRequest, scope: Scope, operation: Operation, seconds: float | None = None
) -> Operation:
    """Sends now and says where the operation stands. Raises Unanswered."""
    try:
        return runner.send_within_page(operation, seconds)
    except runner.OutcomeNotWritten as lost:
        raise Unanswered(_unknown(request, scope, lost.operation)) from lost
    except (DatabaseError, InterfaceError):
        # It was not sent, but it stands there and a worker sends it: not "nothing was done".
        log.exception("operation.not_claimed", operation=str(operation.id))
        return operation


def send_and_answer(
    request: HttpRequest, scope: Scope, server: Server, operation: Operation
) -> HttpResponseBase:
    """Sends now; the answer is the receipt."""
    try:
        operation = send(request, scope, operation)
    except Unanswered as unanswered:
        return unanswered.response
    if operation.state == State.FAILED.value:
        # "Already running" or "no such server": what the mirror shows is out of date.
        sync.want_detail(server)
    return receipt(request, scope, operation)


def receipt(request: HttpRequest, scope: Scope, operation: Operation) -> HttpResponseBase:
    return see_other(request, receipt_url(scope, operation))


def _unknown(request: HttpRequest, scope: Scope, operation: Operation) -> HttpResponse:
    """202: VPS.org may have done it. Never "nothing was done", whatever else fails."""
    context = {
        "operation": operation,
        "url": receipt_url(scope, operation),
        "asked": meanings.sentence(operation),
        "meaning": meanings.if_unknown(operation),
    }
    try:
        return page(request, "operations/unknown.html", context, fragment="answer", status=202)
    except DatabaseError:
        log.exception("page.without_database", operation=str(operation.id))
        return HttpResponse(render_to_string("operations/unknown.html", context), status=202)
