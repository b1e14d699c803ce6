"""The page of a team's policies."""

from datetime import timedelta

from controlpanel.accounts.models import TeamPolicy
from controlpanel.accounts.teams import team_policies
from controlpanel.lib import clock
from tests.accounts.teams.test_team_policies import second_step
from tests.people import HTMX, Person
from tests.web.asking import shows

URL = "/teams/acme/policies/"
ALL = {
    "reason_kinds": ["delete", "stop"],
    "reason_labels": "env:prod web",
    "service_tokens": "on",
    "mfa_from": "2999-01-31",
    "idle_minutes": "30",
    "session_hours": "8",
}


def test_it_works(alice: Person) -> None:
    assert alice.get(URL).status_code == 200
    answer = alice.post(URL, ALL)
    assert (answer.status_code, answer["Location"]) == (303, URL)
    kept = team_policies.of(alice.team.id)
    assert kept.reason_kinds == ["stop", "delete"]
    assert kept.reason_labels == ["env:prod", "web"]
    assert (kept.service_tokens, str(kept.mfa_from)) == (True, "2999-01-31")
    assert (kept.idle_minutes, kept.session_hours) == (30, 8)
    page = alice.get(URL)
    assert shows(page, 'value="env:prod web"')
    assert shows(page, 'value="2999-01-31"')


def test_it_works_through_htmx(alice: Person) -> None:
    answer = alice.post(URL, ALL, headers=HTMX)
    assert (answer.status_code, answer["HX-Redirect"]) == (204, URL)


def test_empty_is_off(alice: Person) -> None:
    alice.post(URL, ALL)
    assert alice.post(URL, {}).status_code == 303
    kept = team_policies.of(alice.team.id)
    assert (kept.reason_kinds, kept.reason_labels, kept.service_tokens) == ([], [], False)
    assert (kept.mfa_from, kept.idle_minutes, kept.session_hours) == (None, None, None)


def test_what_is_wrong_is_said_at_the_field_and_what_was_typed_stays(alice: Person) -> None:
    for name, value, words in (
        ("reason_labels", "Über", "is no label"),
        ("reason_kinds", "fly", "Choose changes from the list."),
        ("mfa_from", "soon", "Write the day as 2026-12-31."),
        ("mfa_from", str(clock.now().date()), "You have no second step yourself yet."),
        ("idle_minutes", "4", "from 5 to 10080"),
        ("session_hours", "721", "from 1 to 720"),
        ("session_hours", "many", "from 1 to 720"),
    ):
        answer = alice.post(URL, ALL | {name: value})
        assert answer.status_code == 422
        assert words in str(answer.context["form"].errors[name])
        assert shows(answer, words)
        if name != "reason_kinds":
            assert shows(answer, f'value="{value}"'), name
    assert not TeamPolicy.objects.exists()


def test_it_says_who_is_affected(alice: Person, adam: Person, vera: Person) -> None:
    second_step(adam)
    page = alice.get(URL)
    names = "alice@example.com and vera@example.com"
    assert shows(page, f"2 of 3 members have no second step yet: {names}.")
    second_step(alice)
    second_step(vera, "webauthn")
    assert shows(alice.get(URL), "Every member has a second step.")


def test_members_read_it(adam: Person, alice: Person) -> None:
    page = adam.get(URL)
    assert shows(page, "alice@example.com can.")
    assert shows(page, "disabled")
    assert not shows(page, "Save the policies")
    adam.signed_in_ago(minutes=16)
    assert adam.get(URL).status_code == 200
    assert shows(adam.get("/teams/acme/members/"), URL)


def test_it_requires_the_right(adam: Person, vera: Person) -> None:
    for person in (adam, vera):
        assert person.post(URL, ALL).status_code == 403
    assert not TeamPolicy.objects.exists()


def test_it_asks_again_after_a_while(alice: Person) -> None:
    alice.signed_in_ago(minutes=16)
    for answer in (alice.get(URL), alice.post(URL, ALL)):
        assert answer.status_code == 302
        assert "/reauthenticate/" in answer["Location"]
    assert not TeamPolicy.objects.exists()


def test_it_hides_from_outsiders(charlie: Person, alice: Person) -> None:
    assert charlie.get(URL).status_code == 404
    assert charlie.post(URL, ALL).status_code == 404


def test_a_change_reads_in_the_log(alice: Person) -> None:
    team_policies.change(alice.scope(), mfa_from=clock.now().date() + timedelta(days=3))
    page = alice.get("/teams/acme/audit/")
    assert shows(page, "changed the policies of")
