"""Refusals of one actor: the first ones of a minute on record by themselves, the others counted."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from controlpanel.audit.log import refusals
from controlpanel.audit.models import AuditEvent
from controlpanel.audit.verification.full_check import verify
from controlpanel.lib import clock
from tests.people import Person

pytestmark = pytest.mark.django_db

MANY = 7
IN_USE = (refusals.ONE_BY_ONE, refusals.OF_STRANGERS)
LOGIN = "/accounts/login/"


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "ONE_BY_ONE", 4)
    monkeypatch.setattr(refusals, "OF_STRANGERS", 6)
    monkeypatch.setattr(refusals, "_ADDRESSES", 3)


def test_in_use_there_are_more() -> None:
    assert IN_USE == (30, 60)


def no_right(alice: Person, bob: Person) -> Any:
    return bob.get("/teams/acme/members/invite/")


def another_team(alice: Person, bob: Person) -> Any:
    return bob.get("/teams/nothing-here/servers/")


def wrong_password(alice: Person, bob: Person) -> Any:
    cache.clear()
    return Client().post(LOGIN, {"login": "alice@example.com", "password": "wrong-horse-9"})


def unknown_person(alice: Person, bob: Person) -> Any:
    cache.clear()
    return Client().post(LOGIN, {"login": "eve@example.com", "password": "wrong-horse-9"})


def no_invitation(alice: Person, bob: Person) -> Any:
    cache.clear()
    return Client().get(f"/invitations/{'a' * 43}/")


def not_theirs(alice: Person, bob: Person) -> Any:
    cache.clear()
    return bob.get(f"/invitations/{'b' * 43}/")


CASES: dict[Callable[[Person, Person], Any], str] = {
    no_right: "authz_fail",
    another_team: "authz_fail",
    wrong_password: "authn_login_fail",
    unknown_person: "authn_login_fail",
    no_invitation: "invitation.refused",
    not_theirs: "invitation.refused",
}


@pytest.mark.parametrize(("ask", "event"), CASES.items())
def test_it_works(alice: Person, bob: Person, ask: Callable[..., Any], event: str) -> None:
    answers = {ask(alice, bob).status_code for _time in range(MANY)}
    assert len(answers) == 1  # the answer is the same, recorded or counted
    found = AuditEvent.objects.filter(event=event)
    assert found.count() == refusals.ONE_BY_ONE
    clock.shift(refusals.EVERY)
    alice.get("/teams/acme/servers/")
    told = AuditEvent.objects.get(event="authz_many_refused")
    last = found.latest("seq")
    assert (told.chain, told.actor_id, told.result) == (last.chain, last.actor_id, "denied")
    assert told.data["count"] == MANY - refusals.ONE_BY_ONE
    assert told.data["why"] == {event: MANY - refusals.ONE_BY_ONE}
    assert told.data["addresses"] == ["127.0.0.1"]
    assert verify().wrong is None


def test_the_next_minute_begins_again(alice: Person, bob: Person) -> None:
    for _time in range(MANY):
        no_right(alice, bob)
    clock.shift(refusals.EVERY + timedelta(seconds=1))
    no_right(alice, bob)
    events = AuditEvent.objects.filter(event="authz_fail")
    assert events.count() == refusals.ONE_BY_ONE + 1


def test_somebody_else_is_recorded_all_the_same(alice: Person, bob: Person, vera: Person) -> None:
    for _time in range(MANY):
        no_right(alice, bob)
    vera.get("/teams/acme/members/invite/")
    assert AuditEvent.objects.filter(event="authz_fail", actor_name=vera.user.email).exists()


def test_strangers_of_many_addresses_are_bounded_together(alice: Person, bob: Person) -> None:
    for number in range(10):
        cache.clear()
        body = {"login": f"eve{number}@example.com", "password": "wrong-horse-9"}
        Client(REMOTE_ADDR=f"203.0.113.{number}").post(LOGIN, body)
    events = AuditEvent.objects.filter(event="authn_login_fail")
    assert events.count() == refusals.OF_STRANGERS
    refusals.tally.tell(at_once=True)
    told = AuditEvent.objects.get(event="authz_many_refused")
    assert told.data["count"] == 10 - refusals.OF_STRANGERS
    assert len(told.data["addresses"]) == 3


def test_what_succeeds_is_always_recorded(alice: Person, bob: Person) -> None:
    for _time in range(MANY):
        no_right(alice, bob)
    for _time in range(3):
        browser = Client()
        browser.post(LOGIN, {"login": "bob@example.com", "password": "correct-horse-9"})
        browser.post("/accounts/logout/")
    assert AuditEvent.objects.filter(event="authn_logout").count() == 3


def test_what_cannot_be_told_is_counted_elsewhere(
    alice: Person, bob: Person, audit_broken: None
) -> None:
    for _time in range(MANY):
        refusals.is_recorded("authz_fail", alice.team.chain, bob.scope().actor, bob.scope().origin)
    refusals.tally.tell(at_once=True)
    assert not AuditEvent.objects.filter(event="authz_many_refused").exists()
