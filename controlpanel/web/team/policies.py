"""A team's policies: every member reads them, whoever has the right sets them."""

from collections.abc import Iterable
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from controlpanel.accounts import access, selectors
from controlpanel.accounts.models import Membership, TeamPolicy
from controlpanel.accounts.teams import team_policies
from controlpanel.accounts.teams.team_policies import PolicyRefused
from controlpanel.credentials.models import Credential
from controlpanel.lib.scope import Scope
from controlpanel.servers import labels
from controlpanel.servers.labels import LabelRefused
from controlpanel.web.core.htmx import page, see_other
from controlpanel.web.core.view_access import ask_again, door
from controlpanel.web.team import members

MANAGES: Final = "policies.manage"
_NAMED: Final = 8
_KINDS: Final = (
    ("create", _l("Create a server")),
    ("update", _l("Edit a server")),
    ("start", _l("Start a server")),
    ("stop", _l("Stop a server")),
    ("reboot", _l("Reboot a server")),
    ("delete", _l("Delete a server")),
)


def _number(label: Any, allowed: range, wrong: Any) -> forms.IntegerField:
    """Empty is off."""
    errors = dict.fromkeys(("invalid", "min_value", "max_value"), wrong)
    return forms.IntegerField(
        label=label,
        required=False,
        min_value=allowed[0],
        max_value=allowed[-1],
        error_messages=errors,
    )


class PolicyForm(forms.Form):
    reason_kinds = forms.MultipleChoiceField(
        label=_l("A reason must be given to"),
        choices=_KINDS,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": _l("Choose changes from the list.")},
    )
    reason_labels = forms.CharField(
        label=_l("And for every change of a server with one of these labels"),
        required=False,
        max_length=2000,
    )
    service_tokens = forms.BooleanField(
        label=_l("Members without an API token of their own may use the account’s service token"),
        required=False,
    )
    mfa_from = forms.DateField(
        label=_l("Only with a second step, from this day on"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": _l("Write the day as 2026-12-31.")},
    )
    idle_minutes = _number(
        _l("Minutes without a click"),
        team_policies.IDLE_MINUTES,
        _l("Write a number of minutes from 5 to 10080, or leave it empty."),
    )
    session_hours = _number(
        _l("Hours since the sign-in"),
        team_policies.SESSION_HOURS,
        _l("Write a number of hours from 1 to 720, or leave it empty."),
    )

    def __init__(self, policy: TeamPolicy, data: Any = None, *, disabled: bool = False) -> None:
        initial = {name: getattr(policy, name) for name in self.base_fields}
        initial["reason_labels"] = " ".join(policy.reason_labels)
        super().__init__(data, initial=initial)
        for field in self.fields.values():
            field.disabled = disabled

    def clean_reason_labels(self) -> frozenset[str]:
        try:
            return labels.read(self.cleaned_data["reason_labels"])
        except LabelRefused as refusal:
            raise forms.ValidationError(str(refusal)) from None


@door("members.view", ("GET", "HEAD", "POST"))
def show(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    manages = scope.allows(MANAGES)
    if request.method == "POST":
        access.require(scope, MANAGES, request.path)
    if manages and (again := ask_again(request)):
        return again
    policy = team_policies.of(scope.team_id)
    data = request.POST if request.method == "POST" else None
    form = PolicyForm(policy, data, disabled=not manages)
    if form.is_bound and form.is_valid():
        try:
            team_policies.change(scope, **form.cleaned_data)
        except PolicyRefused as refusal:
            form.add_error(refusal.field, str(refusal))
        else:
            messages.success(request, _("The policies are saved. They hold from now on."))
            return see_other(request, reverse("policies", args=[scope.team_slug]))
    context = {
        "form": form,
        "manages": manages,
        "can_set": _listed(user.email for user in access.who_can(scope, MANAGES)),
        "crumbs": members.crumbs(scope),
        "known_labels": labels.known(scope),
        **_affected(scope),
    }
    return page(request, "team/policies.html", context, status=422 if form.is_bound else 200)


def _affected(scope: Scope) -> dict[str, str]:
    """Who has no second step, and who no API token of their own: in one sentence each."""
    active = list(selectors.members(scope).filter(suspended_at=None))
    with_step = selectors.with_second_factor(scope)
    tokens = Credential.objects.filter(account__in=selectors.connected_accounts(scope))
    with_token = set(tokens.values_list("user_id", flat=True))
    without_step = [one for one in active if one.user_id not in with_step]
    without_token = [one for one in active if one.user_id not in with_token]
    return {
        "second_step_now": _without(
            without_step,
            active,
            _("%(n)d of %(all)d members have no second step yet: %(names)s."),
            _("Every member has a second step."),
        ),
        "tokens_now": _without(
            without_token,
            active,
            _("%(n)d of %(all)d members have no API token of their own: %(names)s."),
            _("Every member has an API token of their own."),
        ),
    }


def _without(found: list[Membership], active: list[Membership], some: str, none: str) -> str:
    if not found:
        return none
    names = _listed(one.user.email for one in found)
    return some % {"n": len(found), "all": len(active), "names": names}


def _listed(addresses: Iterable[str]) -> str:
    all_of_them = list(addresses)
    named = all_of_them[:_NAMED]
    if more := len(all_of_them) - len(named):
        named.append(_("%(n)d more") % {"n": more})
    return str(get_text_list(named, _("and")))
