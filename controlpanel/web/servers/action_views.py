"""One view per action on a server. A GET is the confirmation page; a POST asks, sends, answers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _l

from controlpanel.lib.scope import Scope
from controlpanel.operations import selectors, services
from controlpanel.operations.models import Operation
from controlpanel.operations.services import Ask, Refused, SentBefore
from controlpanel.servers import selectors as server_selectors
from controlpanel.servers.models import Server
from controlpanel.web.core.change_forms import (
    ChangeForm,
    ConfirmForm,
    DeleteForm,
    ask_of,
    name_to_type,
)
from controlpanel.web.core.htmx import page
from controlpanel.web.core.links import crumbs, refusal, server_url
from controlpanel.web.core.view_access import door
from controlpanel.web.operations import responses
from controlpanel.web.servers import available_actions, badges
from controlpanel.web.servers.edit_views import edit_page, edit_sent

_METHODS = ("GET", "HEAD", "POST")


@dataclass(frozen=True, slots=True)
class Action:
    kind: str
    ask: Callable[[Scope, Server, Ask], Operation]
    title: Promise
    button: Promise
    consequences: tuple[Promise, ...]


_START: Final = Action(
    "start",
    services.start,
    _l("Start %(server)s?"),
    _l("Start %(server)s"),
    (_l("The server boots. The bill does not change: a stopped server is billed as well."),),
)
_STOP: Final = Action(
    "stop",
    services.stop,
    _l("Stop %(server)s?"),
    _l("Stop %(server)s"),
    (
        _l("The system is asked to shut down, and what runs on the server is not reachable."),
        _l("A stopped server is still billed. Only deleting it ends that."),
    ),
)
_REBOOT: Final = Action(
    "reboot",
    services.reboot,
    _l("Reboot %(server)s?"),
    _l("Reboot %(server)s"),
    (_l("The system is asked to restart; what runs on the server is interrupted meanwhile."),),
)
_DELETE: Final = Action(
    "delete",
    services.delete,
    _l("Delete %(server)s?"),
    _l("Delete %(server)s"),
    (
        _l("The server and all data on it are gone for good. Nobody can bring them back."),
        _l("Its addresses return to VPS.org and may be given to somebody else."),
        _l("It is no longer billed once VPS.org has deleted it."),
    ),
)


@door("servers.start", _METHODS)
def start(request: HttpRequest, scope: Scope, provider_id: str) -> HttpResponseBase:
    return _confirmed(request, scope, server_selectors.get(scope, provider_id), _START)


@door("servers.stop", _METHODS)
def stop(request: HttpRequest, scope: Scope, provider_id: str) -> HttpResponseBase:
    return _confirmed(request, scope, server_selectors.get(scope, provider_id), _STOP)


@door("servers.reboot", _METHODS)
def reboot(request: HttpRequest, scope: Scope, provider_id: str) -> HttpResponseBase:
    return _confirmed(request, scope, server_selectors.get(scope, provider_id), _REBOOT)


@door("servers.delete", _METHODS, fresh=True)
def delete(request: HttpRequest, scope: Scope, provider_id: str) -> HttpResponseBase:
    return _confirmed(request, scope, server_selectors.get(scope, provider_id), _DELETE)


@door("servers.edit", _METHODS)
def edit(request: HttpRequest, scope: Scope, provider_id: str) -> HttpResponseBase:
    server = server_selectors.get(scope, provider_id)
    if request.method == "POST":
        return edit_sent(request, scope, server)
    return edit_page(request, scope, server)


def _confirmed(
    request: HttpRequest, scope: Scope, server: Server, action: Action
) -> HttpResponseBase:
    known = available_actions.abilities(scope)
    wanted = available_actions.reason_wanted(known, server, action.kind)
    if request.method != "POST":
        form = _form(action, server)
        form.want_reason(wanted)
        return _page(request, scope, server, action, form)
    ask = ask_of(request)
    form = _form(action, server, request, ask.form_id)
    form.content = ask.content
    form.want_reason(wanted)
    try:
        earlier = services.sent_before(scope, ask)
    except SentBefore as refused:
        form.begin_again()
        return _page(request, scope, server, action, form, refused=refused, status=422)
    if earlier:
        return responses.receipt(request, scope, earlier)
    if not form.is_valid():
        return _page(request, scope, server, action, form, status=422)
    try:
        operation = action.ask(scope, server, form.ask)
    except Refused as refused:
        if isinstance(refused, SentBefore):
            form.begin_again()
            return _page(request, scope, server, action, form, refused=refused, status=422)
        if form.stands_at_field(refused):
            return _page(request, scope, server, action, form, status=422)
        return _page(request, scope, server, action, form, refused=refused, status=409)
    return responses.send_and_answer(request, scope, server, operation)


def _form(
    action: Action, server: Server, request: HttpRequest | None = None, form_id: str = ""
) -> ChangeForm:
    data = request.POST if request else None
    if action.kind == "delete":
        return DeleteForm(data, form_id=form_id, expected=name_to_type(server))
    return ConfirmForm(data, form_id=form_id)


def _page(
    request: HttpRequest,
    scope: Scope,
    server: Server,
    action: Action,
    form: ChangeForm,
    *,
    refused: Refused | None = None,
    status: int = 200,
) -> HttpResponseBase:
    name = {"server": name_to_type(server)}
    url = server_url(scope, server.provider_id)
    running = selectors.running_on(scope, [server]).get(server.provider_id)
    context = {
        "crumbs": crumbs(scope, server),
        "server_url": url,
        "tone": "danger" if action.kind == "delete" else "primary",
        "action": action,
        "server": server,
        "form": form,
        "title": str(action.title) % name,
        "button": str(action.button) % name,
        "name": name["server"],
        "created": _created(scope, server) if action.kind == "delete" else None,
        **refusal(scope, refused),
        "may_send_again": isinstance(refused, SentBefore),
        "badge": badges.badge(server, running),
        "offer": available_actions.server_action(scope, server, action.kind),
        "lent_token": available_actions.lent_token(scope, server.account),
    }
    return page(request, "servers/confirm.html", context, fragment="confirm", status=status)


def _created(scope: Scope, server: Server) -> Operation | None:
    """The create that this server came from, if the panel made it."""
    return selectors.of_server(scope, server).filter(kind="create").first()
