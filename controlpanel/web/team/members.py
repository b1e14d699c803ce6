"""A team's members: who they are, as what, for which servers; and changing that."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controlpanel.accounts import roles_lookup, selectors
from controlpanel.accounts.models import Invitation, Membership, reach_of
from controlpanel.accounts.permissions import Role
from controlpanel.accounts.teams import invitations, members, ownership_transfer
from controlpanel.accounts.teams.members import OWNER, MemberRefused
from controlpanel.credentials.models import Credential
from controlpanel.credentials.tokens import offboarding
from controlpanel.credentials.tokens import selectors as token_selectors
from controlpanel.lib.scope import Scope
from controlpanel.web.audit import timeline
from controlpanel.web.core.htmx import page, see_other
from controlpanel.web.core.server_access_forms import GrantForm, reach_words
from controlpanel.web.core.view_access import door

_METHODS = ("GET", "HEAD", "POST")


@dataclass(frozen=True, slots=True)
class Row:
    """`why_not`: why this person cannot change them."""

    member: Membership
    name: str
    role: str
    reach: str
    tokens: str
    second_factor: bool
    why_not: str
    may_receive: bool
    timeline_url: str


@dataclass(frozen=True, slots=True)
class Invited:
    invitation: Invitation
    role: str
    reach: str


@door("members.view")
def list_members(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    known = roles_lookup.of_team(scope.team_id)
    by_slug = {role.slug: role for role in known}
    manages = scope.allows("members.manage")
    offered = ownership_transfer.open_offer(scope)
    context = {
        "rows": _rows(scope, by_slug),
        "roles": known,
        "own_id": scope.user_id,
        "manages": manages,
        "may_change_roles": scope.allows("team.manage"),
        "invited": _invited(scope, by_slug) if manages else [],
        "to_revoke": offboarding.open_revocations(scope).count() if manages else 0,
        "offered": offered,
        "is_receiver": offered is not None and offered.receiver_id == scope.user_id,
        "is_owner": scope.actor.role == OWNER,
    }
    return page(request, "team/members.html", context)


@door("members.manage", _METHODS, fresh=True)
def change(request: HttpRequest, scope: Scope, user_id: UUID) -> HttpResponseBase:
    member = selectors.member(scope, user_id)
    data = request.POST if request.method == "POST" else None
    form = GrantForm(scope, members.grantable(scope), data, role=member.role, given=member.reach)
    if form.is_bound and form.is_valid():
        try:
            members.change(scope, member, form.cleaned_data["role"], form.given)
        except MemberRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Saved. It holds from their next click on."))
            return see_other(request, list_url(scope))
    context = {**about(scope, member), "form": form, "roles": members.grantable(scope)}
    return page(request, "team/member.html", context, status=422 if form.is_bound else 200)


@door("members.manage", _METHODS, fresh=True)
def suspend(request: HttpRequest, scope: Scope, user_id: UUID) -> HttpResponseBase:
    member = selectors.member(scope, user_id)
    context = about(scope, member)
    names = {"name": context["name"]}
    context |= {
        "ask": _("Suspend %(name)s?") % names,
        "submit": _("Suspend %(name)s") % names,
        "tone": "danger",
    }
    if request.method != "POST":
        return page(request, "team/suspend.html", context)
    try:
        members.suspend(scope, member)
    except MemberRefused as refusal:
        context["refused"] = str(refusal)
        return page(request, "team/suspend.html", context, status=409)
    return see_other(request, list_url(scope))


@door("members.manage", ("POST",), fresh=True)
def restore(request: HttpRequest, scope: Scope, user_id: UUID) -> HttpResponseBase:
    member = selectors.member(scope, user_id)
    try:
        members.restore(scope, member)
    except MemberRefused as refusal:
        messages.error(request, str(refusal))
    return see_other(request, list_url(scope))


def list_url(scope: Scope) -> str:
    return reverse("members", args=[scope.team_slug])


def crumbs(scope: Scope) -> list[dict[str, str]]:
    return [{"label": _("Members"), "url": list_url(scope)}]


def about(scope: Scope, member: Membership) -> dict[str, Any]:
    """What a page says that asks whether this is to be done to them."""
    role = roles_lookup.find(scope.team_id, member.role)
    is_self = member.user_id == scope.user_id
    return {
        "member": member,
        "name": _name(member),
        "role": role.label if role else member.role,
        "reach": reach_words(member.reach),
        "refused": "" if is_self else members.why_not(scope, member, role),
        "form": forms.Form(),
        "crumbs": crumbs(scope),
        "cancel_url": list_url(scope) if scope.allows("members.view") else reverse("home"),
    }


def _rows(scope: Scope, by_slug: dict[str, Role]) -> list[Row]:
    tokens = token_selectors.of_team(scope)
    strong = selectors.with_second_factor(scope)
    found = []
    for member in selectors.members(scope):
        role = by_slug.get(member.role)
        found.append(
            Row(
                member=member,
                name=_name(member),
                role=str(role.label) if role else member.role,
                reach=reach_words(member.reach),
                tokens=_token_words(tokens.get(member.user_id, [])),
                second_factor=member.user_id in strong,
                why_not=members.why_not(scope, member, role),
                may_receive=member.role != OWNER and member.suspended_at is None,
                timeline_url=timeline_url(scope, member.user_id),
            )
        )
    return found


def timeline_url(scope: Scope, user_id: UUID) -> str:
    return timeline.person_url(scope, user_id) if scope.allows("audit.view") else ""


def _invited(scope: Scope, by_slug: dict[str, Role]) -> list[Invited]:
    found = []
    for invitation in invitations.open_ones(scope):
        role = by_slug.get(invitation.role)
        label = str(role.label) if role else invitation.role
        found.append(Invited(invitation, label, reach_words(reach_of(invitation))))
    return found


def _token_words(tokens: list[Credential]) -> str:
    """Whether somebody can change anything at VPS.org: that needs a token of their own."""
    if not tokens:
        return _("none")
    if any(token.last_result == "unauthorized" for token in tokens):
        return _("refused by VPS.org")
    number = ngettext("%(n)d token", "%(n)d tokens", len(tokens)) % {"n": len(tokens)}
    if any(token.is_sync for token in tokens):
        return _("%(tokens)s, one reads the account") % {"tokens": number}
    return number


def _name(member: Membership) -> str:
    return member.user.name or member.user.email
