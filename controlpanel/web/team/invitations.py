"""Inviting people, and the page that an invitation's link opens."""

from typing import Any
from uuid import UUID

from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from allauth.core.internal import ratelimit
from django import forms
from django.contrib import messages
from django.contrib.auth.password_validation import validate_password
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.http import require_http_methods

from controlpanel.accounts import roles_lookup
from controlpanel.accounts.models import Invitation, Membership, User, reach_of
from controlpanel.accounts.request_origin import of_request
from controlpanel.accounts.teams import invitations, members
from controlpanel.accounts.teams.invitations import InvitationUnusable
from controlpanel.accounts.teams.members import MemberRefused
from controlpanel.lib.scope import Scope
from controlpanel.lib.text import clean
from controlpanel.web.core.htmx import page, see_other
from controlpanel.web.core.server_access_forms import GrantForm, reach_words
from controlpanel.web.core.view_access import door
from controlpanel.web.team.members import crumbs, list_url


class InviteForm(GrantForm):
    email = forms.CharField(
        label=_l("E-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        error_messages={"required": _l("Enter the address of the person you invite.")},
    )


class JoinForm(forms.Form):
    """A person who is new here. The address is not asked for: the mail has shown it."""

    name = forms.CharField(
        label=_l("Your name"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"required": _l("Enter your name, so that the team knows who you are.")},
    )
    password = forms.CharField(
        label=_l("Password"),
        max_length=4096,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        error_messages={"required": _l("Choose a password.")},
    )

    def __init__(self, data: Any = None, *, email: str) -> None:
        super().__init__(data)
        self.email = email

    def clean_name(self) -> str:
        name = clean(self.cleaned_data["name"], 120)
        if not name:  # of invisible characters only
            raise forms.ValidationError(self.fields["name"].error_messages["required"])
        return name

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "password" in cleaned:
            user = User(email=self.email, name=cleaned.get("name", ""))
            try:
                validate_password(cleaned["password"], user)
            except forms.ValidationError as wrong:
                self.add_error("password", wrong)
        return cleaned


@door("members.manage", ("GET", "HEAD", "POST"), fresh=True)
def invite(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    data = request.POST if request.method == "POST" else None
    grantable = members.grantable(scope)
    form = InviteForm(scope, grantable, data)
    if form.is_bound and form.is_valid():
        cleaned = form.cleaned_data
        try:
            made, _token = invitations.invite(scope, cleaned["email"], cleaned["role"], form.given)
        except MemberRefused as refusal:
            form.add_error("email", str(refusal))
        else:
            return _sent(request, scope, made)
    context = {
        "form": form,
        "roles": grantable,
        "crumbs": crumbs(scope),
        "cancel_url": list_url(scope),
    }
    return page(request, "team/invite.html", context, status=422 if form.is_bound else 200)


@door("members.manage", ("POST",), fresh=True)
def resend(request: HttpRequest, scope: Scope, invitation_id: UUID) -> HttpResponseBase:
    try:
        made, _token = invitations.resend(scope, _open(scope, invitation_id))
    except MemberRefused as refusal:
        messages.error(request, str(refusal))
        return see_other(request, list_url(scope))
    return _sent(request, scope, made)


@door("members.manage", ("POST",), fresh=True)
def revoke(request: HttpRequest, scope: Scope, invitation_id: UUID) -> HttpResponseBase:
    invitation = _open(scope, invitation_id)
    invitations.revoke(scope, invitation)
    words = _("The invitation of %(email)s no longer works.") % {"email": invitation.email}
    messages.success(request, words)
    return see_other(request, list_url(scope))


@require_http_methods(["GET", "HEAD", "POST"])
def accept(request: HttpRequest, token: str) -> HttpResponseBase:
    """A GET only shows: whatever looks at links in mail must not use them up."""
    user = request.user if isinstance(request.user, User) else None
    try:
        invitation = invitations.find(token, user)
        if user is None:
            return _as_stranger(request, token, invitation)
        if request.method == "POST":
            return _joined(request, invitations.accept(token, user, of_request(request)))
    except InvitationUnusable as refusal:
        return _unusable(request, refusal, user)
    return _page(request, invitation)


def _as_stranger(request: HttpRequest, token: str, invitation: Invitation) -> HttpResponseBase:
    """Somebody who has an account signs in first; somebody who is new makes one here."""
    if User.objects.filter(email=invitation.email).exists():
        return _page(request, invitation, sign_in=True)
    data = request.POST if request.method == "POST" else None
    form = JoinForm(data, email=invitation.email)
    if not form.is_bound or not form.is_valid():
        return _page(request, invitation, form=form, status=422 if form.is_bound else 200)
    try:
        with transaction.atomic():
            user = User.objects.create_user(
                invitation.email, form.cleaned_data["password"], name=form.cleaned_data["name"]
            )
            membership = invitations.accept(token, user, of_request(request))
    except IntegrityError:  # made in another tab at the same moment
        return _page(request, invitation, sign_in=True)
    record_authentication(request, user, method="password", email=user.email)
    signed_in: HttpResponseBase = perform_login(
        request, user, redirect_url=reverse("servers", args=[membership.team.slug])
    )
    return signed_in


def _joined(request: HttpRequest, membership: Membership) -> HttpResponseBase:
    team = membership.team
    messages.success(request, _("Welcome to %(team)s.") % {"team": team.name})
    return see_other(request, reverse("servers", args=[team.slug]))


def _page(
    request: HttpRequest,
    invitation: Invitation,
    *,
    form: JoinForm | None = None,
    sign_in: bool = False,
    status: int = 200,
) -> HttpResponseBase:
    role = roles_lookup.find(invitation.team_id, invitation.role)
    context = {
        "invitation": invitation,
        "role": role,
        "reach": reach_words(reach_of(invitation)),
        "form": form,
        "sign_in": sign_in,
    }
    return page(request, "team/invitation.html", context, status=status)


def _unusable(
    request: HttpRequest, refusal: InvitationUnusable, user: User | None
) -> HttpResponseBase:
    """One page for all of them: whoever guesses learns nothing."""
    # allauth's public name for this lets every GET pass, and guessing is done with GETs.
    if not ratelimit.consume(request, app="allauth.account", action="invitation", limit_get=True):
        return ratelimit.respond_429(request)  # type: ignore[no-any-return]  # no types there
    invitations.record_refused(refusal, user, of_request(request))
    return page(request, "team/invitation_unusable.html", {}, status=410)


def _sent(request: HttpRequest, scope: Scope, invitation: Invitation) -> HttpResponseBase:
    words = _("An invitation is on its way to %(email)s. It works for 72 hours.")
    messages.success(request, words % {"email": invitation.email})
    return see_other(request, list_url(scope))


def _open(scope: Scope, invitation_id: UUID) -> Invitation:
    found = invitations.open_ones(scope).filter(id=invitation_id).first()
    if found is None:
        raise Http404
    return found
