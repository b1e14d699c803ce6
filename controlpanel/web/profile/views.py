"""A person's own pages, which belong to no team. The others of these are allauth's."""

from dataclasses import dataclass

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.adapter import get_adapter as sessions_adapter
from allauth.usersessions.models import UserSession
from django import forms
from django.conf import settings
from django.contrib import messages
from django.db.models import Count, OuterRef, Subquery
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.http import require_http_methods, require_POST

from controlpanel.accounts import selectors
from controlpanel.accounts.models import Team, User
from controlpanel.accounts.signin import openid as signin_openid
from controlpanel.accounts.signin import profile
from controlpanel.credentials.models import PanelKey
from controlpanel.lib.text import clean
from controlpanel.web.core.htmx import page, see_other
from controlpanel.web.core.time_zones import time_zones
from controlpanel.web.core.view_access import signed_in

_YEAR_SECONDS = 365 * 24 * 60 * 60
_THEMES = (("", _l("As the system")), ("light", _l("Light")), ("dark", _l("Dark")))
_DENSITIES = (("", _l("Comfortable")), ("compact", _l("Compact")))


class SettingsForm(forms.ModelForm):  # type: ignore[type-arg]  # its base takes none at run time
    name = forms.CharField(
        label=_l("Name"),
        max_length=120,
        error_messages={"required": _l("Enter the name that your team knows you by.")},
    )
    time_zone = forms.ChoiceField(label=_l("Time zone"), choices=time_zones, required=False)
    theme = forms.ChoiceField(label=_l("Colours"), choices=_THEMES, required=False)
    density = forms.ChoiceField(label=_l("Spacing"), choices=_DENSITIES, required=False)

    class Meta:
        model = User
        fields = profile.FIELDS

    def clean_name(self) -> str:
        name = clean(self.cleaned_data["name"], 120)
        if not name:  # of invisible characters only
            raise forms.ValidationError(self.fields["name"].error_messages["required"])
        return name


@dataclass(frozen=True, slots=True)
class SignIn:
    """What the settings page says about how somebody signs in."""

    app: bool
    passkeys: int
    codes_left: int | None
    sessions: int
    new_address: str
    openid: str  # what the provider is called that they are linked with


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def own_settings(request: HttpRequest, user: User) -> HttpResponseBase:
    kept = User.objects.get(id=user.id)  # what the page around the form shows stays as it is
    form = SettingsForm(request.POST if request.method == "POST" else None, instance=kept)
    if form.is_bound and form.is_valid():
        profile.save(request, form.instance)
        messages.success(request, _("Your settings are saved."))
        response = see_other(request, reverse("own-settings"))
        # The menu's choice is this browser's own; what was just saved is the newer one.
        response.set_cookie(
            "theme",
            form.cleaned_data["theme"] or "system",
            max_age=_YEAR_SECONDS,
            samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
        )
        return response
    context = {
        "form": form,
        "sign_in": _sign_in(user),
        "keys": _keys(user),
        "closed_teams": selectors.closed_teams_of(user),
    }
    return page(request, "profile/settings.html", context, status=422 if form.is_bound else 200)


@require_POST
@signed_in
def end_session(request: HttpRequest, user: User, session_id: int) -> HttpResponseBase:
    session = UserSession.objects.filter(user=user, id=session_id).first()
    if session is None or session.is_current():  # one's own ends by signing out
        raise Http404
    sessions_adapter().end_sessions([session])
    messages.success(request, _("That session is ended: it has to sign in again."))
    return see_other(request, reverse("usersessions_list"))


def _keys(user: User) -> list[tuple[Team, int]]:
    """In which teams a script can act in their name, and with how many panel keys."""
    usable = PanelKey.usable().filter(user=user, team=OuterRef("pk")).order_by().values("team")
    counted = usable.annotate(number=Count("id")).values("number")
    teams = Team.objects.annotate(keys=Subquery(counted)).filter(keys__gt=0, closed_at=None)
    return [(team, team.keys) for team in teams.order_by("name")]


def _sign_in(user: User) -> SignIn:
    by_type: dict[str, list[Authenticator]] = {}
    for one in Authenticator.objects.filter(user=user):
        by_type.setdefault(one.type, []).append(one)
    codes = by_type.get(Authenticator.Type.RECOVERY_CODES)
    waiting = EmailAddress.objects.get_new(user)
    provider = signin_openid.configured()
    return SignIn(
        app=Authenticator.Type.TOTP in by_type,
        passkeys=len(by_type.get(Authenticator.Type.WEBAUTHN, [])),
        codes_left=len(codes[0].wrap().get_unused_codes()) if codes else None,
        sessions=len(UserSession.objects.purge_and_list(user)),
        new_address=waiting.email if waiting else "",
        openid=provider.name if provider and signin_openid.link_of(user) else "",
    )
