from argparse import ArgumentParser
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from controlpanel import env
from controlpanel.accounts import access, provider_accounts
from controlpanel.accounts.models import Account, Membership, Team, User
from controlpanel.accounts.teams import teams
from controlpanel.audit.log.recorder import AuditUnavailable, Target, record
from controlpanel.credentials.models import Credential
from controlpanel.credentials.tokens import clients
from controlpanel.credentials.tokens import services as token_services
from controlpanel.keys import macs
from controlpanel.lib import request_id
from controlpanel.lib.secret import Secret
from controlpanel.operations.following import polling
from controlpanel.servers import sync
from controlpanel.servers.selectors import known_ids

PASSWORD: Final = "demo-panel-1"  # noqa: S105 known to everybody, hence the flag
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class DemoPerson:
    email: str
    name: str
    team: str
    role: str
    token: str = ""  # theirs at the sandbox; not secret, it opens nothing else


PEOPLE: Final = (
    DemoPerson("owner@example.com", "Olivia Owner", "Acme", "owner", "vps_sandbox_acme_owner_0001"),
    DemoPerson("admin@example.com", "Adam Admin", "Acme", "admin", "vps_sandbox_acme_admin_0001"),
    DemoPerson(
        "operator@example.com", "Oscar Operator", "Acme", "operator",
        "vps_sandbox_acme_operator_0001",
    ),
    DemoPerson("viewer@example.com", "Vera Viewer", "Acme", "viewer"),
    DemoPerson("auditor@example.com", "Audrey Auditor", "Acme", "auditor"),
    DemoPerson(
        "outsider@example.com", "Otto Outsider", "Globex", "owner", "vps_sandbox_globex_owner_001"
    ),
)  # fmt: skip


class Command(BaseCommand):
    help = "Adds the demo people, teams, accounts and API tokens. What is there already stays."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--list", action="store_true", help="print the sign-ins, add nothing")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not settings.PANEL_DEMO:
            raise CommandError(
                "The demo people's password is known to everybody, so they exist only where "
                "PANEL_DEMO=1 allows them."
            )
        if options["list"]:
            self._list()
            return
        try:
            with request_id.bound(request_id.new()):
                _add_people()
                self._connect()
        except AuditUnavailable:
            raise CommandError("The audit log cannot be written, so nothing was done.") from None

    def _list(self) -> None:
        width = max(len(person.email) for person in PEOPLE)
        for person in PEOPLE:
            line = f"{person.email:{width}}  {PASSWORD}  {person.role} of {person.team}"
            self.stdout.write(line)

    def _connect(self) -> None:
        """An account of each team at the API address in use, and its tokens."""
        given = env.get("VPSORG_API_TOKEN")
        for name in ("Acme", "Globex"):
            memberships = _memberships(name)
            account = _account(memberships[0], name)
            try:
                if not given:
                    _keep_sandbox_tokens(memberships, account)
                elif name == "Acme":
                    _keep_given_token(memberships, account, Secret(given))
            except token_services.TokenRefused as refusal:
                # Standard output: it is what `make run` shows.
                self.stdout.write(f"No API token for the account “{account}”: {refusal}")


def _add_people() -> None:
    """All of them, or nobody. The password is hashed once: that takes most of the time."""
    with transaction.atomic():
        there = set(User.objects.filter(is_demo=True).values_list("email", flat=True))
        if {person.email for person in PEOPLE} <= there:
            return
        _refuse_others()
        password = make_password(PASSWORD)
        for person in PEOPLE:
            _add(person, password)
        scope = access.command_scope(_memberships("Acme")[0].team, frozenset())
        record(
            "demo.loaded",
            chain="panel",
            actor=scope.actor,
            origin=scope.origin,
            target=Target("panel", "", "demo"),
            result="success",
        )


def _refuse_others() -> None:
    """The demo moves into no database that people work in."""
    if User.objects.filter(is_demo=False).exists() or Team.objects.exists():
        raise CommandError(
            "This database holds people or teams that are not the demo's, so nothing was added. "
            "Use an empty one for the demo."
        )


def _add(person: DemoPerson, password: str) -> None:
    user = User.objects.create_user(person.email, name=person.name, is_demo=True)
    user.password = password
    user.save(update_fields=["password"])
    if person.role == "owner":
        teams.found_team(person.team, user)
        return
    team = Team.objects.get(name=person.team, closed_at=None)
    scope = access.command_scope(team, frozenset({"members.manage"}))
    teams.add_member(scope, team, user, person.role)


def _memberships(team: str) -> list[Membership]:
    """The demo people of the team who work with a token, owner first."""
    order = [person.email for person in PEOPLE if person.team == team and person.token]
    found = Membership.objects.select_related("user", "team").filter(
        user__email__in=order, user__is_demo=True
    )
    return sorted(found, key=lambda membership: order.index(membership.user.email))


def _account(owner: Membership, name: str) -> Account:
    at_this_address = Account.objects.filter(
        team_id=owner.team_id, origin=settings.VPSORG_API_ORIGIN, disconnected_at=None
    )
    return at_this_address.order_by("created_at").first() or provider_accounts.add_account(
        access.command_scope_for(owner), name
    )


def _keep_sandbox_tokens(memberships: list[Membership], account: Account) -> None:
    """Once, and only for a sandbox on this machine: a real provider is never shown them."""
    if urlsplit(account.origin).hostname not in _LOOPBACK or _had_tokens(account):
        return
    tokens = {person.email: person.token for person in PEOPLE}
    for membership in memberships:
        _keep(membership, account, Secret(tokens[membership.user.email]))


def _had_tokens(account: Account) -> bool:
    return bool(account.identity) or Credential.objects.filter(account=account).exists()


def _keep_given_token(memberships: list[Membership], account: Account, token: Secret) -> None:
    """Checked at every start; written only where it is not kept already."""
    token_services.check(token)
    kept = Credential.objects.filter(
        account=account, fingerprint=macs.fingerprint(token.reveal())
    ).values_list("user_id", flat=True)
    for membership in memberships:
        if membership.user_id not in kept:
            _keep(membership, account, token)


def _keep(membership: Membership, account: Account, token: Secret) -> None:
    """The owner's token becomes the account's sync token. Raises TokenRefused."""
    scope = access.command_scope_for(membership)
    credential = token_services.store(scope, account, token, known_ids(account))
    if membership.role != "owner":
        return
    if not credential.is_sync:
        token_services.choose_sync_token(scope, credential)
    sync.try_again(account)
    # So that the first page somebody opens has servers on it.
    polling.poll(account, at_least=timedelta(0), seconds=clients.PAGE_SECONDS)
