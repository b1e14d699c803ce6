from typing import Any

import pytest
from django.test import Client
from pytest_django.asserts import assertRedirects

from controlpanel.audit.models import AuditEvent
from tests.people import PASSWORD, Person

URL = "/accounts/login/"


def sign_in(browser: Client, person: Person, password: str = PASSWORD, **more: str) -> Any:
    return browser.post(URL, {"login": person.user.email, "password": password, **more})


def events(name: str, chain: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(event=name, chain=chain))


def test_it_shows_the_form(db: None, nobody: Client) -> None:
    text = nobody.get(URL).content.decode()
    assert 'name="login"' in text
    assert 'name="password"' in text


def test_it_works(alice: Person, nobody: Client) -> None:
    answer = sign_in(nobody, alice)
    assertRedirects(answer, "/", fetch_redirect_response=False)
    assert nobody.get("/teams/acme/members/").status_code == 200


def test_the_address_is_not_case_sensitive(alice: Person, nobody: Client) -> None:
    answer = nobody.post(URL, {"login": "ALICE@Example.com", "password": PASSWORD})
    assert answer.status_code == 302


def test_it_goes_on_to_where_the_person_wanted(alice: Person, nobody: Client) -> None:
    answer = nobody.post(
        f"{URL}?next=/teams/acme/audit/",
        {"login": alice.user.email, "password": PASSWORD, "next": "/teams/acme/audit/"},
    )
    assertRedirects(answer, "/teams/acme/audit/", fetch_redirect_response=False)


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:x"])
def test_it_leads_nowhere_else(alice: Person, nobody: Client, target: str) -> None:
    assertRedirects(sign_in(nobody, alice, next=target), "/", fetch_redirect_response=False)


def test_a_sign_in_is_an_event_of_each_of_ones_teams(alice: Person, nobody: Client) -> None:
    sign_in(nobody, alice)
    (event,) = events("authn_login_success", alice.team.chain)
    assert (event.actor_name, event.result, event.via) == ("alice@example.com", "success", "page")
    assert event.address == "127.0.0.1"


def test_a_wrong_password_is_refused_and_recorded(alice: Person, nobody: Client) -> None:
    answer = sign_in(nobody, alice, "wrong-horse-9")
    assert answer.status_code in {200, 422}
    assert nobody.get("/teams/acme/members/").status_code == 302
    (event,) = events("authn_login_fail", alice.team.chain)
    assert event.result == "failure"
    assert "wrong-horse-9" not in event.canonical


def test_an_unknown_address_gets_the_same_answer(
    alice: Person, nobody: Client, client: Client
) -> None:
    known = sign_in(nobody, alice, "wrong-horse-9").content.decode()
    unknown = client.post(URL, {"login": "eve@example.com", "password": "wrong-horse-9"})
    sentence = "do not belong together"
    assert sentence in known
    assert sentence in unknown.content.decode()
    (event,) = events("authn_login_fail", "panel")
    assert event.target_name == "eve@example.com"


def test_a_deactivated_person_stays_out(alice: Person, nobody: Client) -> None:
    alice.user.is_active = False
    alice.user.save()
    sign_in(nobody, alice)
    assert nobody.get("/teams/acme/members/").status_code == 302


def test_guessing_is_slowed_down(alice: Person, nobody: Client) -> None:
    for _ in range(12):
        answer = sign_in(nobody, alice, "wrong-horse-9")
    assert answer.status_code in {200, 429}
    sign_in(nobody, alice)
    assert nobody.get("/teams/acme/members/").status_code == 302


def test_one_gets_in_to_look_while_nothing_can_be_recorded(
    alice: Person, nobody: Client, audit_broken: None
) -> None:
    assertRedirects(sign_in(nobody, alice), "/", fetch_redirect_response=False)
    page = nobody.get("/teams/acme/members/")
    assert page.status_code == 200
    assert "The panel is read-only." in page.content.decode()


def test_sign_up_is_closed(db: None, nobody: Client) -> None:
    answer = nobody.post(
        "/accounts/signup/", {"email": "eve@example.com", "password1": "a-quiet-harbour-31"}
    )
    assert answer.status_code in {200, 403, 404}
    assert not AuditEvent.objects.filter(event="authn_login_success").exists()
