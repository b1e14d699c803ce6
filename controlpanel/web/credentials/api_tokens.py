"""Everybody's own API tokens, and whose token reads each account."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django import forms
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from controlpanel.accounts import access, roles_lookup
from controlpanel.accounts.models import Account
from controlpanel.accounts.selectors import accounts, is_connected
from controlpanel.accounts.teams import team_policies
from controlpanel.credentials.models import Credential
from controlpanel.credentials.tokens import clients, selectors
from controlpanel.credentials.tokens import services as token_services
from controlpanel.lib.scope import Scope
from controlpanel.lib.secret import Secret
from controlpanel.outgoing.enqueue import enqueue
from controlpanel.servers import identity, sync
from controlpanel.servers.selectors import known_ids
from controlpanel.web.core.htmx import page, see_other
from controlpanel.web.core.people import names_of
from controlpanel.web.core.view_access import again_url, ask_again, door
from controlpanel.web.servers.freshness import banners

_RESULTS: Final[Mapping[str, Promise]] = {
    "ok": _l("worked"),
    "unauthorized": _l("refused by VPS.org"),
    "forbidden": _l("VPS.org answered 403: perhaps the token lacks a permission there"),
    "payment_required": _l("worked, but the account's credit did not suffice"),
    "not_found": _l("worked, but the server was not there"),
    "too_many_requests": _l("VPS.org asked to slow down"),
    "timeout": _l("no answer in time"),
    "connection_lost": _l("the connection broke off"),
    "server_error": _l("VPS.org had an error of its own"),
    "redirect": _l("VPS.org answered with a redirect, which is not followed"),
    "name_resolution": _l("VPS.org could not be reached"),
    "connection_refused": _l("VPS.org could not be reached"),
    "connect_timeout": _l("VPS.org could not be reached"),
    "tls": _l("no secure connection to VPS.org"),
    "unreadable": _l("the answer could not be read"),
    "too_large": _l("the answer could not be read"),
    "truncated": _l("the answer broke off"),
}


def result_words(code: str) -> str:
    """An answer's code in words; nothing was asked yet when there is none."""
    if not code:
        return _("not used yet")
    return str(_RESULTS.get(code, _l("VPS.org refused what was asked")))


class TokenForm(forms.Form):
    """Nothing typed here is ever shown again: a password field renders no value."""

    token = forms.CharField(
        label=_l("API token"),
        max_length=512,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={
            "required": _l("Paste an API token. VPS.org shows it once, when it is made."),
            "max_length": _l("This is not an API token: it is too long."),
        },
    )


@dataclass(frozen=True, slots=True)
class OnAccount:
    """What the page shows of one account."""

    account: Account
    own: Credential | None
    sync: Credential | None
    service: Credential | None
    # With which this person's changes are sent, since they have no token of their own.
    lent: Credential | None
    form: TokenForm
    may_choose: bool

    @property
    def connected(self) -> bool:
        return is_connected(self.account)

    @property
    def own_result(self) -> str:
        return result_words(self.own.last_result) if self.own else ""

    @property
    def sync_result(self) -> str:
        return result_words(self.sync.last_result) if self.sync else ""

    @property
    def can_lend(self) -> bool:
        return self.connected and self.may_choose and self.own is not None

    @property
    def can_withdraw(self) -> bool:
        is_own = self.own is not None and bool(self.own.service_name)
        return self.service is not None and (is_own or self.may_choose)

    @property
    def can_choose(self) -> bool:
        return self.connected and self.may_choose and self.own is not None and not self.own.is_sync


@door("servers.view", ("GET", "HEAD", "POST"))
def list_tokens(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    if request.method != "POST":
        return tokens_page(request, scope)
    access.require(scope, "tokens.own", request.path)
    again = ask_again(request)
    if again:
        return again
    connected = [account for account in accounts(scope) if is_connected(account)]
    account = _chosen(connected, request.POST.get("account", ""))
    if account is None:
        problem = (
            _("Choose the account this token is for. Nothing was stored.")
            if connected
            else _("No VPS.org account is connected, so there is nothing to keep a token for.")
        )
        return tokens_page(request, scope, problem)
    form = TokenForm(request.POST, auto_id=_auto_id(account))
    if form.is_valid() and _stored(scope, account, form):
        return see_other(request, reverse("tokens", args=[scope.team_slug]))
    return tokens_page(request, scope, wrong={account.id: form})


@door("tokens.own", ("GET", "HEAD", "POST"), fresh=True)
def remove(request: HttpRequest, scope: Scope, account_id: UUID) -> HttpResponseBase:
    credential = selectors.own(scope).filter(account_id=account_id).first()
    if credential is None:
        raise Http404
    if request.method != "POST":
        return page(request, "credentials/remove.html", _removal(scope, credential))
    token_services.remove(scope, credential)
    return see_other(request, reverse("tokens", args=[scope.team_slug]))


def tokens_page(
    request: HttpRequest,
    scope: Scope,
    problem: str = "",
    wrong: Mapping[UUID, TokenForm] | None = None,
) -> HttpResponseBase:
    """`wrong`: by account, the form that was not accepted; `problem`: what else was not done."""
    shown = _shown(scope, wrong or {})
    context: dict[str, Any] = {
        "shown": shown,
        "banners": banners(scope, [one.account for one in shown], twins=_twins(shown)),
        "problem": problem,
        "lending": team_policies.of(scope.team_id).service_tokens,
        "several": sum(one.connected for one in shown) > 1,
        "may_keep": scope.allows("tokens.own"),
        "again_url": again_url(request),
        "may_connect": scope.allows("accounts.connect"),
        "role": roles_lookup.find(scope.team_id, scope.actor.role),
        "connectors": names_of(access.who_can(scope, "accounts.connect")),
    }
    status = 422 if problem or wrong else 200
    return page(request, "credentials/list.html", context, status=status)


def ask_for(account: Account) -> None:
    """A token has changed: ends any back-off, and wakes a worker to look again."""
    sync.try_again(account)
    enqueue("operations.tasks.poll", str(account.id))


def crumbs(scope: Scope) -> list[dict[str, str]]:
    return [{"label": _("API tokens"), "url": reverse("tokens", args=[scope.team_slug])}]


def busy() -> str:
    return _(
        "Too many pages wait for VPS.org right now, so the token was not checked and nothing was "
        "stored. Try again in a few seconds."
    )


def _stored(scope: Scope, account: Account, form: TokenForm) -> bool:
    """False after putting at the field why nothing was stored."""
    token = Secret(form.cleaned_data["token"])
    try:
        with clients.page_slot():
            token_services.store(scope, account, token, known_ids(account))
    except token_services.TokenRefused as refusal:
        form.add_error("token", str(refusal))
        return False
    except clients.Busy:
        form.add_error("token", busy())
        return False
    ask_for(account)
    return True


def _twins(shown: Iterable[OnAccount]) -> Mapping[UUID, Account | None]:
    return identity.older_twins([one.account for one in shown if one.connected])


def _chosen(connected: Iterable[Account], given: str) -> Account | None:
    """The only account needs no naming."""
    by_id = {str(account.id): account for account in connected}
    if not given and len(by_id) == 1:
        return next(iter(by_id.values()))
    return by_id.get(given)


def _shown(scope: Scope, wrong: Mapping[UUID, TokenForm]) -> list[OnAccount]:
    own = {credential.account_id: credential for credential in selectors.own(scope)}
    sync_tokens = selectors.sync_tokens(scope)
    of_service = selectors.service_tokens(scope)
    usable = selectors.for_changes(scope.team_id, scope.user_id)
    return [
        OnAccount(
            account=account,
            own=own.get(account.id),
            sync=sync_tokens.get(account.id),
            service=of_service.get(account.id),
            lent=None if account.id in own else usable.get(account.id),
            form=wrong.get(account.id) or TokenForm(auto_id=_auto_id(account)),
            may_choose=scope.allows("accounts.connect"),
        )
        for account in accounts(scope).select_related("sync")
    ]


def _removal(scope: Scope, credential: Credential) -> dict[str, Any]:
    return {
        "ask": _("Remove your token for %(account)s?") % {"account": credential.account.name},
        "submit": _("Remove the token"),
        "cancel_url": reverse("tokens", args=[scope.team_slug]),
        "tone": "danger",
        "credential": credential,
        "lending": _would_be_lent(scope, credential),
        "form": forms.Form(),
        "crumbs": crumbs(scope),
    }


def _would_be_lent(scope: Scope, credential: Credential) -> bool:
    service = selectors.service_tokens(scope).get(credential.account_id)
    other = service is not None and service.id != credential.id
    return other and team_policies.of(scope.team_id).service_tokens


def _auto_id(account: Account) -> str:
    return f"%s-{account.id}"
