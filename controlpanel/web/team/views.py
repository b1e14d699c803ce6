"""A team itself: founding one, its name and colour, and closing it."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from controlpanel.accounts import colours, selectors
from controlpanel.accounts.models import Team, User
from controlpanel.accounts.request_origin import of_request
from controlpanel.accounts.teams import teams
from controlpanel.accounts.teams.teams import TeamRefused
from controlpanel.credentials.tokens import offboarding
from controlpanel.lib.scope import Scope
from controlpanel.operations.leaving import disconnecting
from controlpanel.operations.leaving.disconnecting import CannotClose
from controlpanel.servers.models import Server
from controlpanel.web.core.change_forms import form_id_of, new_form_id
from controlpanel.web.core.htmx import page, see_other
from controlpanel.web.core.name_forms import NamedForm, TypedNameForm
from controlpanel.web.core.view_access import ask_again, door, signed_in
from controlpanel.web.operations.under_way import links_to_what_is_under_way

_METHODS = ("GET", "HEAD", "POST")


@require_http_methods(_METHODS)
@signed_in
def new(request: HttpRequest, user: User) -> HttpResponseBase:
    again = ask_again(request)
    if again:
        return again
    mine = selectors.teams_of(user).values_list("colour", flat=True)
    sent = request.method == "POST"
    form = NamedForm(request.POST if sent else None, initial={"colour": colours.next_unused(mine)})
    form_id = form_id_of(request) if sent else new_form_id()
    if form.is_bound and form.is_valid():
        try:
            team = _founded(request, user, form, form_id)
        except teams.FormSentBefore:
            team, form_id = None, new_form_id()
            form.add_error(None, _sent_before())
        if team:
            return see_other(request, reverse("servers", args=[team.slug]))
    context = {"form": form, "form_id": form_id}
    return page(request, "team/new.html", context, status=422 if form.is_bound else 200)


@door("team.manage", _METHODS, fresh=True)
def settings(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    team = Team.objects.get(id=scope.team_id)
    form = NamedForm(
        request.POST if request.method == "POST" else None,
        initial={"name": team.name, "colour": team.colour},
    )
    if form.is_bound and form.is_valid() and _changed(scope, form):
        messages.success(request, _("Saved. It holds for everybody from their next click on."))
        return see_other(request, settings_url(scope))
    context = {
        "form": form,
        "team": team,
        "accounts": selectors.accounts(scope),
        "may_connect": scope.allows("accounts.connect"),
        "may_ask": scope.allows("policies.manage"),
    }
    return page(request, "team/settings.html", context, status=422 if form.is_bound else 200)


@door("team.manage", _METHODS, fresh=True)
def close(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    team = Team.objects.get(id=scope.team_id)
    form = TypedNameForm(request.POST if request.method == "POST" else None, expected=team.name)
    if not form.is_bound or not form.is_valid():
        refusal = disconnecting.why_not_close(scope)
        return _close_page(request, scope, form, refusal, 422 if form.is_bound else 200)
    try:
        left = disconnecting.close(scope)
    except CannotClose as refused:
        return _close_page(request, scope, form, refused, 409)
    # Nobody is in it any more: around the answer stands nothing of the team.
    del request.scope  # type: ignore[attr-defined]
    return page(request, "team/closed.html", {"team": team, "left": left})


def settings_url(scope: Scope) -> str:
    return reverse("team-settings", args=[scope.team_slug])


def crumbs(scope: Scope) -> list[dict[str, str]]:
    return [{"label": _("Team settings"), "url": settings_url(scope)}]


def _sent_before() -> str:
    return _(
        "This form was sent before, and a team was founded. Nothing was done now. If you want "
        "this team as well, send it once more."
    )


def _founded(request: HttpRequest, user: User, form: forms.Form, form_id: str) -> Team | None:
    """None after putting at the field why it was not."""
    given = form.cleaned_data
    try:
        return teams.create(user, of_request(request), given["name"], given["colour"], form_id)
    except TeamRefused as refusal:
        form.add_error(refusal.field, str(refusal))
        return None


def _changed(scope: Scope, form: forms.Form) -> bool:
    """False after putting at the field why it was not."""
    try:
        teams.change(scope, form.cleaned_data["name"], form.cleaned_data["colour"])
    except TeamRefused as refusal:
        form.add_error(refusal.field, str(refusal))
        return False
    return True


def _close_page(
    request: HttpRequest,
    scope: Scope,
    form: forms.Form,
    refusal: CannotClose | None,
    status: int,
) -> HttpResponseBase:
    name = {"team": scope.team_name}
    connected = list(selectors.accounts(scope))
    tokens = [token for account in connected for token in offboarding.tokens_for(account)]
    servers = Server.objects.filter(account__in=connected, gone_at=None)
    context = {
        "form": form,
        "ask": _("Close the team %(team)s?") % name,
        "submit": _("Close %(team)s") % name,
        "tone": "danger",
        "cancel_url": settings_url(scope),
        "crumbs": crumbs(scope),
        "accounts": connected,
        "tokens": tokens,
        "open_revocations": offboarding.open_revocations(scope),
        "servers": servers.count(),
        "members": selectors.members(scope).count(),
        **links_to_what_is_under_way(scope, refusal),
    }
    return page(request, "team/close.html", context, status=status)
