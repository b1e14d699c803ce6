"""Connecting VPS.org accounts, and choosing whose token reads them."""

from uuid import UUID

from django import forms
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from controlpanel.accounts.selectors import accounts, is_connected
from controlpanel.credentials import clients, selectors, services
from controlpanel.lib.scope import Scope
from controlpanel.lib.secret import Secret
from controlpanel.lib.text import clean
from controlpanel.web import tokens
from controlpanel.web.door import door
from controlpanel.web.htmx import page, see_other


class ConnectForm(tokens.TokenForm):
    name = forms.CharField(
        label=_l("Name"),
        max_length=120,
        error_messages={
            "required": _l("Give the account a name, so that people know which one is meant."),
            "max_length": _l("A name has room for %(limit_value)d characters."),
        },
    )

    def clean_name(self) -> str:
        name = clean(self.cleaned_data["name"], 120)
        if not name:  # of invisible characters only
            raise forms.ValidationError(self.fields["name"].error_messages["required"])
        return name


@door("accounts.connect", ("GET", "HEAD", "POST"), fresh=True)
def connect(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    form = ConnectForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and _connected(scope, form):
        return see_other(request, reverse("servers", args=[scope.team_slug]))
    return page(
        request,
        "tokens/connect.html",
        {"form": form, "crumbs": tokens.crumbs(scope)},
        status=422 if form.is_bound else 200,
    )


@door("accounts.connect", ("POST",), fresh=True)
def choose_sync(request: HttpRequest, scope: Scope, account_id: UUID) -> HttpResponseBase:
    """The account is read with the asking person's own token from now on."""
    account = accounts(scope).filter(id=account_id).first()
    if account is None:
        raise Http404
    problem = ""
    credential = selectors.own(scope).filter(account=account).first()
    if not is_connected(account):
        problem = _("This account belongs to another API address; its token is not used.")
    elif credential is None:
        problem = _("Store an API token of your own first; then it can become the sync token.")
    else:
        services.choose_sync_token(scope, credential)
        tokens.ask_for(account)
    if problem:
        return tokens.tokens_page(request, scope, problem)
    return see_other(request, reverse("tokens", args=[scope.team_slug]))


def _connected(scope: Scope, form: ConnectForm) -> bool:
    """False after putting at the field why it is not."""
    token = Secret(form.cleaned_data["token"])
    try:
        with clients.page_slot():
            account = services.connect(scope, form.cleaned_data["name"], token)
    except services.TokenRefused as refusal:
        form.add_error("token", str(refusal))
        return False
    except clients.Busy:
        form.add_error("token", tokens.busy())
        return False
    tokens.ask_for(account)
    return True
