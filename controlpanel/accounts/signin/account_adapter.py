"""allauth's hooks: sign-up is closed, everything about a sign-in is on the record, mail is ours."""

from datetime import timedelta
from math import ceil
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from allauth.account.models import EmailAddress
from allauth.account.utils import filter_users_by_email
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse, ReauthenticationRequired
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.db import DatabaseError, InterfaceError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from controlpanel.accounts import limits
from controlpanel.accounts.models import User
from controlpanel.accounts.request_origin import client_address
from controlpanel.accounts.signin import known_devices, mail_context, openid
from controlpanel.accounts.signin.person_events import (
    note_unrecorded,
    record_if_possible,
    record_own,
)
from controlpanel.accounts.signin.reauthentication import signed_in_recently
from controlpanel.audit.log import read_only
from controlpanel.audit.log.recorder import AuditUnavailable
from controlpanel.keys.ring import KeysNotReady
from controlpanel.lib import clock
from controlpanel.lib.email_address import is_comparable
from controlpanel.lib.text import clean

log = structlog.get_logger(__name__)

# How long a link to a new password may wait for the mail server.
RESETS_WAIT_FOR: Final = timedelta(minutes=30)
_RESET: Final = "account/email/password_reset_key"
_UNKNOWN_ADDRESS = "::"  # behind a socket file there is none


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    error_messages: ClassVar[dict[str, Any]] = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": _(
            "This e-mail address and this password do not belong together. Type both again, or "
            "set a new password."
        ),
        "account_inactive": _(
            "This account is switched off. Ask an owner of your team if you need it."
        ),
        "rate_limited": _("That was tried too often. Wait some minutes, then try again."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request) or _UNKNOWN_ADDRESS

    def is_reauthentication_required(self, *, app: str, **_kwargs: Any) -> bool:  # noqa: ARG002
        """Everywhere, unless the sign-in itself is fresh; allauth looks at being asked again.

        It asks nobody who has neither password nor second step; here they are asked as well.
        """
        if signed_in_recently(context.request):
            return False
        if not get_reauthentication_flows(context.request.user):
            raise ReauthenticationRequired
        return True

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Never empty for somebody signed in: whoever has no other way proves it by mail."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if isinstance(user, User) and openid.link_of(user):
            methods.append({"id": "openid", "url": reverse("openid-again")})
        if not methods and isinstance(user, User):
            methods.append({"id": "mail", "url": reverse("account_reset_password")})
        return methods

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        assert isinstance(user, User)
        is_new_device = known_devices.is_new(request, user)
        if not read_only.closed():
            try:
                with transaction.atomic():
                    self._login(request, user, is_new_device)
            except AuditUnavailable:
                pass
            except (DatabaseError, InterfaceError):
                read_only.suspect()
            else:
                return
            request.session.cycle_key()  # its row is gone with the transaction
        # People get in to look, also while nothing can be recorded.
        super().login(request, user)
        note_unrecorded("authn_login_success", request, user.email)

    def _login(self, request: HttpRequest, user: User, is_new_device: bool) -> None:
        super().login(request, user)
        record_own("authn_login_success", request, user, data={"methods": _methods(request)})
        if is_new_device:
            record_own("authn_new_device", request, user)
            self.send_notification_mail("account/email/new_device", user)

    def post_login(
        self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any
    ) -> HttpResponse:
        assert isinstance(user, User)
        response: HttpResponse = super().post_login(request, user, **kwargs)
        known_devices.remember(request, response, user)
        return response

    def logout(self, request: HttpRequest) -> None:
        if isinstance(request.user, User):
            record_if_possible("authn_logout", request, request.user)
        super().logout(request)

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        if is_comparable(credentials.get("email") or ""):
            user: AbstractBaseUser | None = super().authenticate(request, **credentials)
            return user
        self.pre_authenticate(request, **credentials)
        self.authentication_failed(request, **credentials)
        return None

    def _get_login_attempts_cache_key(
        self,
        request: HttpRequest,  # noqa: ARG002
        **credentials: Any,
    ) -> str:
        """What tries are counted by: the account, however it is written and whatever Host says.

        A hook of allauth's without a public name; a test holds that it is asked.
        """
        email = credentials.get("email") or ""
        users = filter_users_by_email(email, prefer_verified=True) if is_comparable(email) else []
        return f"account:{users[0].pk}" if users else f"address:{email.lower()}"

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        email = clean(credentials.get("email") or "", 254)
        user = User.objects.with_address(email)
        record_if_possible("authn_login_fail", request, user, "failure", tried=email)

    def set_password(self, user: AbstractBaseUser, password: str) -> None:
        assert isinstance(user, User)
        with transaction.atomic():
            super().set_password(user, password)
            record_own("authn_password_change", context.request, user)

    def send_password_reset_mail(self, user: User, email: str, words: dict[str, Any]) -> None:
        with transaction.atomic():
            super().send_password_reset_mail(user, email, words)
            record_own("authn_password_reset_asked", context.request, user)

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        user = email_address.user
        before = user.email
        with transaction.atomic():
            confirmed: bool = super().confirm_email(request, email_address)
            if confirmed:
                data = {"before": before, "after": email_address.email}
                record_own("authn_email_changed", request, user, data=data)
        return confirmed

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:  # noqa: ARG002
        return reverse("own-settings")

    def get_email_verification_redirect_url(self, email_address: EmailAddress) -> str:  # noqa: ARG002
        signed_in = context.request.user.is_authenticated
        return reverse("own-settings" if signed_in else "account_login")

    def get_reset_password_from_key_url(self, key: str) -> str:
        return _public(super().get_reset_password_from_key_url(key))

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        return _public(super().get_email_confirmation_url(request, emailconfirmation))

    def render_mail(
        self, template_prefix: str, email: str, words: dict[str, Any], *args: Any, **kwargs: Any
    ) -> EmailMessage:
        """The text, and the same again as HTML. What somebody typed is no link in either."""
        given = mail_context.for_template(words)
        message: EmailMultiAlternatives = super().render_mail(
            template_prefix, email, given, *args, **kwargs
        )
        html = mail_context.as_html(str(message.body), given)
        words = {"subject": message.subject, "html": html}
        message.attach_alternative(render_to_string("account/email/frame.html", words), "text/html")
        return message

    def send_mail(self, template_prefix: str, email: str, words: dict[str, Any]) -> None:
        """Queued together with what it tells: what did not happen is not announced. A worker sends
        it; the answer is the same for every address and every mail server."""
        if not _counted(template_prefix, email):
            return
        given = {"request": context.request, "email": email, **words}
        if isinstance(given.get("user"), User):
            given["name"] = given["user"].name
        message = self.render_mail(template_prefix, email, given)
        if template_prefix == _RESET:
            message.expires_at = clock.now() + RESETS_WAIT_FOR  # type: ignore[attr-defined]
        try:
            message.send()
        except KeysNotReady as error:
            raise AuditUnavailable(str(error)) from error


def _counted(template_prefix: str, email: str) -> bool:
    """False for one too many to somebody who has no account: whoever asked gets the same answer."""
    try:
        if template_prefix == "account/email/unknown_account":
            limits.take((limits.MAILS_OF_STRANGERS, ""), (limits.MAILS_OF_STRANGER, email.lower()))
        elif template_prefix == "account/email/email_confirmation":
            limits.take((limits.MAILS_OF_ADDRESS, email.lower()))
    except limits.Exceeded as over:
        if over.rule == limits.MAILS_OF_ADDRESS:
            raise ImmediateHttpResponse(_not_before(over)) from None
        log.warning("mail.limit_reached", limit=over.rule.name)
        return False
    return True


def _not_before(over: limits.Exceeded) -> HttpResponse:
    """To somebody whose own address it is, or who knows its password."""
    answer = render(context.request, "429.html", {"mails": over}, status=429)
    seconds = (over.again_at - clock.now()).total_seconds()
    answer["Retry-After"] = str(max(1, ceil(seconds)))
    return answer


def _methods(request: HttpRequest) -> list[str]:
    """How somebody has just signed in: password, openid, totp, recovery_codes, webauthn."""
    records = get_authentication_records(request, request.user)
    names = [str(record.get("type") or record["method"]) for record in records]
    return ["openid" if name == "socialaccount" else name for name in names]


def _public(url: str) -> str:
    """Links in mail lead to the public address, whatever Host the request came with."""
    parts = urlsplit(url)
    return f"{settings.PANEL_PUBLIC_URL}{parts.path}"
