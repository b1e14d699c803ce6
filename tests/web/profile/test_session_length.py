"""A sign-in ends after so long without a click, and after so long in all."""

import time
from typing import Any

import pytest

from controlpanel.accounts.models import TeamPolicy
from controlpanel.accounts.signin.session_policy import CAME_AT, CLICKED_AT
from controlpanel.audit.models import AuditEvent
from controlpanel.operations.models import Operation
from tests.people import HTMX, Person
from tests.web.asking import shows
from tests.web.profile.ways import is_signed_in, sign_in

SERVERS = "/teams/acme/servers/"
LOGIN = "/accounts/login/?next=%2Fteams%2Facme%2Fservers%2F"
POLL = HTMX | {"HX-Current-URL": f"http://testserver{SERVERS}"}
MINUTE, HOUR = 60, 3600


@pytest.fixture
def policy(team) -> TeamPolicy:
    return TeamPolicy.objects.create(team=team, idle_minutes=30, session_hours=8)


def left_alone(person: Person, seconds: float, *, signed_in: float | None = None) -> None:
    """The last click is that long ago, and so is the sign-in unless said."""
    person.signed_in_ago(seconds=seconds if signed_in is None else signed_in)
    session = person.session
    session[CLICKED_AT] = int(time.time() - seconds)
    session.save()


def expired() -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(event="session.expired"))


def is_over(answer: Any) -> bool:
    return answer.status_code == 302 and "/accounts/login/" in str(answer["Location"])


def test_a_click_in_time_goes_on(bob: Person, policy) -> None:
    left_alone(bob, 29 * MINUTE)
    assert bob.get(SERVERS).status_code == 200
    assert time.time() - bob.session[CLICKED_AT] < 5
    assert not expired()


def test_one_that_comes_late_signs_in_again(bob: Person, policy) -> None:
    left_alone(bob, 30 * MINUTE)
    answer = bob.get(SERVERS)
    assert (answer.status_code, answer["Location"]) == (302, LOGIN)
    words = "Your team asks to sign in again after 30 minutes without a click."
    assert shows(bob.get(LOGIN), words)
    assert not is_signed_in(bob)
    (event,) = expired()
    assert (event.actor_name, event.chain) == ("bob@example.com", bob.team.chain)
    assert '"limit":"idle"' in event.canonical
    assert sign_in(bob, bob, next=SERVERS).status_code == 302
    assert bob.get(SERVERS).status_code == 200


def test_a_poll_is_no_click(bob: Person, policy) -> None:
    left_alone(bob, 29 * MINUTE)
    before = bob.session[CLICKED_AT]
    assert bob.get(SERVERS, headers=POLL).status_code == 200
    assert bob.session[CLICKED_AT] == before
    typing = POLL | {"HX-Source": "form#filters"}
    assert bob.get(SERVERS, headers=typing).status_code == 200
    assert bob.session[CLICKED_AT] > before


def test_a_late_poll_shows_the_sign_in(bob: Person, policy) -> None:
    left_alone(bob, 31 * MINUTE)
    answer = bob.get(SERVERS, headers=POLL)
    assert (answer.status_code, answer["HX-Redirect"]) == (204, LOGIN)
    assert not is_signed_in(bob)


def test_what_is_sent_late_is_not_done(bob: Person, server, policy) -> None:
    url = f"{SERVERS}{server('web-server-01').provider_id}/reboot/"
    left_alone(bob, 31 * MINUTE)
    assert is_over(bob.post(url, {"form_id": "x"}))
    assert not Operation.objects.exists()
    assert len(expired()) == 1


def test_what_is_sent_counts(bob: Person, server, policy) -> None:
    url = f"{SERVERS}{server('web-server-01').provider_id}/reboot/"
    left_alone(bob, 20 * MINUTE)
    bob.post(url, {})
    assert time.time() - bob.session[CLICKED_AT] < 5


def test_the_sign_in_grows_old_however_much_is_clicked(bob: Person, policy) -> None:
    left_alone(bob, 1, signed_in=8 * HOUR - 5)
    assert bob.get(SERVERS).status_code == 200
    left_alone(bob, 1, signed_in=8 * HOUR)
    assert is_over(bob.get(SERVERS))
    assert shows(bob.get(LOGIN), "Your team asks to sign in again 8 hours after the last time.")
    assert '"limit":"absolute"' in expired()[0].canonical


def test_being_asked_again_does_not_prolong_it(bob: Person, policy) -> None:
    left_alone(bob, 1, signed_in=8 * HOUR + 1)
    session = bob.session
    session["account_authentication_methods"] += [{"method": "password", "at": time.time()}]
    session.save()
    assert is_over(bob.get(SERVERS))


def test_without_a_policy_a_sign_in_lasts_12_hours(bob: Person) -> None:
    left_alone(bob, 11 * HOUR)
    assert bob.get(SERVERS).status_code == 200
    left_alone(bob, 1, signed_in=12 * HOUR)
    assert is_over(bob.get(SERVERS))
    assert shows(bob.get(LOGIN), "A sign-in lasts 12 hours.")


def test_a_team_may_ask_for_less_often(bob: Person, policy) -> None:
    policy.session_hours, policy.idle_minutes = 720, None
    policy.save()
    left_alone(bob, 1, signed_in=719 * HOUR)
    assert bob.get(SERVERS).status_code == 200


def test_whoever_came_by_an_invitation_has_not_signed_in(bob: Person, policy) -> None:
    session = bob.session
    for name in ("account_authentication_methods", CLICKED_AT, CAME_AT):
        del session[name]
    session.save()
    assert bob.get(SERVERS).status_code == 200
    session = bob.session
    assert session[CAME_AT] == session[CLICKED_AT]
    session[CAME_AT] -= 8 * HOUR
    session.save()
    assert is_over(bob.get(SERVERS))


def test_only_the_team_whose_page_is_opened_counts(charlie: Person, policy) -> None:
    left_alone(charlie, 2 * HOUR)
    assert charlie.get("/teams/globex/servers/").status_code == 200
    assert charlie.get(SERVERS).status_code == 404
    assert is_signed_in(charlie)


def test_it_is_written_once_a_minute(bob: Person, policy) -> None:
    left_alone(bob, 50)
    before = bob.session[CLICKED_AT]
    bob.get(SERVERS)
    assert bob.session[CLICKED_AT] == before


def test_it_ends_also_while_nothing_can_be_recorded(bob: Person, policy, audit_broken) -> None:
    left_alone(bob, 31 * MINUTE)
    assert bob.get(SERVERS).status_code == 302
    assert not is_signed_in(bob)
