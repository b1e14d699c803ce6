"""allauth's hooks: sign-up is closed, and every sign-in and sign-out is on the record."""

from typing import Any, ClassVar

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from controlpanel.accounts.models import Team, User
from controlpanel.accounts.origin import client_address, of_request
from controlpanel.audit.recorder import Result, Target, record
from controlpanel.lib.scope import Actor
from controlpanel.lib.text import clean


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
        return client_address(request)

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        assert isinstance(user, User)
        with transaction.atomic():
            super().login(request, user)
            _record("authn_login_success", request, user, "success")

    def logout(self, request: HttpRequest) -> None:
        user = request.user
        with transaction.atomic():
            if isinstance(user, User):
                _record("authn_logout", request, user, "success")
            super().logout(request)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        email = clean(credentials.get("email") or "", 254)
        user = User.objects.filter(email__iexact=email).first()
        with transaction.atomic():
            _record("authn_login_fail", request, user, "failure", tried=email)

    def set_password(self, user: AbstractBaseUser, password: str) -> None:
        assert isinstance(user, User)
        with transaction.atomic():
            super().set_password(user, password)
            _record("authn_password_change", context.request, user, "success")

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """No "signed in as…" banners: the page says who is signed in."""


def _record(
    event: str, request: HttpRequest, user: User | None, result: Result, tried: str = ""
) -> None:
    """In the chain of each of the person's teams; of the panel, when there is none."""
    actor = (
        Actor(kind="user", id=str(user.id), name=user.email)
        if user
        else Actor(kind="nobody", id="", name=tried)
    )
    teams = Team.objects.filter(memberships__user=user).order_by("id") if user else ()
    for chain in [team.chain for team in teams] or ["panel"]:
        record(
            event,
            chain=chain,
            actor=actor,
            origin=of_request(request),
            target=Target("user", actor.id, actor.name),
            result=result,
        )
