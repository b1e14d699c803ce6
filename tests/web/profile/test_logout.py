from django.test import Client
from pytest_django.asserts import assertRedirects

from controlpanel.audit.models import AuditEvent
from tests.people import Person

URL = "/accounts/logout/"


def is_signed_in(person: Person) -> bool:
    return person.get("/teams/acme/members/").status_code == 200


def test_it_works(alice: Person) -> None:
    assertRedirects(alice.post(URL), "/accounts/login/")
    assert not is_signed_in(alice)


def test_it_is_recorded(alice: Person) -> None:
    alice.post(URL)
    event = AuditEvent.objects.get(event="authn_logout")
    assert (event.chain, event.actor_name) == (alice.team.chain, "alice@example.com")


def test_a_link_alone_signs_nobody_out(alice: Person) -> None:
    assert alice.get(URL).status_code == 200
    assert is_signed_in(alice)


def test_nobody_is_sent_to_sign_in(db: None, nobody: Client) -> None:
    assert nobody.post(URL).status_code == 302
    assert not AuditEvent.objects.exists()


def test_one_gets_out_while_nothing_can_be_recorded(alice: Person, audit_broken: None) -> None:
    assert alice.post(URL).status_code == 302
    assert not is_signed_in(alice)
