"""The cast, and what they share: one team with a connected account, and an outsider's.

alice is owner, adam admin, bob operator, vera viewer and audrey auditor of team acme; charlie owns
team globex. Each is a test client that is signed in, with the person as `.user`.
"""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.db import connection
from django.test import Client

from controlpanel.accounts import access
from controlpanel.accounts.models import Account, Membership, Team, User
from controlpanel.accounts.signin.session_policy import CAME_AT, CLICKED_AT
from controlpanel.accounts.teams.members import set_reach
from controlpanel.audit.models import AuditEvent
from controlpanel.credentials.models import Credential
from controlpanel.credentials.tokens.clients import PURPOSE, binding
from controlpanel.keys import cipher, macs
from controlpanel.lib import clock
from controlpanel.lib.scope import EVERYTHING, Reach, Scope
from controlpanel.operations.following import polling
from controlpanel.sandbox.server import Sandbox
from controlpanel.servers.models import Server
from tests.tools import mirrored

PASSWORD = "correct-horse-9"
HTMX = {"HX-Request": "true"}

OWNER_TOKEN = "vps_sandbox_acme_owner_0001"
ADMIN_TOKEN = "vps_sandbox_acme_admin_0001"
OPERATOR_TOKEN = "vps_sandbox_acme_operator_0001"
READONLY_TOKEN = "vps_sandbox_acme_readonly_01"
REVOKED_TOKEN = "vps_sandbox_acme_revoked_001"
GLOBEX_TOKEN = "vps_sandbox_globex_owner_001"


class Person(Client):
    """A browser that is signed in, from when it is first used: most of the cast only stand by."""

    def __init__(self, user: User, team: Team) -> None:
        super().__init__()
        self.user = user
        self.team = team
        self._is_signed_in = False

    def sign_in(self) -> None:
        if not self._is_signed_in:
            self._is_signed_in = True
            self.force_login(self.user)
            self._note_sign_in(seconds=0)

    def request(self, **request: Any) -> Any:
        self.sign_in()
        return super().request(**request)

    @property
    def session(self) -> SessionBase:
        self.sign_in()
        return super().session

    def signed_in_ago(self, **ago: float) -> None:
        """As allauth notes it in the session; a sign-in that is not fresh is asked again."""
        self.sign_in()
        self._note_sign_in(**ago)

    def _note_sign_in(self, **ago: float) -> None:
        session = super().session
        at = time.time() - timedelta(**ago).total_seconds()
        session[AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "password", "at": at}]
        session["account_authentication_methods_user"] = str(self.user.pk)
        # Clicked just now, so that the next page does not have to write that.
        session[CLICKED_AT] = session[CAME_AT] = int(time.time())
        session.save()

    @property
    def membership(self) -> Membership:
        """As it is now."""
        return Membership.objects.select_related("user").get(user=self.user, team=self.team)

    def scope(self, permission: str = "servers.view") -> Scope:
        """What the door would give this person, for calling a service directly."""
        found = access.scope_at_work(self.user.id, self.team.id, permission)
        assert found is not None, f"{self.user} lacks {permission}"
        return found


def join(team: Team, name: str, role: str, reach: Reach = EVERYTHING) -> Person:
    user = User.objects.create_user(f"{name}@example.com", PASSWORD, name=name.title())
    # Seen just now, so that their first page does not have to write that.
    membership = Membership(team=team, user=user, role=role, last_active_at=clock.now())
    set_reach(membership, reach)
    membership.save()
    return Person(user, team)


def with_labels(*labels: str) -> Reach:
    """A membership for the servers that have one of them."""
    return Reach("labels", labels=frozenset(labels))


def with_servers(*provider_ids: str) -> Reach:
    return Reach("servers", servers=frozenset(provider_ids))


def keep_token(user: User, account: Account, token: str, *, is_sync: bool = False) -> Credential:
    """Stores a token as the services do, without asking the provider and without a record."""
    credential = Credential(
        id=uuid4(),
        user=user,
        account=account,
        fingerprint=macs.fingerprint(token),
        is_sync=is_sync,
        last_result="ok",
    )
    credential.sealed = cipher.seal(PURPOSE, token, binding(credential, account))
    credential.save(force_insert=True)
    return credential


def look(account: Account) -> None:
    """Brings the mirror to what the provider shows now."""
    polling.poll(account, at_least=timedelta(0), seconds=5)


@pytest.fixture
def team(db: None) -> Team:
    return Team.objects.create(slug="acme", name="Acme")


@pytest.fixture
def other_team(db: None) -> Team:
    return Team.objects.create(slug="globex", name="Globex")


@pytest.fixture
def nobody() -> Client:
    return Client()


@pytest.fixture
def alice(team: Team) -> Person:
    return join(team, "alice", "owner")


@pytest.fixture
def adam(team: Team) -> Person:
    return join(team, "adam", "admin")


@pytest.fixture
def bob(team: Team) -> Person:
    return join(team, "bob", "operator")


@pytest.fixture
def vera(team: Team) -> Person:
    return join(team, "vera", "viewer")


@pytest.fixture
def audrey(team: Team) -> Person:
    return join(team, "audrey", "auditor")


@pytest.fixture
def charlie(other_team: Team) -> Person:
    return join(other_team, "charlie", "owner")


@pytest.fixture
def account(team: Team, sandbox: Sandbox, alice: Person, adam: Person, bob: Person) -> Account:
    """Connected; alice, adam and bob have a token for it, and alice's is the sync token."""
    made = Account.objects.create(team=team, name="Acme", origin=sandbox.url)
    keep_token(alice.user, made, OWNER_TOKEN, is_sync=True)
    keep_token(adam.user, made, ADMIN_TOKEN)
    keep_token(bob.user, made, OPERATOR_TOKEN)
    return made


@pytest.fixture
def other_account(other_team: Team, sandbox: Sandbox, charlie: Person) -> Account:
    made = Account.objects.create(team=other_team, name="Globex", origin=sandbox.url)
    keep_token(charlie.user, made, GLOBEX_TOKEN, is_sync=True)
    return made


@pytest.fixture
def synced(account: Account, sandbox: Sandbox) -> Account:
    """The account, its servers in the mirror."""
    if not mirrored.write(account, sandbox):
        look(account)
        mirrored.keep(account, sandbox)
    return account


@pytest.fixture
def server(synced: Account) -> Callable[[str], Server]:
    """`server("web-server-01")`: a server of the synced account, freshly read."""

    def named(name: str) -> Server:
        return Server.objects.select_related("account").get(account=synced, name=name)

    return named


@pytest.fixture
def audit_broken(db: None) -> Iterator[None]:
    """While this lasts the database takes no audit event."""
    table, name = AuditEvent._meta.db_table, "audit_is_broken"
    if connection.vendor == "sqlite":
        act, drop = "BEGIN SELECT RAISE(ABORT, 'no room'); END", f"DROP TRIGGER {name}"
    else:
        act, drop = "EXECUTE FUNCTION audit_refuse()", f"DROP TRIGGER {name} ON {table}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TRIGGER {name} BEFORE INSERT ON {table} FOR EACH ROW {act}")
    yield
    with connection.cursor() as cursor:
        cursor.execute(drop)
