"""The labels of a server: chips that lead to the list, and the page that changes them."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from controlpanel.accounts import access
from controlpanel.accounts.teams import team_policies
from controlpanel.lib.scope import Scope
from controlpanel.servers import label_access, labels, selectors
from controlpanel.servers.label_access import Effect
from controlpanel.servers.labels import LabelRefused
from controlpanel.servers.models import Server
from controlpanel.web.core.change_forms import ChangeForm, name_to_type
from controlpanel.web.core.htmx import page, see_other
from controlpanel.web.core.links import crumbs, server_url
from controlpanel.web.core.people import names_of
from controlpanel.web.core.view_access import door

_SAVED: Final = 303


@dataclass(frozen=True, slots=True)
class Chip:
    label: str
    url: str


def chips(base: str, shown: Iterable[object]) -> tuple[Chip, ...]:
    """Each leads to all servers that have it."""
    return tuple(Chip(str(one), f"{base}?{urlencode({'label': str(one)})}") for one in shown)


class LabelsForm(ChangeForm):
    labels = forms.CharField(
        label=_l("Labels"),
        required=False,
        max_length=10_000,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
        ),
    )
    # What the page has said about who gains or loses the server.
    told = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    field_order = ("labels", "reason", "told")

    def clean_labels(self) -> frozenset[str]:
        try:
            return labels.read(self.cleaned_data["labels"], self.initial["labels"].split())
        except LabelRefused as refusal:
            raise forms.ValidationError(str(refusal)) from None


@door("labels.edit", ("GET", "HEAD", "POST"))
def edit(request: HttpRequest, scope: Scope, provider_id: str) -> HttpResponseBase:
    """Before it changes who sees the server, the page says so, and asks to send it once more."""
    server = selectors.get(scope, provider_id)
    before = labels.of(server)
    data = request.POST if request.method == "POST" else None
    form = LabelsForm(data, initial={"labels": " ".join(sorted(before))})
    if not form.is_bound or not form.is_valid():
        return _page(request, scope, server, form, status=422 if form.is_bound else 200)
    wanted = form.cleaned_data["labels"]
    effects = label_access.effects(scope.team_id, server.provider_id, before, wanted)
    told = _digest(wanted, effects)
    if effects and scope.allows(label_access.RIGHT) and form.cleaned_data["told"] != told:
        form.put(told=told)
        return _page(request, scope, server, form, effects=effects)
    if (status := _put(scope, server, form)) != _SAVED:
        return _page(request, scope, server, form, effects=effects, status=status)
    return see_other(request, server_url(scope, server.provider_id))


def _page(
    request: HttpRequest,
    scope: Scope,
    server: Server,
    form: LabelsForm,
    *,
    effects: Iterable[Effect] = (),
    status: int = 200,
) -> HttpResponseBase:
    known = labels.known(scope)
    context = {
        "crumbs": crumbs(scope, server),
        "title": _("Labels of %(server)s") % {"server": name_to_type(server)},
        "server_url": server_url(scope, server.provider_id),
        "form": form,
        "known": known,
        "own": sorted(scope.reach.labels),
        "deciding": label_access.shown(scope, [*known, *labels.of(server)]),
        "reason_labels": sorted(team_policies.of(scope.team_id).reason_labels),
        "gains": [one.name for one in effects if one.gains],
        "loses": [one.name for one in effects if not one.gains],
        "may_decide": scope.allows(label_access.RIGHT),
    }
    return page(request, "servers/labels.html", context, status=status)


def _put(scope: Scope, server: Server, form: LabelsForm) -> int:
    """The answer's status, after putting at the field why nothing was changed."""
    try:
        labels.put(scope, server, form.cleaned_data["labels"], form.cleaned_data["reason"])
    except LabelRefused as refusal:
        form.add_error(refusal.field, str(refusal))
        return 422
    except access.Denied as denied:
        if denied.permission != label_access.RIGHT:
            raise
        changed = labels.of(server) ^ form.cleaned_data["labels"]
        names = names_of(access.who_can(scope, label_access.RIGHT))
        sentence = label_access.refusal(label_access.deciding(scope.team_id, changed))
        form.add_error("labels", f"{sentence} {_('%(names)s can.') % {'names': names}}")
        return 403
    return _SAVED


def _digest(wanted: Iterable[str], effects: Iterable[Effect]) -> str:
    said = [*sorted(wanted), *(f"{one.name} {one.gains}" for one in effects)]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:32]
