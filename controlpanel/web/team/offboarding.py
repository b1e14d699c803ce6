"""Letting a member go: everything they have here on one page, undone in one step, and the list
of what must still be done at VPS.org."""

from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _

from controlpanel.accounts import roles_lookup, selectors
from controlpanel.accounts.access import MEMBER
from controlpanel.accounts.models import Membership
from controlpanel.accounts.teams import members
from controlpanel.accounts.teams.members import MemberRefused
from controlpanel.credentials.models import Credential
from controlpanel.credentials.panel_keys import services as panel_key_services
from controlpanel.credentials.tokens import offboarding as token_offboarding
from controlpanel.lib.scope import Scope
from controlpanel.operations import selectors as operation_selectors
from controlpanel.operations.leaving import offboarding
from controlpanel.operations.models import Operation
from controlpanel.web.api import panel_key_rows
from controlpanel.web.core import text
from controlpanel.web.core.htmx import page, see_other
from controlpanel.web.core.view_access import door
from controlpanel.web.operations import meanings
from controlpanel.web.team.members import about, crumbs, list_url

_METHODS = ("GET", "HEAD", "POST")
# So many of those that are done are shown below the others.
_TICKED: Final = 20


@door("members.manage", _METHODS, fresh=True)
def remove(request: HttpRequest, scope: Scope, user_id: UUID) -> HttpResponseBase:
    member = selectors.member(scope, user_id)
    if member.user_id == scope.user_id:  # that page asks another question
        return see_other(request, reverse("leave", args=[scope.team_slug]))
    if request.method != "POST":
        return _page(request, scope, member)
    try:
        left = offboarding.let_go(scope, member, _successors(request))
    except MemberRefused as refusal:
        return _page(request, scope, member, failed=str(refusal), status=409)
    messages.success(request, _("%(name)s is no longer in the team.") % {"name": member.user.email})
    to = reverse("revocations", args=[scope.team_slug]) if left else list_url(scope)
    return see_other(request, to)


@door(MEMBER, _METHODS)
def leave(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    assert scope.user_id is not None
    member = selectors.member(scope, scope.user_id)
    # Who reads an account from now on is said by whoever may choose that.
    chooses = scope.allows("accounts.connect")
    tokens = token_offboarding.tokens_of(scope, scope.user_id)
    team = {"team": scope.team_name}
    context = {
        **about(scope, member),
        "ask": _("Leave %(team)s?") % team,
        "submit": _("Leave %(team)s") % team,
        "tone": "danger",
        "tokens": [(token, _heirs(scope, token) if chooses else []) for token in tokens],
        "keys": panel_key_rows.rows(scope, panel_key_services.usable_of(scope, scope.user_id)),
    }
    if request.method != "POST":
        return page(request, "team/leave.html", context)
    try:
        offboarding.let_go(scope, member, _successors(request) if chooses else {})
    except MemberRefused as refusal:
        return page(request, "team/leave.html", {**context, "refused": str(refusal)}, status=409)
    return see_other(request, reverse("home"))


@door("members.manage", _METHODS)
def revocations(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    """Tokens that only VPS.org's own pages can revoke; ticked off by whoever did it."""
    if request.method == "POST":
        if not _ticked(request, scope):
            messages.error(request, _("That was ticked off already."))
        return see_other(request, reverse("revocations", args=[scope.team_slug]))
    context = {
        "open": token_offboarding.open_revocations(scope),
        "ticked": token_offboarding.newest_ticked(scope)[:_TICKED],
        "crumbs": crumbs(scope),
    }
    return page(request, "team/revocations.html", context)


def _ticked(request: HttpRequest, scope: Scope) -> bool:
    try:
        return token_offboarding.tick_off(scope, UUID(request.POST.get("revocation", "")))
    except ValueError:
        return False


def _page(
    request: HttpRequest, scope: Scope, member: Membership, *, failed: str = "", status: int = 200
) -> HttpResponseBase:
    role = roles_lookup.find(scope.team_id, member.role)
    theirs = offboarding.holdings(scope, member)
    name = {"name": text.shown(member.user.name or member.user.email, 254)}
    context: dict[str, Any] = {
        "ask": _("Remove %(name)s from the team?") % name,
        "submit": _("Remove %(name)s") % name,
        "tone": "danger",
        "form": forms.Form(),
        "crumbs": crumbs(scope),
        "member": member,
        "role": role.label if role else member.role,
        "refused": members.why_not(scope, member, role),
        "failed": failed,
        "theirs": theirs,
        "tokens": [(token, _heirs(scope, token)) for token in theirs.tokens],
        "keys": panel_key_rows.rows(scope, theirs.keys),
        "queued": _shown(scope, theirs.queued),
        "running": _shown(scope, theirs.running),
        "cancel_url": list_url(scope),
    }
    return page(request, "team/offboarding.html", context, status=status)


def _shown(scope: Scope, found: list[Operation]) -> list[tuple[Operation, str]]:
    """Those on servers that whoever asks may know of."""
    seen = set(
        operation_selectors.visible(scope)
        .filter(id__in=[one.id for one in found])
        .values_list("id")
    )
    return [(one, meanings.title(one)) for one in found if (one.id,) in seen]


def _heirs(scope: Scope, token: Credential) -> list[Credential]:
    """Whoever asks comes first: that much is theirs to promise."""
    found = token_offboarding.successors(token) if token.is_sync else []
    return sorted(found, key=lambda heir: heir.user_id != scope.user_id)


def _successors(request: HttpRequest) -> dict[UUID, UUID]:
    """Fields `successor-<account>`; where one is empty or missing, nobody succeeds."""
    found = {}
    for name, value in request.POST.items():
        if name.startswith("successor-"):
            try:
                found[UUID(name.removeprefix("successor-"))] = UUID(str(value))
            except ValueError:
                continue
    return found
