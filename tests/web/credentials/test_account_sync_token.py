from uuid import uuid4

import pytest
from django.test import Client
from pytest_django.asserts import assertRedirects

from controlpanel.accounts.models import Account
from controlpanel.audit.models import AuditEvent
from controlpanel.credentials.models import Credential
from controlpanel.lib import clock
from controlpanel.servers import sync
from controlpanel.servers.models import AccountSync
from tests.people import Person


@pytest.fixture
def url(account: Account) -> str:
    return f"/teams/acme/accounts/{account.id}/sync-token/"


def whose(account: Account) -> str:
    return Credential.objects.get(account=account, is_sync=True).user.email


def test_it_works(adam: Person, account: Account, url: str) -> None:
    assertRedirects(adam.post(url), "/teams/acme/tokens/", status_code=303)
    assert whose(account) == adam.user.email
    event = AuditEvent.objects.get(event="account.sync_token_chosen")
    assert event.data["owner"] == adam.user.email


def test_it_ends_the_pause_after_a_refusal(adam: Person, account: Account, url: str) -> None:
    sync.note_trouble(account, "unauthorized")
    adam.post(url)
    assert AccountSync.objects.get(account=account).next_at <= clock.now()


def test_the_page_offers_it_to_those_who_may(
    adam: Person, bob: Person, alice: Person, account: Account, url: str
) -> None:
    assert url in adam.get("/teams/acme/tokens/").content.decode()
    assert url not in bob.get("/teams/acme/tokens/").content.decode()
    assert url not in alice.get("/teams/acme/tokens/").content.decode()  # hers it is already


def test_without_a_token_of_ones_own_it_says_so(adam: Person, account: Account, url: str) -> None:
    Credential.objects.filter(user=adam.user).delete()
    answer = adam.post(url)
    assert answer.status_code == 422
    assert "Store an API token of your own first" in answer.content.decode()


def test_a_disconnected_account_is_left_alone(adam: Person, account: Account, url: str) -> None:
    Account.objects.filter(id=account.id).update(origin="https://other.example.org")
    assert adam.post(url).status_code == 422
    assert whose(account) != adam.user.email


def test_it_rejects_get(adam: Person, url: str) -> None:
    assert adam.get(url).status_code == 405


def test_it_requires_the_right(bob: Person, vera: Person, account: Account, url: str) -> None:
    for person in (bob, vera):
        assert person.post(url).status_code == 403
    assert whose(account) == "alice@example.com"


def test_it_requires_sign_in(nobody: Client, url: str) -> None:
    assertRedirects(nobody.post(url), "/accounts/login/?next=%2F")


def test_it_hides_from_outsiders(
    charlie: Person, alice: Person, account: Account, other_account: Account, url: str
) -> None:
    assert charlie.post(url).status_code == 404
    assert alice.post(f"/teams/acme/accounts/{other_account.id}/sync-token/").status_code == 404
    assert alice.post(f"/teams/acme/accounts/{uuid4()}/sync-token/").status_code == 404


def test_without_a_record_nothing_changes(
    adam: Person, account: Account, url: str, audit_broken: None
) -> None:
    assert adam.post(url).status_code == 503
    assert whose(account) == "alice@example.com"
