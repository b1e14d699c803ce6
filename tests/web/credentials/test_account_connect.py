from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from pytest_django.asserts import assertRedirects

from controlpanel.accounts.models import Account, Team
from controlpanel.audit.models import AuditEvent
from controlpanel.credentials.models import Credential
from controlpanel.sandbox.server import Sandbox
from controlpanel.servers.models import Server
from tests.people import ADMIN_TOKEN, GLOBEX_TOKEN, OWNER_TOKEN, REVOKED_TOKEN, Person, look

URL = "/teams/acme/accounts/connect/"


def test_it_asks_for_name_and_token(alice: Person) -> None:
    text = alice.get(URL).content.decode()
    assert 'name="name"' in text
    assert 'type="password"' in text


def test_it_works(alice: Person, sandbox: Sandbox) -> None:
    answer = alice.post(URL, {"name": "Main", "token": OWNER_TOKEN})
    assertRedirects(answer, "/teams/acme/servers/", status_code=303)
    account = Account.objects.get()
    assert (account.name, account.origin, account.writable) == ("Main", sandbox.url, True)
    assert Credential.objects.get(user=alice.user, account=account).is_sync
    names = AuditEvent.objects.filter(chain=alice.team.chain).order_by("seq")
    assert list(names.values_list("event", flat=True)) == [
        "account.connected",
        "token.stored",
        "account.sync_token_chosen",
    ]
    look(account)
    assert Server.objects.filter(account=account).count() == 8


def test_it_says_how_many_servers_were_found(alice: Person, sandbox: Sandbox) -> None:
    for name, token, said in (
        ("Main", OWNER_TOKEN, "Main is connected. 8 servers found."),
        ("Other", GLOBEX_TOKEN, "Other is connected. 2 servers found."),
    ):
        answer = alice.post(URL, {"name": name, "token": token}, follow=True)
        text = answer.content.decode()
        assert said in text
        assert "banner-action" not in text, "nothing is to be clicked in it"


def test_it_refuses_a_token_that_does_not_work(adam: Person, sandbox: Sandbox) -> None:
    answer = adam.post(URL, {"name": "Main", "token": REVOKED_TOKEN})
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "VPS.org refused this token" in text
    assert REVOKED_TOKEN not in text
    assert 'value="Main"' in text
    assert not Account.objects.exists()


def test_it_refuses_the_same_account_twice(alice: Person, sandbox: Sandbox) -> None:
    alice.post(URL, {"name": "Main", "token": OWNER_TOKEN})
    answer = alice.post(URL, {"name": "Again", "token": OWNER_TOKEN})
    assert answer.status_code == 422
    assert "already connected" in answer.content.decode()


def test_it_refuses_a_name_that_is_taken(alice: Person, sandbox: Sandbox) -> None:
    alice.post(URL, {"name": "Main", "token": OWNER_TOKEN})
    answer = alice.post(URL, {"name": "Main", "token": GLOBEX_TOKEN})
    assert answer.status_code == 422
    assert "already has an account of that name" in answer.content.decode()


def test_it_needs_a_name(alice: Person, sandbox: Sandbox) -> None:
    for name in ("", "  ", "\u200b", "x" * 121):
        assert alice.post(URL, {"name": name, "token": OWNER_TOKEN}).status_code == 422
    assert not sandbox.journal.entries()


def test_it_requires_the_right(bob: Person, vera: Person, audrey: Person) -> None:
    for person in (bob, vera, audrey):
        assert person.get(URL).status_code == 403
        assert person.post(URL, {"name": "Main", "token": OWNER_TOKEN}).status_code == 403
    assert not Account.objects.exists()


def test_it_requires_sign_in(team: Team, nobody: Client) -> None:
    assertRedirects(nobody.get(URL), f"/accounts/login/?next={quote(URL, safe='')}")


def test_it_hides_from_outsiders(team: Team, charlie: Person) -> None:
    assert charlie.get(URL).status_code == 404


@pytest.mark.parametrize(
    "me",
    [
        {"status": 404},  # `/account/me/` is not there
        {"status": 403},
        {"status": 200, "body": {"account": {"email": "new@acme.example"}, "token": {}}},
        {"status": 200, "body": {"account": {}, "token": {}}},
        {"status": 200, "body": {"account": {"email": None}, "token": None}},
    ],
)
def test_it_knows_the_same_account_by_its_servers(
    alice: Person, sandbox: Sandbox, me: dict[str, Any]
) -> None:
    """Else each server stands there twice, and a lock binds one copy only."""
    alice.post(URL, {"name": "Main", "token": OWNER_TOKEN})
    look(Account.objects.get())
    sandbox.fault("status", "GET", "/account/me/", times=None, **me)
    answer = alice.post(URL, {"name": "Again", "token": ADMIN_TOKEN})
    assert answer.status_code == 422
    assert "already connected" in answer.content.decode()
    assert Account.objects.count() == 1


def test_another_team_may_connect_it(alice: Person, charlie: Person, sandbox: Sandbox) -> None:
    alice.post(URL, {"name": "Main", "token": OWNER_TOKEN})
    look(Account.objects.get())
    answer = charlie.post(URL.replace("acme", "globex"), {"name": "Main", "token": ADMIN_TOKEN})
    assert answer.status_code == 303


def test_a_token_whose_address_changed_is_the_accounts_own(alice: Person, sandbox: Sandbox) -> None:
    alice.post(URL, {"name": "Main", "token": OWNER_TOKEN})
    account = Account.objects.get()
    look(account)
    body = {"account": {"email": "new@acme.example"}, "token": {}}
    sandbox.fault("status", "GET", "/account/me/", status=200, body=body, times=None)
    assert alice.post("/teams/acme/tokens/", {"token": ADMIN_TOKEN}).status_code == 303
