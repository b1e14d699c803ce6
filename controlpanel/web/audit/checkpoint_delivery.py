"""Where a team's checkpoints are sent, and how that goes."""

from datetime import datetime
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from controlpanel.accounts import access
from controlpanel.audit.checkpoints import delivery
from controlpanel.audit.models import Delivery
from controlpanel.lib.scope import Scope
from controlpanel.reports import checkpoint_delivery
from controlpanel.reports.checkpoint_delivery import MANAGES, DeliveryRefused
from controlpanel.web.core.htmx import page, see_other
from controlpanel.web.core.people import names_of
from controlpanel.web.core.view_access import ask_again, door

_WAYS: Final = {"webhook": _l("Web hook"), "mail": _l("E-mail")}
_TROUBLES: Final[dict[str, Promise]] = {
    "name": _l("its name could not be looked up"),
    "private": _l("it leads into a private network, where the panel sends nothing"),
    "connect": _l("it could not be connected to"),
    "tls": _l("its certificate was not accepted"),
    "timeout": _l("it did not answer within five seconds"),
    "redirect": _l("it answered with a redirect, which the panel does not follow"),
    "refused": _l("it did not accept the checkpoint"),
    "answer": _l("its answer could not be understood"),
    "mail": _l("the mail server did not take the mail"),
}


class DeliveryForm(forms.Form):
    webhook = forms.CharField(label=_l("Web hook"), required=False, max_length=500)
    mail = forms.CharField(label=_l("E-mail address"), required=False, max_length=254)


@door("audit.view", ("GET", "HEAD", "POST"))
def show(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    manages = scope.allows(MANAGES)
    if request.method == "POST":
        access.require(scope, MANAGES, request.path)
    if manages and (again := ask_again(request)):
        return again
    rows = delivery.of(str(scope.team_id))
    initial = {way: row.address for way, row in rows.items()}
    form = DeliveryForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_bound and form.is_valid():
        try:
            checkpoint_delivery.change(scope, **form.cleaned_data)
        except DeliveryRefused as refusal:
            form.add_error(refusal.field, str(refusal))
        else:
            messages.success(
                request, _("Saved. The next checkpoint is sent there within a minute or so.")
            )
            return see_other(request, reverse("audit-checkpoints", args=[scope.team_slug]))
    context = {
        "form": form,
        "manages": manages,
        "can_set": names_of(access.who_can(scope, MANAGES)),
        "rows": [_row(rows[way]) for way in delivery.WAYS if way in rows],
        "crumbs": [
            {"label": _("Audit"), "url": reverse("audit", args=[scope.team_slug])},
            {
                "label": _("Verification"),
                "url": reverse("audit-verification", args=[scope.team_slug]),
            },
        ],
    }
    return page(request, "audit/delivery.html", context, status=422 if form.is_bound else 200)


def _row(row: Delivery) -> dict[str, Any]:
    return {
        "way": _WAYS[row.way],
        "to": checkpoint_delivery.to_host(row),
        "delivered_at": row.delivered_at,
        "number": row.number,
        "failing_since": row.failing_since,
        "trouble": _trouble(row.trouble),
        "next_at": _next(row),
    }


def _trouble(code: str) -> str:
    name, _space, status = code.partition(" ")
    words = str(_TROUBLES.get(name, code))
    return (
        _("%(words)s (status %(status)s)") % {"words": words, "status": status} if status else words
    )


def _next(row: Delivery) -> datetime | None:
    return row.next_at if row.failing_since else None
