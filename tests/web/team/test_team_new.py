from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client

from controlpanel.accounts.colours import COLOURS
from controlpanel.accounts.models import Membership, Team
from controlpanel.accounts.teams import teams
from controlpanel.audit.models import AuditEvent
from controlpanel.lib.scope import Origin
from tests.people import Person

URL = "/teams/new/"
FORM = {"name": "Initech", "colour": "green", "form_id": "form-0001"}


def test_it_offers_a_colour_that_is_unused(alice: Person) -> None:
    Team.objects.update(colour=next(iter(COLOURS)))
    form = alice.get(URL).context["form"]
    assert form["colour"].value() == list(COLOURS)[1]


def test_it_works(vera: Person) -> None:
    """Whoever is signed in may; the founder is the owner of an empty team that leads on."""
    answer = vera.post(URL, FORM)
    assert (answer.status_code, answer["Location"]) == (303, "/teams/initech/servers/")
    team = Team.objects.get(slug="initech")
    assert (team.name, team.colour) == ("Initech", "green")
    assert Membership.objects.get(team=team).role == "owner"
    event = AuditEvent.objects.get(chain=team.chain)
    assert (event.event, event.actor_name) == ("team.created", "vera@example.com")
    page = vera.get("/teams/initech/servers/").content.decode()
    assert "Next steps" in page
    assert "/teams/initech/accounts/connect/" in page
    assert "/teams/initech/members/invite/" in page


def test_it_works_for_somebody_without_a_team(alice: Person) -> None:
    Membership.objects.all().delete()
    assert f'href="{URL}"' in alice.get("/").content.decode()
    assert alice.get(URL).status_code == 200
    assert alice.post(URL, FORM).status_code == 303


def test_the_same_form_twice_is_one_team(alice: Person, bob: Person) -> None:
    first, second = alice.post(URL, FORM), alice.post(URL, FORM)
    assert first["Location"] == second["Location"]
    assert Team.objects.filter(name="Initech").count() == 1
    bob.post(URL, FORM)
    assert sorted(Team.objects.filter(name="Initech").values_list("slug", flat=True)) == [
        "initech",
        "initech-2",
    ]


def test_a_second_team_of_the_name_is_refused(alice: Person) -> None:
    answer = alice.post(URL, {**FORM, "name": "ACME"})
    assert answer.status_code == 422
    assert "in a team of that name already" in answer.content.decode()


def test_a_team_never_stands_at_the_address_of_the_form(alice: Person) -> None:
    alice.post(URL, {**FORM, "name": "New"})
    assert Team.objects.get(name="New").slug == "new-2"


def test_what_is_wrong_is_said(alice: Person) -> None:
    for wrong in ({"name": " "}, {"name": "\u200b"}, {"name": "x" * 121}, {"colour": "pink"}):
        assert alice.post(URL, {**FORM, **wrong}).status_code == 422
    assert Team.objects.count() == 1


def test_it_asks_again_after_a_while(alice: Person) -> None:
    alice.signed_in_ago(minutes=16)
    for answer in (alice.get(URL), alice.post(URL, FORM)):
        assert answer.status_code == 302
        assert "reauthenticate" in answer["Location"]
    assert Team.objects.count() == 1


def test_it_requires_sign_in(db: None, nobody: Client) -> None:
    assert nobody.get(URL)["Location"].startswith("/accounts/login/")
    assert nobody.post(URL, FORM).status_code == 302


@pytest.mark.databases
@pytest.mark.django_db(transaction=True)
def test_two_people_who_want_one_address_both_get_a_team(alice: Person, bob: Person) -> None:
    def found(person: Person) -> str:
        try:
            return teams.create(person.user, Origin("page"), "Initech", "red", "form-0002").slug
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        slugs = list(pool.map(found, [alice, bob, alice, bob]))
    assert set(slugs) == {"initech", "initech-2"}
    assert (slugs[0], slugs[1]) == (slugs[2], slugs[3])
