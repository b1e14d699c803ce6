"""Naming one's own API token as an account's service token, and withdrawing one."""

from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from controlpanel.accounts import access
from controlpanel.accounts.models import Account
from controlpanel.accounts.selectors import accounts, is_connected
from controlpanel.accounts.teams import team_policies
from controlpanel.credentials.models import Credential
from controlpanel.credentials.tokens import selectors, service_tokens
from controlpanel.lib.scope import Scope
from controlpanel.web.core.htmx import page, see_other
from controlpanel.web.core.view_access import door
from controlpanel.web.credentials import api_tokens


class ServiceTokenForm(forms.Form):
    name = forms.CharField(
        label=_l("Name"),
        max_length=service_tokens.NAME_LENGTH,
        error_messages={
            "required": _l("Give it a name that says what it is for, such as “deploy”."),
            "max_length": _l("A name has room for %(limit_value)d characters."),
        },
    )


@door("accounts.connect", ("GET", "HEAD", "POST"), fresh=True)
def choose(request: HttpRequest, scope: Scope, account_id: UUID) -> HttpResponseBase:
    """The asking person's own token, lent from now on to who has none."""
    account = _account(scope, account_id)
    credential = selectors.own(scope).filter(account=account).first()
    if not is_connected(account):
        problem = _("This account belongs to another API address; its tokens are not used.")
        return api_tokens.tokens_page(request, scope, problem)
    if credential is None:
        problem = _("Store an API token of your own first; then it can become the service token.")
        return api_tokens.tokens_page(request, scope, problem)
    form = ServiceTokenForm(
        request.POST if request.method == "POST" else None,
        initial={"name": credential.service_name},
    )
    if form.is_valid() and _chosen(scope, credential, form):
        return see_other(request, reverse("tokens", args=[scope.team_slug]))
    context = _asking(scope, credential, form)
    return page(request, "credentials/service.html", context, status=422 if form.is_bound else 200)


@door("servers.view", ("POST",), fresh=True)
def withdraw(request: HttpRequest, scope: Scope, account_id: UUID) -> HttpResponseBase:
    """By whose token it is, and by whoever may connect accounts."""
    credential = selectors.service_tokens(scope).get(account_id)
    if credential is None or credential.user_id != scope.user_id:
        access.require(scope, "accounts.connect", request.path)
    _account(scope, account_id)
    if credential:  # else somebody was faster
        service_tokens.withdraw(scope, credential)
    return see_other(request, reverse("tokens", args=[scope.team_slug]))


def _account(scope: Scope, account_id: UUID) -> Account:
    account = accounts(scope).filter(id=account_id).first()
    if account is None:
        raise Http404
    return account


def _chosen(scope: Scope, credential: Credential, form: ServiceTokenForm) -> bool:
    """False after putting at the field why not."""
    try:
        service_tokens.choose(scope, credential, form.cleaned_data["name"])
    except service_tokens.ServiceTokenRefused as refusal:
        form.add_error("name", str(refusal))
        return False
    return True


def _asking(scope: Scope, credential: Credential, form: ServiceTokenForm) -> dict[str, Any]:
    account = credential.account
    present = selectors.service_tokens(scope).get(account.id)
    return {
        "ask": _("Lend your token for %(account)s?") % {"account": account.name},
        "submit": _("Make it the service token"),
        "cancel_url": reverse("tokens", args=[scope.team_slug]),
        "tone": "",
        "credential": credential,
        "replaces": present if present and present.id != credential.id else None,
        "in_use": team_policies.of(scope.team_id).service_tokens,
        "form": form,
        "crumbs": api_tokens.crumbs(scope),
    }
