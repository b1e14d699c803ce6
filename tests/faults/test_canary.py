"""A token and a root password put in on purpose, then looked for wherever the panel leaves a trace.

Within this process: tables, files, pages, error pages, logs, errors, the queue. With the panel as
processes: `test_canary_processes`.
"""

import pickle
import queue
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.core import mail
from django.db import connection
from django.test import Client as Browser

from controlpanel.accounts.models import Account
from controlpanel.credentials.models import Credential
from controlpanel.credentials.tokens import clients
from controlpanel.lib.secret import Secret
from controlpanel.sandbox.server import Sandbox
from controlpanel.sandbox.world import Token
from tests.faults import canary
from tests.faults.canary import ROOT_PASSWORD, TOKEN, Sinks
from tests.faults.changes import BASE, CHANGES, Change, address, form_of
from tests.faults.settling import settle
from tests.people import Person, look
from tests.tools.breaking import broken_audit
from tests.tools.valkey import ValkeyServer

ECHO = {
    "detail": f"Not with {TOKEN}!",
    "name": [f"{TOKEN} is not enough."],
    TOKEN: "x",
    "password": ROOT_PASSWORD,
}
FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 400, "body": ECHO},
    {"kind": "status", "status": 401, "body": f"Bearer {TOKEN}"},
    {"kind": "status", "status": 500, "body": ECHO, "headers": {"X-Token": "see body"}},
    {"kind": "hang", "seconds": 2.0},
    {"kind": "garbage"},
    {"kind": "html"},
    {"kind": "drop_after"},
    {"kind": "redirect", "location": f"http://127.0.0.1:9/{TOKEN}"},
)
MOST_TELLING = (FAULTS[0], FAULTS[3], FAULTS[4])


@pytest.fixture
def sinks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sinks]:
    """Sees every answer that any browser gets, and everything that is logged."""
    found = Sinks()
    real = Browser.request

    def request(self: Browser, **environ: Any) -> Any:
        answer = real(self, **environ)
        found.page(answer)
        return answer

    monkeypatch.setattr(Browser, "request", request)
    with canary.listening(found):
        yield found
    found.assert_clean()


@pytest.fixture
def world(
    fleet: Account, sandbox: Sandbox, sinks: Sinks, monkeypatch: pytest.MonkeyPatch
) -> Sandbox:
    monkeypatch.setattr(clients, "PAGE_SECONDS", 1.2)
    monkeypatch.setattr("controlpanel.operations.edits.READ_SECONDS", 0.6)
    sandbox.world.settings.root_password = ROOT_PASSWORD
    sandbox.world.add_token(TOKEN, Token("canary", "acme", ["*:*"]))
    return sandbox


@pytest.fixture
def keepers(world: Sandbox, alice: Person, adam: Person, bob: Person) -> tuple[Person, ...]:
    """Everybody keeps the canary, typed into the page; alice's is the sync token."""
    people = (alice, adam, bob)
    for person in people:
        assert person.post(f"{BASE}/tokens/", {"token": TOKEN}).status_code == 303
    return people


def ask(person: Person, change: Change, number: int) -> Any:
    form = form_of(change)
    if change.kind == "create":
        form["name"] = f"fresh-{number}"
    return person.post(address(change), form)


def use_everything(
    keepers: tuple[Person, ...], world: Sandbox, faults: tuple[dict[str, Any], ...]
) -> None:
    alice, adam, bob = keepers
    for number, fault in enumerate((*faults, {})):
        for change in CHANGES:
            world.desk.faults.clear()
            if fault:
                world.fault(**fault, method=change.method, path=change.path)
            ask({"operator": bob, "admin": adam}[change.role], change, number)
    world.desk.faults.clear()
    for path in ("servers/", "servers/12345/", "operations/", "audit/", "tokens/", "servers/new/"):
        assert alice.get(f"{BASE}/{path}").status_code == 200
        alice.get(f"{BASE}/{path}", headers={"HX-Request": "true"})
    assert len({call.method for call in world.changes()}) == 4


def look_everywhere(sinks: Sinks) -> None:
    sinks.tables()
    if connection.vendor == "sqlite":
        sinks.files(django_settings.PANEL_VAR)
    for message in mail.outbox:
        sinks.pour("mail", message.message().as_bytes())


def test_what_is_looked_for_would_be_found() -> None:
    for text in (TOKEN, repr(ROOT_PASSWORD), f"https://x/?{TOKEN}", Secret(TOKEN).reveal()):
        assert canary.is_in(text.encode())
    assert canary.is_in(pickle.dumps([TOKEN]))
    assert not canary.is_in(repr(Secret(TOKEN)).encode())


@pytest.mark.django_db(transaction=True)
def test_through_changes_and_failures(
    keepers: tuple[Person, ...], world: Sandbox, fleet: Account, sinks: Sinks
) -> None:
    use_everything(keepers, world, MOST_TELLING)
    settle(world, fleet)
    look_everywhere(sinks)


@pytest.mark.deep
@pytest.mark.django_db(transaction=True)
def test_through_all_changes_and_all_failures(
    keepers: tuple[Person, ...], world: Sandbox, fleet: Account, sinks: Sinks
) -> None:
    use_everything(keepers, world, FAULTS)
    settle(world, fleet)
    look_everywhere(sinks)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["kind"])
def test_a_token_that_is_checked_and_not_kept(
    world: Sandbox, bob: Person, sinks: Sinks, fault: dict[str, Any]
) -> None:
    world.fault(**fault, method="GET", path="/servers/")
    assert bob.post(f"{BASE}/tokens/", {"token": TOKEN}).status_code == 422
    for wrong in (f"{TOKEN} ", f" {TOKEN}\n", f"{TOKEN}\x00", f"é{TOKEN}", TOKEN * 40):
        bob.post(f"{BASE}/tokens/", {"token": wrong})
    look_everywhere(sinks)


def test_when_the_log_cannot_be_written(keepers: tuple[Person, ...], sinks: Sinks) -> None:
    _, adam, bob = keepers
    with broken_audit():
        for change in CHANGES:
            answer = ask({"operator": bob, "admin": adam}[change.role], change, 1)
            assert answer.status_code == 503
        assert bob.post(f"{BASE}/tokens/", {"token": TOKEN}).status_code == 503
    look_everywhere(sinks)


@pytest.mark.parametrize(
    "place",
    [
        "controlpanel.credentials.tokens.services._write",
        "controlpanel.credentials.tokens.services._refuse_foreign",
        "controlpanel.web.credentials.api_tokens.see_other",
        "controlpanel.vpsorg.wire.server_list",
    ],
)
def test_on_the_panels_own_failure(
    world: Sandbox, bob: Person, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("A mistake in the code.")

    monkeypatch.setattr(place, fail)
    bob.raise_request_exception = False
    assert bob.post(f"{BASE}/tokens/", {"token": TOKEN}).status_code == 500


@pytest.mark.parametrize(
    "place",
    ["controlpanel.operations.runner.sync", "controlpanel.vpsorg.wire.new_server",
     "controlpanel.operations.runner.record_outcome"],
)  # fmt: skip
def test_on_a_failure_after_sending(
    keepers: tuple[Person, ...], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(place, None)
    bob = keepers[2]
    bob.raise_request_exception = False
    assert ask(bob, CHANGES[0], 1).status_code == 202


def test_in_the_queue(
    valkey: ValkeyServer,
    keepers: tuple[Person, ...],
    monkeypatch: pytest.MonkeyPatch,
    sinks: Sinks,
) -> None:
    """With all places taken every change is left to a worker; then Redis goes away altogether."""
    _, adam, bob = keepers
    monkeypatch.setattr(clients, "_slots", queue.SimpleQueue())
    monkeypatch.setattr("controlpanel.outgoing.enqueue._silent_until", 0.0)
    for change in CHANGES:
        ask({"operator": bob, "admin": adam}[change.role], change, 1)
    bob.post(f"{BASE}/tokens/", {"token": TOKEN})
    with redis.Redis.from_url(valkey.url) as client:
        assert client.llen("panel") >= 5
        sinks.redis(client)
    valkey.stop()
    ask(bob, CHANGES[0], 2)
    bob.post("/accounts/login/", {"login": "bob@example.com", "password": "wrong"})
    look_everywhere(sinks)


def test_in_what_prints(keepers: tuple[Person, ...], fleet: Account, sinks: Sinks) -> None:
    credential = Credential.objects.select_related("account").get(is_sync=True)
    sinks.pour("credential", f"{credential!r} {credential} {vars(credential)!r}")
    with clients.sync_client(fleet, 1) as client:
        sinks.pour("client", f"{client!r} {client} {vars(client)!r}")
    for secret in (Secret(TOKEN), [Secret(TOKEN)]):
        sinks.pour("secret", f"{secret!r} {secret} {secret!s:>9}")
        with pytest.raises(TypeError):
            pickle.dumps(secret)
    look(fleet)
