"""Rows beside the audit log that differ from it, and an owner's word that they may stay."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _

from controlpanel.accounts.teams.members import OWNER
from controlpanel.audit.tables import differences
from controlpanel.audit.tables.differences import NotConfirmed
from controlpanel.audit.tables.projections import Difference
from controlpanel.lib.scope import Scope
from controlpanel.lib.text import clean
from controlpanel.web.core.banner import Banner
from controlpanel.web.core.change_forms import REASON_LENGTH
from controlpanel.web.core.htmx import page, see_other
from controlpanel.web.core.view_access import door

_METHODS = ("GET", "HEAD", "POST")


@door("team.manage", _METHODS, fresh=True)
def show(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    found = differences.of_chain(str(scope.team_id))
    reason = clean(request.POST.get("reason", ""), REASON_LENGTH)
    problem = ""
    if request.method == "POST":
        problem = _confirm(scope, found, request.POST.getlist("row"), reason)
        if not problem:
            messages.success(request, _("Confirmed. What the rows grant holds from now on."))
            return see_other(request, _url(scope))
    context: dict[str, Any] = {
        "rows": [(_choice(one), differences.sentence(one)) for one in found],
        "chosen": request.POST.getlist("row"),
        "may_confirm": _may_confirm(scope),
        "reason": reason,
        "problem": problem,
        "crumbs": [{"label": _("Audit"), "url": reverse("audit", args=[scope.team_slug])}],
    }
    return page(request, "audit/differences.html", context, status=409 if problem else 200)


def banner(request: HttpRequest, scope: Scope) -> Banner | None:
    """On every page of the team, from when verification has found something."""
    if not getattr(request, "rows_differ", False):
        return None
    may = scope.allows("team.manage") and request.path != _url(scope)
    return Banner(
        "bad",
        _(
            "Somebody changed rows of this team in the database, past the panel. Whoever they are "
            "about holds no rights until an owner confirms them. Everything else goes on."
        ),
        title=_("Rows differ from the audit log."),
        url=_url(scope) if may else "",
        label=_("Look at them") if may else "",
    )


def _confirm(scope: Scope, found: list[Difference], chosen: list[str], reason: str) -> str:
    """Why nothing was confirmed, or an empty string."""
    if not _may_confirm(scope):
        return _("Only an owner confirms rows.")
    if not chosen:
        return _("Choose at least one row.")
    if not reason:
        return _("Say what you found out, for whoever reads it later.")
    known = {_choice(one): (one.table, one.key, one.found) for one in found}
    if not set(chosen) <= known.keys():
        return _("Something has changed meanwhile. Look at the list again.")
    try:
        differences.confirm(scope, [known[one] for one in chosen], reason)
    except NotConfirmed as refusal:
        return str(refusal)
    return ""


def _may_confirm(scope: Scope) -> bool:
    return scope.actor.role == OWNER and scope.reach.is_all


def _choice(one: Difference) -> str:
    """What a form sends back: the row, as it was when it was shown."""
    return f"{one.table} {one.key} {one.found}"


def _url(scope: Scope) -> str:
    return reverse("audit-differences", args=[scope.team_slug])
