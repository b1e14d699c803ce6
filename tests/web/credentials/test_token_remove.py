from urllib.parse import quote
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django.asserts import assertRedirects

from controlpanel.accounts.models import Account
from controlpanel.audit.models import AuditEvent
from controlpanel.credentials.models import Credential
from tests.people import Person


@pytest.fixture
def url(account: Account) -> str:
    return f"/teams/acme/tokens/{account.id}/remove/"


def kept(person: Person) -> bool:
    return Credential.objects.filter(user=person.user).exists()


def test_it_asks_first(bob: Person, url: str) -> None:
    page = bob.get(url)
    assert page.status_code == 200
    assert "Remove your token for Acme?" in page.content.decode()
    assert kept(bob)


def test_it_works(bob: Person, url: str) -> None:
    assertRedirects(bob.post(url), "/teams/acme/tokens/", status_code=303)
    assert not kept(bob)
    event = AuditEvent.objects.get(event="token.removed")
    assert event.actor_name == bob.user.email
    assert event.data == {"account": "Acme"}


def test_it_removes_ones_own_only(bob: Person, alice: Person, adam: Person, url: str) -> None:
    bob.post(url)
    assert kept(alice)
    assert kept(adam)


def test_it_says_what_removing_the_sync_token_means(alice: Person, bob: Person, url: str) -> None:
    assert "nothing is refreshed for anybody" in alice.get(url).content.decode()
    assert "nothing is refreshed for anybody" not in bob.get(url).content.decode()


def test_what_is_not_there_is_not_found(bob: Person, url: str) -> None:
    bob.post(url)
    assert bob.get(url).status_code == 404
    assert bob.post(url).status_code == 404
    assert bob.post(f"/teams/acme/tokens/{uuid4()}/remove/").status_code == 404


def test_it_requires_the_right(vera: Person, url: str) -> None:
    assert vera.get(url).status_code == 403
    assert vera.post(url).status_code == 403


def test_it_requires_sign_in(nobody: Client, url: str) -> None:
    assertRedirects(nobody.get(url), f"/accounts/login/?next={quote(url, safe='')}")


def test_it_hides_from_outsiders(charlie: Person, url: str, bob: Person) -> None:
    assert charlie.post(url).status_code == 404
    assert kept(bob)


def test_without_a_record_it_stays(bob: Person, url: str, audit_broken: None) -> None:
    assert bob.post(url).status_code == 503
    assert kept(bob)
