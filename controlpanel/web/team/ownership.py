"""Handing a team over: an owner's page to offer it, and the receiver's to answer."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _

from controlpanel.accounts import selectors
from controlpanel.accounts.access import MEMBER
from controlpanel.accounts.models import OwnershipOffer
from controlpanel.accounts.teams import ownership_transfer
from controlpanel.accounts.teams.members import OWNER, MemberRefused
from controlpanel.lib.scope import Scope
from controlpanel.web.core.htmx import page, see_other
from controlpanel.web.core.view_access import door
from controlpanel.web.team.members import crumbs, list_url

_METHODS = ("GET", "HEAD", "POST")


@door("team.manage", _METHODS, fresh=True)
def offer(request: HttpRequest, scope: Scope, user_id: UUID) -> HttpResponseBase:
    receiver = selectors.member(scope, user_id)
    refused = ""
    if request.method == "POST":
        try:
            ownership_transfer.offer(scope, receiver)
        except MemberRefused as refusal:
            refused = str(refusal)
        else:
            return see_other(request, list_url(scope))
    name = receiver.user.name or receiver.user.email
    context = {
        **_page(scope),
        "ask": _("Hand %(team)s over to %(name)s?") % {"team": scope.team_name, "name": name},
        "submit": _("Offer it to %(name)s") % {"name": name},
        "tone": "danger",
        "refused": refused,
    }
    return page(request, "team/offer.html", context, status=409 if refused else 200)


@door(MEMBER, _METHODS, fresh=True)
def answer(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    """For the receiver only: for everybody else there is nothing here."""
    offered = _offered(scope)
    if offered.receiver_id != scope.user_id:
        raise Http404
    refused = ""
    if request.method == "POST":
        try:
            if request.POST.get("answer") == "decline":
                ownership_transfer.withdraw(scope, offered)
            else:
                ownership_transfer.accept(scope, offered)
                messages.success(request, _("The team is yours now."))
        except MemberRefused as refusal:
            refused = str(refusal)
        else:
            return see_other(request, list_url(scope))
    context = {
        **_page(scope),
        "ask": _("Take %(team)s over?") % {"team": scope.team_name},
        "submit": _("Take the team over"),
        "offered": offered,
        "refused": refused,
    }
    return page(request, "team/answer.html", context, status=409 if refused else 200)


@door("team.manage", ("POST",), fresh=True)
def withdraw(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    offered = ownership_transfer.open_offer(scope)
    if offered and scope.actor.role == OWNER:
        ownership_transfer.withdraw(scope, offered)
    return see_other(request, list_url(scope))


def _offered(scope: Scope) -> OwnershipOffer:
    offered = ownership_transfer.open_offer(scope)
    if offered is None:
        raise Http404
    return offered


def _page(scope: Scope) -> dict[str, Any]:
    return {"form": forms.Form(), "crumbs": crumbs(scope), "cancel_url": list_url(scope)}
