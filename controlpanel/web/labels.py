"""The labels of a server: chips that lead to the list, and the page that changes them."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from controlpanel.lib.scope import Scope
from controlpanel.servers import labels, selectors
from controlpanel.servers.labels import LabelRefused
from controlpanel.servers.models import Server
from controlpanel.web.door import door
from controlpanel.web.forms import name_to_type
from controlpanel.web.htmx import page, see_other
from controlpanel.web.places import crumbs, server_url


@dataclass(frozen=True, slots=True)
class Chip:
    label: str
    url: str


def chips(base: str, shown: Iterable[object]) -> tuple[Chip, ...]:
    """Each leads to all servers that have it."""
    return tuple(Chip(str(one), f"{base}?{urlencode({'label': str(one)})}") for one in shown)


class LabelsForm(forms.Form):
    labels = forms.CharField(
        label=_l("Labels"),
        required=False,
        max_length=2500,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
        ),
    )

    def clean_labels(self) -> frozenset[str]:
        try:
            return labels.read(self.cleaned_data["labels"])
        except LabelRefused as refusal:
            raise forms.ValidationError(str(refusal)) from None


@door("labels.edit", ("GET", "HEAD", "POST"))
def edit(request: HttpRequest, scope: Scope, provider_id: str) -> HttpResponseBase:
    server = selectors.get(scope, provider_id)
    data = request.POST if request.method == "POST" else None
    form = LabelsForm(data, initial={"labels": " ".join(sorted(labels.of(server)))})
    if form.is_bound and form.is_valid() and _put(scope, server, form):
        return see_other(request, server_url(scope, server.provider_id))
    context = {
        "crumbs": crumbs(scope, server),
        "title": _("Labels of %(server)s") % {"server": name_to_type(server)},
        "server_url": server_url(scope, server.provider_id),
        "form": form,
        "known": labels.known(scope),
        "own": sorted(scope.reach.labels),
    }
    return page(request, "servers/labels.html", context, status=422 if form.is_bound else 200)


def _put(scope: Scope, server: Server, form: LabelsForm) -> bool:
    """False after putting at the field why nothing was changed."""
    try:
        labels.put(scope, server, form.cleaned_data["labels"])
    except LabelRefused as refusal:
        form.add_error("labels", str(refusal))
        return False
    return True
