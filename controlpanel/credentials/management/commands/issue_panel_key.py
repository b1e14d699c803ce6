from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from controlpanel.accounts import access
from controlpanel.accounts.access import Denied
from controlpanel.accounts.models import Account, Membership, Team
from controlpanel.accounts.selectors import connected_accounts
from controlpanel.audit.log.recorder import AuditUnavailable
from controlpanel.credentials.panel_keys import services as panel_key_services
from controlpanel.credentials.panel_keys.services import PanelKeyRefused
from controlpanel.keys.ring import KeysNotReady
from controlpanel.lib import request_id
from controlpanel.lib.email_address import folded
from controlpanel.lib.scope import Scope
from controlpanel.lib.secret import Secret
from controlpanel.lib.text import clean, redact

_NAME = "command line"


class Command(BaseCommand):
    help = (
        "Issues a panel key in a member's name, for all that they may do with servers, and prints "
        "it: the key and nothing else. It is shown this once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", required=True, metavar="EMAIL", help="whose key it is")
        parser.add_argument("--team", required=True, metavar="SLUG", help="as in its address")
        parser.add_argument(
            "--account", default="", help="name or id; only where the team has more than one"
        )
        parser.add_argument("--name", default="", help=f"where it is used (“{_NAME}”)")
        parser.add_argument(
            "--days",
            type=int,
            default=panel_key_services.USUAL_DAYS,
            help="how long it lasts, 1 to 365",
        )

    def handle(self, *_args: Any, user: str, team: str, **options: Any) -> None:
        try:
            with request_id.bound(request_id.new()):
                text = _issue(_scope(user, team), **options)
        except PanelKeyRefused as refused:
            raise CommandError(refused.sentence) from None
        except Denied:
            raise CommandError(f"{_said(user)} may not keep panel keys in this team.") from None
        except KeysNotReady as error:
            raise CommandError(str(error)) from None
        except (AuditUnavailable, DatabaseError):
            raise CommandError(
                "The database or the audit log cannot be written, so nothing was done. Run "
                "`manage.py preflight` to see why."
            ) from None
        self.stdout.write(text.reveal())


def _issue(scope: Scope, *, account: str, name: str, days: int, **_options: Any) -> Secret:
    issued = panel_key_services.issue(
        scope,
        _account(scope, account),
        name=name or _free_name(scope),
        permissions=frozenset(panel_key_services.grantable(scope)),
        reach=scope.reach,
        addresses=(),
        days=days,
    )
    return issued.text


def _scope(email: str, slug: str) -> Scope:
    team = Team.objects.filter(slug=slug, closed_at=None).first()
    if team is None:
        raise CommandError(f"There is no team “{_said(slug)}”. Its address names it: /teams/SLUG/.")
    found = Membership.objects.select_related("user", "team").filter(
        team=team, user__email=folded(email)
    )
    membership = found.first()
    if membership is None:
        raise CommandError(f"{_said(email)} is not in the team “{team.name}”.")
    if membership.suspended_at is not None or not membership.user.is_active:
        raise CommandError(f"{_said(email)} is suspended, so no key of theirs would be accepted.")
    return access.command_scope_for(membership)


def _account(scope: Scope, wanted: str) -> Account:
    accounts = list(connected_accounts(scope))
    if not accounts:
        raise CommandError(
            f"The team “{scope.team_name}” has no VPS.org account yet: connect one first."
        )
    named = [one for one in accounts if wanted.lower() in (one.name.lower(), str(one.id))]
    if wanted and not named:
        raise CommandError(f"The team has no account “{_said(wanted)}”, only {_names(accounts)}.")
    if not wanted and len(accounts) > 1:
        raise CommandError(f"Say for which account with --account: {_names(accounts)}.")
    found = named or accounts
    if len(found) > 1:
        raise CommandError(f"Several accounts are called “{_said(wanted)}”: give an id instead.")
    return found[0]


def _said(text: str) -> str:
    """What somebody typed, as it is said back: it may have been a key."""
    return redact(clean(text))


def _names(accounts: list[Account]) -> str:
    return ", ".join(f"“{one.name}”" for one in accounts)


def _free_name(scope: Scope) -> str:
    """Each needs a name of its own, and who names none may want a second one."""
    taken = {name.lower() for name in panel_key_services.own(scope).values_list("name", flat=True)}
    names = (f"{_NAME} {number}" if number > 1 else _NAME for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)
