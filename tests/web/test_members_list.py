from urllib.parse import quote

from django.test import Client
from pytest_django.asserts import assertRedirects

from controlpanel.accounts.models import Team
from tests.people import Person

URL = "/teams/acme/members/"


def test_it_works(alice: Person, bob: Person, vera: Person) -> None:
    page = alice.get(URL)
    assert page.status_code == 200
    text = page.content.decode()
    for member, role in ((alice, "Owner"), (bob, "Operator"), (vera, "Viewer")):
        assert member.user.email in text
        assert role in text


def test_it_says_who_is_asking(bob: Person) -> None:
    assert bob.get(URL).content.decode().count("(you)") == 1


def test_everybody_in_the_team_may_look(adam: Person, audrey: Person, vera: Person) -> None:
    for person in (adam, audrey, vera):
        assert person.get(URL).status_code == 200


def test_it_requires_sign_in(team: Team, nobody: Client) -> None:
    assertRedirects(nobody.get(URL), f"/accounts/login/?next={quote(URL, safe='')}")


def test_it_hides_from_outsiders(team: Team, charlie: Person) -> None:
    assert charlie.get(URL).status_code == 404
    assert charlie.get("/teams/absent/members/").status_code == 404


def test_it_does_not_show_other_teams(alice: Person, charlie: Person) -> None:
    assert charlie.user.email not in alice.get(URL).content.decode()


def test_it_rejects_post(alice: Person) -> None:
    assert alice.post(URL).status_code == 405


def test_hostile_names_are_inert(alice: Person) -> None:
    alice.user.name = "<script>alert(1)</script>"
    alice.user.save()
    text = alice.get(URL).content.decode()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
