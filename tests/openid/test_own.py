"""A linked person's own settings, and "Is it you?" for somebody without a password."""

import time

import pytest
from django.test import Client
from pytest_django.asserts import assertRedirects

from controlpanel.audit.models import AuditEvent
from tests.openid.doing import START, links, sign_in
from tests.openid.provider import Provider
from tests.people import Person

UNLINK = "/account/openid/unlink/"


@pytest.fixture
def linked(alice: Person, provider: Provider) -> Person:
    """alice, linked, without a password, and signed in a while ago."""
    sign_in(Client(), provider)
    alice.user.set_unusable_password()
    alice.user.save()
    alice.force_login(alice.user)
    alice.signed_in_ago(hours=1)
    return alice


def _now(provider: Provider, ago: float = 0) -> None:
    provider.person["auth_time"] = int(time.time() - ago)


def test_somebody_without_a_password_is_asked_again_there(
    linked: Person, provider: Provider
) -> None:
    url = "/teams/acme/roles/new/"
    answer = linked.get(url)
    again = f"{START}again/?next=%2Fteams%2Facme%2Froles%2Fnew%2F"
    assertRedirects(answer, again, fetch_redirect_response=False)
    assert url in linked.get(answer["Location"]).content.decode()
    _now(provider)
    answer = sign_in(linked, provider, next=url)
    assert provider.authorized["prompt"] == "login"
    assertRedirects(answer, url)
    event = AuditEvent.objects.get(event="authn_reauth_success")
    assert event.actor_name == "alice@example.com"


@pytest.mark.parametrize("ago", [None, 3600, -3600])
def test_an_old_sign_in_there_shows_nothing(
    linked: Person, provider: Provider, ago: float | None
) -> None:
    if ago is not None:
        _now(provider, ago)
    answer = sign_in(linked, provider, next="/")
    assert "did not show that you" in answer.content.decode()
    assert linked.get("/teams/acme/roles/new/").status_code == 302


def test_somebody_else_there_shows_nothing(linked: Person, bob: Person, provider: Provider) -> None:
    _now(provider)
    provider.person |= {"sub": "b-1", "email": "bob@example.com"}
    assert "did not show that you" in sign_in(linked, provider).content.decode()
    assert linked.get("/account/settings/").context["panel"]["user"] == linked.user
    assert set(links()) == {"a-1"}


def test_allauths_own_pages_ask_as_well(linked: Person) -> None:
    answer = linked.get("/accounts/two-step/app/add/")
    assert answer.status_code == 302
    assert answer["Location"].startswith(f"{START}again/")


def test_without_the_provider_there_is_still_a_way(linked: Person, settings: object) -> None:
    settings.PANEL_OIDC = None  # type: ignore[attr-defined]
    answer = linked.get("/teams/acme/roles/new/")
    assert answer["Location"].startswith("/accounts/password/reset/")
    assert linked.get(answer["Location"]).status_code == 200


def test_the_settings_show_the_link(linked: Person, bob: Person) -> None:
    assert "Linked with Acme SSO." in linked.get("/account/settings/").content.decode()
    assert "Linked with" not in bob.get("/account/settings/").content.decode()


def test_unlinking_works(linked: Person) -> None:
    linked.user.set_password("correct-horse-9")
    linked.user.save()
    linked.force_login(linked.user)
    linked.signed_in_ago(seconds=0)
    assertRedirects(linked.post(UNLINK), "/account/settings/", status_code=303)
    assert not links()
    event = AuditEvent.objects.get(event="authn_openid_unlinked")
    assert (event.actor_name, event.target_name) == ("alice@example.com", "alice@example.com")


def test_unlinking_asks_for_a_fresh_sign_in(linked: Person) -> None:
    assert linked.post(UNLINK)["Location"].startswith(f"{START}again/")
    assert links()


def test_unlinking_needs_another_way_in(linked: Person) -> None:
    linked.signed_in_ago(seconds=0)
    answer = linked.post(UNLINK, follow=True)
    assert "Set a password first" in answer.content.decode()
    assert links()


def test_unlinking_needs_a_post(linked: Person, nobody: Client) -> None:
    assert linked.get(UNLINK).status_code == 405
    assert nobody.post(UNLINK).status_code == 302
