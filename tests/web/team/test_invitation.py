"""What an invitation's link opens: for somebody new, for somebody known, and for everybody else."""

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from controlpanel.accounts.models import Membership, Team, User
from controlpanel.accounts.teams import invitations, members
from controlpanel.audit.models import AuditEvent
from tests.people import HTMX, PASSWORD, Person, with_labels

NEW = {"name": "Nora", "password": "a-long-passphrase-42"}


@pytest.fixture
def url(alice: Person) -> str:
    made = invitations.invite(
        alice.scope(), "nora@example.com", "operator", with_labels("env:prod")
    )
    return f"/invitations/{made[1].reveal()}/"


@pytest.fixture
def nora(db: None) -> Client:
    """Known here, in no team, signed in."""
    client = Client()
    client.force_login(User.objects.create_user("nora@example.com", PASSWORD, name="Nora"))
    return client


def refusals() -> list[str]:
    found = AuditEvent.objects.filter(event="invitation.refused").order_by("at")
    return [event.data["why"] for event in found]


def test_a_get_shows_and_uses_nothing_up(url: str, nobody: Client) -> None:
    for _ in range(2):
        page = nobody.get(url)
        assert page.status_code == 200
        text = page.content.decode()
        for words in ("Acme", "nora@example.com", "Operator", "env:prod", "alice@example.com"):
            assert words in text
    assert nobody.head(url).status_code == 200
    assert not Membership.objects.filter(user__email="nora@example.com").exists()


def test_somebody_new_makes_an_account_and_is_signed_in(url: str, team: Team) -> None:
    browser = Client()
    answer = browser.post(url, NEW)
    assert (answer.status_code, answer["Location"]) == (302, "/teams/acme/servers/")
    assert browser.get("/teams/acme/servers/").status_code == 200
    user = User.objects.get(email="nora@example.com")
    assert (user.name, user.check_password(NEW["password"])) == ("Nora", True)
    assert EmailAddress.objects.get(user=user).verified
    membership = Membership.objects.get(user=user)
    assert (membership.role, membership.reach) == ("operator", with_labels("env:prod"))
    events = AuditEvent.objects.filter(chain=team.chain, actor_name="nora@example.com")
    assert {event.event for event in events} >= {"invitation.accepted", "authn_login_success"}


def test_the_sign_in_is_a_fresh_one(url: str) -> None:
    browser = Client()
    browser.post(url, NEW)
    assert "/reauthenticate" not in browser.get("/teams/acme/tokens/").get("Location", "")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "Enter your name"),
        ({"name": "\u200b", "password": NEW["password"]}, "Enter your name"),
        ({"name": "Nora"}, "Choose a password."),
        ({"name": "Nora", "password": "12345678"}, "password is"),
        ({"name": "Nora", "password": "nora@example.com"}, "too similar"),
    ],
)
def test_what_is_wrong_is_said_and_uses_nothing_up(
    url: str, nobody: Client, body: dict[str, str], words: str
) -> None:
    answer = nobody.post(url, body)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not User.objects.filter(email="nora@example.com").exists()
    assert nobody.post(url, NEW).status_code == 302


def test_somebody_known_signs_in_first(url: str, nora: Client, nobody: Client) -> None:
    page = nobody.get(url)
    assert f"/accounts/login/?next={url}" in page.content.decode()
    nobody.post(url, NEW)
    assert not Membership.objects.filter(user__email="nora@example.com").exists()
    assert User.objects.get(email="nora@example.com").check_password(PASSWORD)


def test_somebody_known_accepts_at_once(url: str, nora: Client) -> None:
    assert nora.get(url).status_code == 200
    answer = nora.post(url, follow=True)
    assert answer.redirect_chain == [("/teams/acme/servers/", 303)]
    assert "Welcome to Acme." in answer.content.decode()


def test_it_works_through_htmx(url: str, nora: Client) -> None:
    answer = nora.post(url, headers=HTMX)
    assert (answer.status_code, answer["HX-Redirect"]) == (204, "/teams/acme/servers/")


def test_it_works_once(url: str, nora: Client, alice: Person) -> None:
    nora.post(url)
    members.remove(alice.scope(), Membership.objects.get(user__email="nora@example.com"))
    for answer in (nora.get(url), nora.post(url)):
        assert answer.status_code == 410
    assert refusals() == ["used", "used"]


def test_it_is_for_nobody_else(url: str, charlie: Person, nora: Client) -> None:
    for answer in (charlie.get(url), charlie.post(url)):
        assert answer.status_code == 410
        assert "nora@example.com" not in answer.content.decode()
        assert "Acme" not in answer.content.decode()
    assert refusals() == ["other_address", "other_address"]
    assert nora.post(url).status_code == 303


def test_all_refusals_look_the_same(url: str, charlie: Person, nobody: Client) -> None:
    guessed = nobody.get("/invitations/" + "A" * 43 + "/")
    others = charlie.get(url)
    assert guessed.status_code == others.status_code == 410
    assert guessed.templates[0].name == others.templates[0].name
    assert refusals() == ["unknown", "other_address"]
    assert AuditEvent.objects.get(chain="panel", event="invitation.refused").actor_kind == "nobody"


def test_guessing_is_slowed_down(nobody: Client, db: None) -> None:
    codes = [nobody.get(f"/invitations/{n:043}/").status_code for n in range(22)]
    assert codes == [410] * 20 + [429] * 2
    assert len(refusals()) == 20


def test_fields_that_the_form_has_not_change_nothing(url: str) -> None:
    Client().post(url, {**NEW, "email": "evil@example.com", "role": "owner", "reach": "all"})
    membership = Membership.objects.get(user__email="nora@example.com")
    assert (membership.role, membership.reach_kind) == ("operator", "labels")
    assert not User.objects.filter(email="evil@example.com").exists()


def test_a_forged_post_is_refused(url: str, nora: Client) -> None:
    nora.handler.enforce_csrf_checks = True
    assert nora.post(url).status_code == 403


def test_it_rejects_other_verbs(url: str, nora: Client) -> None:
    for verb in ("PUT", "PATCH", "DELETE"):
        assert nora.generic(verb, url).status_code == 405
