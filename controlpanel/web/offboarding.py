"""Letting a member go: everything they have here on one page, undone in one step, and the list
of what must still be done at VPS.org."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _

from controlpanel.accounts import members, roles, selectors
from controlpanel.accounts.members import MemberRefused
from controlpanel.accounts.models import Membership
from controlpanel.credentials import leaving
from controlpanel.credentials.models import Credential
from controlpanel.lib.scope import Scope
from controlpanel.operations import offboarding
from controlpanel.web import meanings
from controlpanel.web.door import door
from controlpanel.web.htmx import page, see_other
from controlpanel.web.members import crumbs, list_url

_METHODS = ("GET", "HEAD", "POST")


@door("members.manage", _METHODS, fresh=True)
def remove(request: HttpRequest, scope: Scope, user_id: UUID) -> HttpResponseBase:
    member = selectors.member(scope, user_id)
    if request.method != "POST":
        return _page(request, scope, member)
    try:
        left = offboarding.let_go(scope, member, _successors(request))
    except MemberRefused as refusal:
        return _page(request, scope, member, refused=str(refusal), status=409)
    messages.success(request, _("%(name)s is no longer in the team.") % {"name": member.user.email})
    to = reverse("revocations", args=[scope.team_slug]) if left else list_url(scope)
    return see_other(request, to)


@door("members.manage", _METHODS)
def revocations(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    """Tokens that only VPS.org's own pages can revoke; ticked off by whoever did it."""
    if request.method == "POST":
        if not _ticked(request, scope):
            messages.error(request, _("That was ticked off already."))
        return see_other(request, reverse("revocations", args=[scope.team_slug]))
    context = {"open": leaving.open_revocations(scope), "crumbs": crumbs(scope)}
    return page(request, "team/revocations.html", context)


def _ticked(request: HttpRequest, scope: Scope) -> bool:
    try:
        return leaving.tick_off(scope, UUID(request.POST.get("revocation", "")))
    except ValueError:
        return False


def _page(
    request: HttpRequest, scope: Scope, member: Membership, *, refused: str = "", status: int = 200
) -> HttpResponseBase:
    role = roles.find(scope.team_id, member.role)
    theirs = offboarding.holdings(scope, member)
    name = {"name": member.user.name or member.user.email}
    context: dict[str, Any] = {
        "ask": _("Remove %(name)s from the team?") % name,
        "submit": _("Remove %(name)s") % name,
        "tone": "danger",
        "form": forms.Form(),
        "crumbs": crumbs(scope),
        "member": member,
        "role": role.label if role else member.role,
        "refused": refused or members.why_not(scope, member, role),
        "theirs": theirs,
        "tokens": [(token, _heirs(token)) for token in theirs.tokens],
        "queued": [meanings.sentence(operation) for operation in theirs.queued],
        "running": [(one, meanings.sentence(one)) for one in theirs.running],
        "cancel_url": list_url(scope),
    }
    return page(request, "team/offboarding.html", context, status=status)


def _heirs(token: Credential) -> list[Credential]:
    return list(leaving.successors(token)) if token.is_sync else []


def _successors(request: HttpRequest) -> dict[UUID, UUID]:
    """Fields `successor-<account>`; what is no id is left out, and nobody succeeds."""
    found = {}
    for name, value in request.POST.items():
        if name.startswith("successor-"):
            try:
                found[UUID(name.removeprefix("successor-"))] = UUID(str(value))
            except ValueError:
                continue
    return found
