from django.test import Client

from controlpanel.accounts.models import Account, Team
from controlpanel.audit.models import AuditEvent
from tests.people import Person, join

URL = "/teams/acme/settings/"
FORM = {"name": "Acme Ltd", "colour": "red"}


def test_it_shows_what_there_is(alice: Person, account: Account) -> None:
    text = alice.get(URL).content.decode()
    assert 'value="Acme"' in text
    assert "/teams/acme/close/" in text
    assert f"/teams/acme/accounts/{account.id}/" in text


def test_it_works(alice: Person) -> None:
    assert alice.post(URL, FORM)["Location"] == URL
    team = Team.objects.get()
    assert (team.name, team.colour, team.slug) == ("Acme Ltd", "red", "acme")
    event = AuditEvent.objects.get(event="team.changed")
    assert event.data["before"] == {"name": "Acme", "colour": ""}
    assert event.data["after"] == FORM
    assert alice.post(URL, FORM).status_code == 303
    assert AuditEvent.objects.filter(event="team.changed").count() == 1


def test_name_and_colour_stay_in_sight(alice: Person, account: Account) -> None:
    alice.post(URL, FORM)
    pages = ("servers/", "operations/", "audit/", "tokens/", "members/", "roles/", "close/")
    for page in pages:
        text = alice.get(f"/teams/acme/{page}").content.decode()
        assert '<span class="topbar-colour" data-colour="red"></span>' in text
        assert '<span class="team-name">Acme Ltd</span>' in text
    assert text.count("Acme Ltd") > 3  # the last one asks "really?"


def test_what_is_wrong_is_said(alice: Person, team: Team) -> None:
    for wrong in ({"name": ""}, {"colour": ""}, {"colour": "pink"}):
        assert alice.post(URL, {**FORM, **wrong}).status_code == 422
    alice.post("/teams/new/", {"name": "Other", "colour": "red"})
    answer = alice.post(URL, {"name": "other", "colour": "red"})
    assert "in a team of that name already" in answer.content.decode()
    team.refresh_from_db()
    assert team.name == "Acme"


def test_other_fields_change_nothing(alice: Person) -> None:
    alice.post(URL, {**FORM, "slug": "taken", "closed_at": "2020-01-01", "id": "x"})
    team = Team.objects.get()
    assert (team.slug, team.closed_at) == ("acme", None)


def test_hostile_names_are_inert(alice: Person) -> None:
    alice.post(URL, {"name": "<script>alert(1)</script>", "colour": "red"})
    for page in (URL, "/teams/acme/close/", "/teams/acme/audit/"):
        assert "<script>alert" not in alice.get(page).content.decode()


def test_it_asks_again_after_a_while(alice: Person) -> None:
    alice.signed_in_ago(minutes=16)
    assert alice.post(URL, FORM).status_code == 302
    assert Team.objects.get().name == "Acme"


def test_it_requires_the_right(team: Team, adam: Person, vera: Person) -> None:
    for person in (adam, vera, join(team, "olga", "operator")):
        assert person.get(URL).status_code == 403
        assert person.post(URL, FORM).status_code == 403
        assert URL not in person.get("/teams/acme/servers/").content.decode()


def test_it_requires_sign_in(team: Team, nobody: Client) -> None:
    assert nobody.get(URL).status_code == 302


def test_it_hides_from_outsiders(team: Team, charlie: Person) -> None:
    assert charlie.get(URL).status_code == 404
    assert charlie.post(URL, FORM).status_code == 404
