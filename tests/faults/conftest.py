from collections.abc import Callable

import pytest
from pytest_django import Settings

import controlpanel.celery  # noqa: F401 as in the web process
from controlpanel.accounts.models import Account
from controlpanel.sandbox.server import Sandbox
from controlpanel.servers.models import Server
from tests.faults.changes import Change
from tests.faults.upstream import Scene
from tests.people import Person
from tests.vpsorg.conftest import certificate as certificate


@pytest.fixture
def person_for(adam: Person, bob: Person) -> Callable[[Change], Person]:
    """Who asks for a change: the lowest role that may."""
    return lambda change: {"operator": bob, "admin": adam}[change.role]


@pytest.fixture
def fleet(synced: Account, alice: Person, adam: Person, bob: Person) -> Account:
    """The account, its mirror filled as after somebody has looked at every server; its people have
    signed in before anything goes wrong."""
    for person in (alice, adam, bob):
        person.sign_in()
    Server.objects.filter(account=synced, name="web-server-01").update(backups_enabled=True)
    return synced


@pytest.fixture
def scene(fleet: Account, sandbox: Sandbox, settings: Settings, certificate: str) -> Scene:
    return Scene(sandbox, fleet, settings, certificate)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages wait for the provider less long than in use, but long enough for a busy machine."""
    monkeypatch.setattr("controlpanel.credentials.tokens.clients.PAGE_SECONDS", 2.4)
    monkeypatch.setattr("controlpanel.operations.edits.READ_SECONDS", 1.2)
