"""A person's own pages. Only those of allauth that have a design here are reachable."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as passkeys
from allauth.usersessions import views as sessions
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.urls import include, path, re_path

from controlpanel.web.core.view_access import ask_again
from controlpanel.web.profile import confirm_email, openid
from controlpanel.web.profile import views as profile_views

View = Callable[..., HttpResponseBase]


def _whole(view: View) -> View:
    """A change is made together with its record and the mail that tells of it, or not at all."""

    @wraps(view)
    def whole(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method != "POST":
            return view(request, *args, **kwargs)
        with transaction.atomic():
            return view(request, *args, **kwargs)

    return whole


def _fresh(view: View) -> View:
    """For what allauth itself asks nobody again about."""

    @wraps(view)
    def fresh(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        again = ask_again(request) if request.user.is_authenticated else None
        return again or view(request, *args, **kwargs)

    return fresh


_account = [
    path("login/", account.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("signup/", account.signup, name="account_signup"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("email/", _whole(account.email), name="account_email"),
    path("confirm-email/", account.email_verification_sent, name="account_email_verification_sent"),
    re_path(
        r"^confirm-email/(?P<key>[-:\w]+)/$",
        _whole(confirm_email.confirm_email),
        name="account_confirm_email",
    ),
    path("password/change/", _whole(account.password_change), name="account_change_password"),
    path("password/set/", _fresh(_whole(account.password_set)), name="account_set_password"),
    path("password/reset/", account.password_reset, name="account_reset_password"),
    path("password/reset/done/", account.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        _whole(account.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/key/done/",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
]
_mfa = [
    path("", mfa.index, name="mfa_index"),
    path("authenticate/", mfa.authenticate, name="mfa_authenticate"),
    path("reauthenticate/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("app/add/", _whole(totp.activate_totp), name="mfa_activate_totp"),
    path("app/remove/", _whole(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path("codes/", codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("codes/new/", _whole(codes.generate_recovery_codes), name="mfa_generate_recovery_codes"),
    path("codes/download/", codes.download_recovery_codes, name="mfa_download_recovery_codes"),
    path("passkeys/", passkeys.list_webauthn, name="mfa_list_webauthn"),
    path("passkeys/add/", _whole(passkeys.add_webauthn), name="mfa_add_webauthn"),
    path("passkeys/sign-in/", passkeys.login_webauthn, name="mfa_login_webauthn"),
    path(
        "passkeys/reauthenticate/",
        passkeys.reauthenticate_webauthn,
        name="mfa_reauthenticate_webauthn",
    ),
    path("passkeys/<int:pk>/rename/", _whole(passkeys.edit_webauthn), name="mfa_edit_webauthn"),
    path("passkeys/<int:pk>/remove/", _whole(passkeys.remove_webauthn), name="mfa_remove_webauthn"),
]


urlpatterns = [
    path("account/settings/", profile_views.own_settings, name="own-settings"),
    path(
        "account/sessions/<int:session_id>/end/", profile_views.end_session, name="own-session-end"
    ),
    path("accounts/openid/", openid.start, name="openid-login"),
    path("accounts/openid/callback/", openid.callback, name="openid-callback"),
    path("accounts/openid/again/", openid.again, name="openid-again"),
    path("account/openid/unlink/", openid.unlink, name="openid-unlink"),
    path("accounts/", include(_account)),
    path("accounts/two-step/", include(_mfa)),
    path("accounts/sessions/", _whole(sessions.list_usersessions), name="usersessions_list"),
]
