"""/teams/<slug>/tokens/: keeping one's own API token."""

from queue import SimpleQueue
from urllib.parse import quote

import pytest
from django.test import Client
from pytest_django.asserts import assertRedirects

from controlpanel.accounts.models import Account, Team
from controlpanel.audit.models import AuditEvent
from controlpanel.credentials.models import Credential
from controlpanel.lib import clock
from controlpanel.sandbox.server import Sandbox
from controlpanel.servers import sync
from controlpanel.servers.models import AccountSync
from tests.people import (
    ADMIN_TOKEN,
    GLOBEX_TOKEN,
    OPERATOR_TOKEN,
    OWNER_TOKEN,
    READONLY_TOKEN,
    REVOKED_TOKEN,
    Person,
    look,
)

URL = "/teams/acme/tokens/"


def of(person: Person, account: Account) -> Credential:
    return Credential.objects.get(user=person.user, account=account)


def has(person: Person, account: Account) -> bool:
    return Credential.objects.filter(user=person.user, account=account).exists()


def events(*names: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(event__in=names).order_by("seq"))


def test_it_works(bob: Person, account: Account) -> None:
    page = bob.get(URL)
    assert page.status_code == 200
    text = page.content.decode()
    assert of(bob, account).fingerprint in text
    assert "Last result" in text
    assert "worked" in text
    assert 'name="token"' in text
    assert OPERATOR_TOKEN not in text


def test_it_says_whose_the_sync_token_is(bob: Person, account: Account) -> None:
    text = bob.get(URL).content.decode()
    assert "Sync token" in text
    assert "Alice" in text


def test_it_stores_a_token(bob: Person, account: Account) -> None:
    of(bob, account).delete()
    assertRedirects(bob.post(URL, {"token": OPERATOR_TOKEN}), URL, status_code=303)
    kept = of(bob, account)
    assert kept.last_result == "ok"
    assert OPERATOR_TOKEN not in kept.sealed
    (event,) = events("token.stored")
    assert (event.actor_name, event.target_name) == (bob.user.email, kept.fingerprint)


def test_a_token_with_space_around_it_is_understood(bob: Person, account: Account) -> None:
    bob.post(URL, {"token": f"  {ADMIN_TOKEN}\n"})
    assert events("token.replaced")


def test_it_replaces_a_token(bob: Person, account: Account) -> None:
    old = of(bob, account)
    assertRedirects(bob.post(URL, {"token": ADMIN_TOKEN}), URL, status_code=303)
    new = of(bob, account)
    assert new.id == old.id
    assert new.fingerprint != old.fingerprint
    (event,) = events("token.replaced")
    assert event.data["previous"] == old.fingerprint


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("", "Paste an API token"),
        ("vps_123", "This is not an API token"),
        ("vps_with a space in it", "This is not an API token"),
        ("vps_" + "x" * 600, "too long"),
        (REVOKED_TOKEN, "VPS.org refused this token"),
        ("vps_nobody_has_made_this_1", "VPS.org refused this token"),
    ],
)
def test_it_refuses_what_does_not_work(
    bob: Person, account: Account, token: str, words: str
) -> None:
    before = of(bob, account).sealed
    answer = bob.post(URL, {"token": token})
    assert answer.status_code == 422
    text = answer.content.decode()
    assert words in text
    assert not token or token not in text
    assert of(bob, account).sealed == before
    assert not events("token.stored", "token.replaced")


def test_it_refuses_a_token_of_another_account_by_its_servers(bob: Person, synced: Account) -> None:
    answer = bob.post(URL, {"token": GLOBEX_TOKEN})
    assert answer.status_code == 422
    assert "another VPS.org account" in answer.content.decode()
    assert GLOBEX_TOKEN not in answer.content.decode()


def test_it_refuses_a_token_of_another_account_by_its_identity(
    bob: Person, adam: Person, account: Account
) -> None:
    adam.post(URL, {"token": ADMIN_TOKEN})
    assert Account.objects.get(id=account.id).identity
    assert bob.post(URL, {"token": GLOBEX_TOKEN}).status_code == 422


def test_a_provider_that_is_gone_stores_nothing(
    bob: Person, account: Account, sandbox: Sandbox
) -> None:
    sandbox.fault("status", path="/servers/", status=500)
    before = of(bob, account).sealed
    answer = bob.post(URL, {"token": ADMIN_TOKEN})
    assert answer.status_code == 422
    assert "nothing was stored" in answer.content.decode()
    assert of(bob, account).sealed == before


def test_a_token_that_works_ends_the_pause_after_a_refusal(alice: Person, account: Account) -> None:
    sync.note_trouble(account, "unauthorized")
    assert AccountSync.objects.get(account=account).next_at > clock.now()
    alice.post(URL, {"token": OWNER_TOKEN})
    assert AccountSync.objects.get(account=account).next_at <= clock.now()


def test_with_several_accounts_it_must_say_which(
    bob: Person, account: Account, sandbox: Sandbox
) -> None:
    second = Account.objects.create(team=account.team, name="Second", origin=sandbox.url)
    assert 'name="account"' in bob.get(URL).content.decode()
    answer = bob.post(URL, {"token": READONLY_TOKEN})
    assert answer.status_code == 422
    assert "Choose the account" in answer.content.decode()
    given = {"token": READONLY_TOKEN, "account": str(second.id)}
    assertRedirects(bob.post(URL, given), URL, status_code=303)
    assert has(bob, second)


def test_a_foreign_account_is_not_found(
    bob: Person, account: Account, other_account: Account
) -> None:
    answer = bob.post(URL, {"token": GLOBEX_TOKEN, "account": str(other_account.id)})
    assert answer.status_code == 422
    assert not has(bob, other_account)
    assert other_account.name not in answer.content.decode()


def test_a_disconnected_account_is_shown_and_sent_nothing(
    bob: Person, account: Account, sandbox: Sandbox
) -> None:
    Account.objects.filter(id=account.id).update(origin="https://other.example.org")
    assert "Disconnected" in bob.get(URL).content.decode()
    assert bob.post(URL, {"token": OPERATOR_TOKEN}).status_code == 422
    given = {"token": OPERATOR_TOKEN, "account": str(account.id)}
    assert bob.post(URL, given).status_code == 422
    assert not sandbox.journal.entries()


def test_a_refused_sync_token_names_who_can_mend_it(
    bob: Person, alice: Person, account: Account, sandbox: Sandbox
) -> None:
    sandbox.fault("status", path="/servers/", status=401, token="acme-owner")
    look(account)
    text = bob.get(URL).content.decode()
    assert "VPS.org refused the sync token of “Acme”" in text
    assert "Alice or Adam can store a new token" in text
    assert "refused by VPS.org" in text


def test_who_only_looks_needs_no_token(vera: Person, audrey: Person, account: Account) -> None:
    for person in (vera, audrey):
        text = person.get(URL).content.decode()
        assert "You need no API token" in text
        assert 'name="token"' not in text


def test_it_requires_the_right(vera: Person, account: Account, sandbox: Sandbox) -> None:
    answer = vera.post(URL, {"token": OPERATOR_TOKEN})
    assert answer.status_code == 403
    assert not has(vera, account)
    assert not sandbox.journal.entries()
    (event,) = events("authz_fail")
    assert event.data["permission"] == "tokens.own"
    assert OPERATOR_TOKEN not in event.canonical


def test_it_requires_sign_in(team: Team, nobody: Client) -> None:
    assertRedirects(nobody.get(URL), f"/accounts/login/?next={quote(URL, safe='')}")
    assert nobody.post(URL, {"token": OPERATOR_TOKEN}).status_code == 302


def test_it_hides_from_outsiders(team: Team, charlie: Person) -> None:
    assert charlie.get(URL).status_code == 404
    assert charlie.post(URL, {"token": GLOBEX_TOKEN}).status_code == 404


def test_without_an_account_it_says_who_can_connect_one(bob: Person, alice: Person) -> None:
    assert "Alice can connect one" in bob.get(URL).content.decode()
    assert "/teams/acme/accounts/connect/" in alice.get(URL).content.decode()
    assert bob.post(URL, {"token": OPERATOR_TOKEN}).status_code == 422


def test_without_a_record_nothing_is_stored(
    bob: Person, account: Account, audit_broken: None
) -> None:
    before = of(bob, account).sealed
    answer = bob.post(URL, {"token": ADMIN_TOKEN})
    assert answer.status_code == 503
    assert of(bob, account).sealed == before


def test_a_full_house_is_a_sentence(
    bob: Person, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controlpanel.credentials.tokens.clients._slots", SimpleQueue())
    answer = bob.post(URL, {"token": ADMIN_TOKEN})
    assert answer.status_code == 422
    assert "Too many pages" in answer.content.decode()
