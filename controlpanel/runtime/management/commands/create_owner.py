from argparse import ArgumentParser
from typing import Any

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.db import transaction
from django.urls import reverse

from controlpanel.accounts.models import Membership, Team, User
from controlpanel.accounts.signin.email_forms import not_ascii
from controlpanel.accounts.teams import teams
from controlpanel.audit.log.recorder import AuditUnavailable
from controlpanel.lib import request_id
from controlpanel.lib.email_address import folded
from controlpanel.lib.text import clean


class Command(BaseCommand):
    help = (
        "Founds a team and prints a one-time link with which its owner sets a password. "
        "Run again for the same owner and team, it prints a new link."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", required=True, help="address the owner signs in with")
        parser.add_argument("--team", required=True, help="name of the team, such as “Acme”")
        parser.add_argument("--name", default="", help="the owner's name")

    def handle(self, *_args: Any, email: str, team: str, name: str, **_options: Any) -> None:
        email, team = _address(email), _team_name(team)
        try:
            with request_id.bound(request_id.new()), transaction.atomic():
                membership = _membership(email, team, clean(name, 120))
        except AuditUnavailable:
            raise CommandError(
                "The audit log cannot be written, so nothing was done. Run `manage.py preflight` "
                "to see why."
            ) from None
        days = settings.PASSWORD_RESET_TIMEOUT // (24 * 60 * 60)
        self.stdout.write(
            f"{email} owns the team “{membership.team.name}” "
            f"({settings.PANEL_PUBLIC_URL}{reverse('team', args=[membership.team.slug])}).\n"
            f"This link sets the password. It works once, for {days} days; hand it over safely:\n"
            f"{_link(membership.user)}"
        )


def _address(text: str) -> str:
    try:
        validate_email(text.strip())
    except ValidationError:
        raise CommandError(f"“{clean(text)}” is not an e-mail address.") from None
    if not folded(text):
        raise CommandError(not_ascii())
    return folded(text)


def _team_name(text: str) -> str:
    name = clean(text, 120)
    if not name:
        raise CommandError("The team needs a name.")
    return name


def _membership(email: str, team: str, name: str) -> Membership:
    user = User.objects.filter(email=email).first()
    if user is None:
        user = User.objects.create_user(email, name=name or email.partition("@")[0])
    if not user.is_active:
        raise CommandError(f"{email} is deactivated in this panel; use another address.")
    owned = Membership.objects.filter(
        user=user, team__name=team, team__closed_at=None, role="owner"
    ).first()
    if owned:
        return owned
    if Team.objects.filter(name=team, closed_at=None).exists():
        raise CommandError(
            f"There is a team “{team}” already, and {email} does not own it. "
            "Give the new team another name."
        )
    return teams.found_team(team, user)


def _link(user: User) -> str:
    key = {"uidb36": user_pk_to_url_str(user), "key": default_token_generator.make_token(user)}
    return f"{settings.PANEL_PUBLIC_URL}{reverse('account_reset_password_from_key', kwargs=key)}"
