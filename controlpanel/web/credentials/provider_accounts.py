"""Connecting VPS.org accounts, and choosing whose token reads them."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controlpanel.accounts.models import Account
from controlpanel.accounts.selectors import accounts, is_connected
from controlpanel.credentials.panel_keys import services as panel_key_services
from controlpanel.credentials.tokens import clients, offboarding, selectors
from controlpanel.credentials.tokens import services as token_services
from controlpanel.lib.scope import Scope
from controlpanel.lib.secret import Secret
from controlpanel.operations.leaving import disconnecting
from controlpanel.operations.leaving.disconnecting import CannotClose
from controlpanel.servers.models import Server, ServerLock
from controlpanel.servers.selectors import ids_of_team
from controlpanel.web.core.htmx import page, see_other
from controlpanel.web.core.name_forms import NamedForm, NameForm, TypedNameForm
from controlpanel.web.core.view_access import door
from controlpanel.web.credentials import api_tokens
from controlpanel.web.operations import under_way
from controlpanel.web.team import onboarding

_METHODS = ("GET", "HEAD", "POST")


class ConnectForm(NameForm, api_tokens.TokenForm):
    pass


@door("accounts.connect", _METHODS, fresh=True)
def connect(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    form = ConnectForm(request.POST if request.method == "POST" else None)
    connected = _connected(scope, form) if form.is_bound and form.is_valid() else None
    if connected:
        _lead_on(request, scope, connected)
        return see_other(request, reverse("servers", args=[scope.team_slug]))
    return page(
        request,
        "credentials/connect.html",
        {"form": form, "crumbs": api_tokens.crumbs(scope)},
        status=422 if form.is_bound else 200,
    )


@door("accounts.connect", ("POST",), fresh=True)
def choose_sync(request: HttpRequest, scope: Scope, account_id: UUID) -> HttpResponseBase:
    """The account is read with the asking person's own token from now on."""
    account = _account(scope, account_id)
    problem = ""
    credential = selectors.own(scope).filter(account=account).first()
    if not is_connected(account):
        problem = _("This account belongs to another API address; its token is not used.")
    elif credential is None:
        problem = _("Store an API token of your own first; then it can become the sync token.")
    else:
        token_services.choose_sync_token(scope, credential)
        api_tokens.ask_for(account)
    if problem:
        return api_tokens.tokens_page(request, scope, problem)
    return see_other(request, reverse("tokens", args=[scope.team_slug]))


@door("accounts.connect", ("POST",))
def ask_again(request: HttpRequest, scope: Scope, account_id: UUID) -> HttpResponseBase:
    """VPS.org asked to be left alone for a while; somebody knows better, once a minute."""
    account = _account(scope, account_id)
    if not token_services.ask_again(scope, account):
        problem = _(
            "VPS.org was asked again less than a minute ago. Wait until the minute is over."
        )
        return api_tokens.tokens_page(request, scope, problem)
    api_tokens.ask_for(account)
    messages.success(request, _("VPS.org is asked again now."))
    return see_other(request, reverse("servers", args=[scope.team_slug]))


@door("accounts.connect", _METHODS, fresh=True)
def change(request: HttpRequest, scope: Scope, account_id: UUID) -> HttpResponseBase:
    """Its name and colour, and the way to disconnect it."""
    account = _account(scope, account_id)
    form = NamedForm(
        request.POST if request.method == "POST" else None,
        initial={"name": account.name, "colour": account.colour},
    )
    if form.is_bound and form.is_valid():
        given = form.cleaned_data
        try:
            token_services.change_account(scope, account, given["name"], given["colour"])
        except token_services.NameTaken as refusal:
            form.add_error("name", str(refusal))
        else:
            messages.success(request, _("Saved."))
            return see_other(request, _url(scope, "account", account))
    context = {
        "form": form,
        "account": account,
        "connected": is_connected(account),
        "keys": panel_key_services.usable_for(account).count(),
        "servers": Server.objects.filter(account=account, gone_at=None).count(),
        "disconnect_url": _url(scope, "account-disconnect", account),
        "crumbs": api_tokens.crumbs(scope),
    }
    return page(request, "credentials/change.html", context, status=422 if form.is_bound else 200)


@door("accounts.connect", _METHODS, fresh=True)
def disconnect(request: HttpRequest, scope: Scope, account_id: UUID) -> HttpResponseBase:
    account = _account(scope, account_id)
    form = TypedNameForm(request.POST if request.method == "POST" else None, expected=account.name)
    if not form.is_bound or not form.is_valid():
        refusal = disconnecting.why_not_disconnect(scope, account)
        return _removal(request, scope, account, form, refusal, 422 if form.is_bound else 200)
    try:
        left = disconnecting.disconnect(scope, account)
    except CannotClose as refused:
        return _removal(request, scope, account, form, refused, 409)
    messages.success(request, _("%(name)s is disconnected.") % {"name": account.name})
    if left and scope.allows("members.manage"):
        return see_other(request, reverse("revocations", args=[scope.team_slug]))
    for one in left:
        words = {"fingerprint": one.fingerprint, "owner": one.person}
        messages.warning(
            request, _("Still to be revoked at VPS.org: %(fingerprint)s of %(owner)s.") % words
        )
    return see_other(request, reverse("tokens", args=[scope.team_slug]))


def _account(scope: Scope, account_id: UUID) -> Account:
    """Raises Http404 for a foreign, an absent and a disconnected account alike."""
    found = accounts(scope).filter(id=account_id).first()
    if found is None:
        raise Http404
    return found


def _lead_on(request: HttpRequest, scope: Scope, connected: token_services.Connected) -> None:
    found = ngettext("%(n)d server found.", "%(n)d servers found.", connected.servers)
    text = _("%(name)s is connected.") % {"name": connected.account.name}
    text += " " + found % {"n": connected.servers}
    if scope.allows("members.manage") and onboarding.is_alone(scope):
        text += " " + _("Next, invite the people who work with it: under Members.")
    messages.success(request, text)


def _url(scope: Scope, route: str, account: Account) -> str:
    return reverse(route, args=[scope.team_slug, account.id])


def _removal(
    request: HttpRequest,
    scope: Scope,
    account: Account,
    form: forms.Form,
    refusal: CannotClose | None,
    status: int,
) -> HttpResponseBase:
    name = {"account": account.name}
    servers = Server.objects.filter(account=account, gone_at=None)
    back = {"label": account.name, "url": _url(scope, "account", account)}
    context = {
        "form": form,
        "ask": _("Disconnect the account %(account)s?") % name,
        "submit": _("Disconnect %(account)s") % name,
        "tone": "danger",
        "cancel_url": back["url"],
        "crumbs": [*api_tokens.crumbs(scope), back],
        "account": account,
        "tokens": offboarding.tokens_for(account),
        "keys": panel_key_services.usable_for(account).count(),
        "servers": servers.count(),
        "locked": ServerLock.objects.filter(server__in=servers).count(),
        **under_way.links_to_what_is_under_way(scope, refusal),
    }
    return page(request, "credentials/disconnect.html", context, status=status)


def _connected(scope: Scope, form: ConnectForm) -> token_services.Connected | None:
    """None after putting at the field why it is not."""
    token = Secret(form.cleaned_data["token"])
    try:
        with clients.page_slot():
            connected = token_services.connect(
                scope, form.cleaned_data["name"], token, ids_of_team(scope)
            )
    except token_services.TokenRefused as refusal:
        field = "name" if isinstance(refusal, token_services.NameTaken) else "token"
        form.add_error(field, str(refusal))
        return None
    except clients.Busy:
        form.add_error("token", api_tokens.busy())
        return None
    api_tokens.ask_for(connected.account)
    return connected
