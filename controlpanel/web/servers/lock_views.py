"""Locking a server, and releasing the lock."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from controlpanel.lib.scope import Scope
from controlpanel.servers import locks, selectors
from controlpanel.servers.locks import LockRefused
from controlpanel.servers.models import Server
from controlpanel.web.core.change_forms import REASON_LENGTH, name_to_type
from controlpanel.web.core.htmx import page, see_other
from controlpanel.web.core.links import crumbs, server_url
from controlpanel.web.core.view_access import door

_METHODS = ("GET", "HEAD", "POST")


class ReleaseForm(forms.Form):
    reason = forms.CharField(
        label=_l("Reason"),
        max_length=REASON_LENGTH,
        error_messages={
            "required": _l("Say why, for whoever reads it later."),
            "max_length": _l("A reason has room for %(limit_value)d characters."),
        },
    )


class LockForm(ReleaseForm):
    level = forms.ChoiceField(
        label=_l("Against what"),
        choices=(
            ("delete", _l("Deleting it")),
            ("changes", _l("Every change: deleting, stopping, rebooting and editing it")),
        ),
        initial="delete",
        widget=forms.RadioSelect,
        error_messages={
            "required": _l("Choose what the lock is against."),
            "invalid_choice": _l("Choose what the lock is against."),
        },
    )
    field_order = ("level", "reason")


@door("servers.lock", _METHODS)
def lock(request: HttpRequest, scope: Scope, provider_id: str) -> HttpResponseBase:
    server = selectors.get(scope, provider_id)
    form = LockForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            locks.lock(scope, server, form.cleaned_data["level"], form.cleaned_data["reason"])
        except LockRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            return see_other(request, server_url(scope, server.provider_id))
    name = {"server": name_to_type(server)}
    context = {
        **_page(scope, server, form),
        "ask": _("Lock %(server)s?") % name,
        "submit": _("Lock %(server)s") % name,
    }
    return page(request, "servers/lock.html", context, status=422 if form.is_bound else 200)


@door("servers.unlock", _METHODS)
def unlock(request: HttpRequest, scope: Scope, provider_id: str) -> HttpResponseBase:
    server = selectors.get(scope, provider_id)
    form = ReleaseForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            locks.release(scope, server, form.cleaned_data["reason"])
        except LockRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            return see_other(request, server_url(scope, server.provider_id))
    name = {"server": name_to_type(server)}
    context = {
        **_page(scope, server, form),
        "ask": _("Release the lock of %(server)s?") % name,
        "submit": _("Release %(server)s") % name,
    }
    return page(request, "servers/unlock.html", context, status=422 if form.is_bound else 200)


def _page(scope: Scope, server: Server, form: forms.Form) -> dict[str, Any]:
    return {
        "crumbs": crumbs(scope, server),
        "cancel_url": server_url(scope, server.provider_id),
        "server": server,
        "held": server.held_by,
        "form": form,
    }
