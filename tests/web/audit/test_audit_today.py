"""/teams/<slug>/audit/today/: an auditor's morning."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from controlpanel.accounts.models import Team
from controlpanel.audit.log import read_only_state
from controlpanel.audit.log.recorder import Target
from controlpanel.audit.models import AuditVisit, RefusalDay
from controlpanel.audit.review import scanner
from controlpanel.lib import clock
from tests.people import Person, join, with_labels, with_servers
from tests.web.asking import shows
from tests.web.audit.test_audit_review import delete, derive, note

URL = "/teams/acme/audit/today/"


@pytest.fixture(autouse=True)
def _at_noon() -> None:
    now = clock.now()
    clock.shift(now.replace(hour=12, minute=0) - now)


def refuse(person: Person, server: str = "", labels: tuple[str, ...] = ()) -> None:
    if server:
        data = {"phase": "outcome", "operation": "x", "account": "main"}
        target = Target("server", server, "web-01")
        note(person, "server.stop", target, labels=labels, result="denied", **data)
    else:
        note(person, "authz_fail", Target("team", "x", "Acme"), result="denied")


def test_it_works(audrey: Person, adam: Person, vera: Person) -> None:
    delete(adam)
    refuse(vera)
    derive(adam)
    page = audrey.get(URL)
    assert shows(page, "This is your first visit here.")
    assert shows(page, "adam@example.com deleted web-01")
    assert shows(page, 'href="/teams/acme/audit/review/?rule=deletes"')
    assert shows(page, "1 refusal in the last 14 days")


def test_it_is_quiet(audrey: Person) -> None:
    page = audrey.get(URL)
    assert shows(page, "Nothing waits for a second look.")
    assert shows(page, "Nobody was refused in the last 14 days.")


def test_what_is_new_is_new_since_the_visit_before(audrey: Person, adam: Person) -> None:
    delete(adam, name="web-01")
    audrey.get(URL)
    delete(adam, name="web-02")
    clock.shift(timedelta(minutes=50))
    assert shows(audrey.get(URL), "This is your first visit here.")  # the same visit still
    clock.shift(timedelta(minutes=20))
    delete(adam, name="web-03")
    page = audrey.get(URL)
    assert shows(page, "1 event since your last visit.")
    assert shows(page, "deleted web-03")
    assert not shows(page, "deleted web-02")
    clock.shift(timedelta(minutes=30))
    assert shows(audrey.get(URL), "1 event since your last visit.")  # loading again loses nothing
    clock.shift(timedelta(hours=2))
    assert shows(audrey.get(URL), "Nothing has happened since your last visit.")


def test_everybody_has_their_own_visits(audrey: Person, alice: Person, adam: Person) -> None:
    audrey.get(URL)
    clock.shift(timedelta(hours=2))
    delete(adam)
    assert shows(alice.get(URL), "This is your first visit here.")
    assert shows(audrey.get(URL), "1 event since your last visit.")
    assert AuditVisit.objects.count() == 2


def test_many_are_not_counted_to_the_end(
    audrey: Person, adam: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controlpanel.audit.review.visits.MOST", 15)
    audrey.get(URL)
    clock.shift(timedelta(hours=2))
    for number in range(16):
        delete(adam, name=f"web-{number:02}")
    page = audrey.get(URL)
    assert shows(page, "More than 15 events since your last visit.")
    assert shows(page, "deleted web-15<")
    assert not shows(page, "deleted web-05<")
    assert shows(page, 'href="/teams/acme/audit/?page=a0"')


def test_the_trend_has_each_day(audrey: Person, vera: Person) -> None:
    for days, number in ((20, 9), (3, 2), (0, 4)):
        clock.shift(timedelta(days=-days))
        for _ in range(number):
            refuse(vera)
        clock.shift(timedelta(days=days))
    derive(vera)
    page = audrey.get(URL)
    assert shows(page, "6 refusals in the last 14 days")
    counts = [bar.day.count for bar in page.context["bars"]]
    assert counts == [0] * 10 + [2, 0, 0, 4]
    assert [bar.height for bar in page.context["bars"]][-4:] == [32, 0, 0, 64]


@pytest.mark.parametrize(
    ("reach", "sees"),
    [(with_labels("env:prod"), 2), (with_servers("12346"), 1), (with_labels("env:test"), 0)],
)
def test_what_is_out_of_reach_is_not_counted(
    team: Team, adam: Person, vera: Person, reach: Any, sees: int
) -> None:
    rita = join(team, "rita", "auditor", reach)
    refuse(vera)
    refuse(vera, "12345", ("env:prod",))
    refuse(vera, "12346", ("env:prod",))
    delete(adam)
    derive(adam)
    page = rita.get(URL)
    assert sum(bar.day.count for bar in page.context["bars"]) == sees
    assert len(page.context["rows"]) == sees
    assert not page.context["waiting"]


def test_it_reads_no_more_for_many_events(
    audrey: Person, adam: Person, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    for number in range(30):
        delete(adam, str(number))
    derive(adam)
    audrey.get(URL)
    read_only_state.forget()  # a process looks into the log every few seconds, whatever is asked
    with django_assert_max_num_queries(17):
        audrey.get(URL)


def test_it_can_be_read_when_the_visit_cannot_be_noted(
    audrey: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import DatabaseError
    from django.db.models import QuerySet

    def full(*_args: Any, **_kwargs: Any) -> Any:
        raise DatabaseError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(QuerySet, "bulk_create", full)
        assert audrey.get(URL).status_code == 200
    assert not AuditVisit.objects.exists()


def test_it_requires_the_right(bob: Person, charlie: Person) -> None:
    assert bob.get(URL).status_code == 403
    assert charlie.get(URL).status_code == 404


def test_the_counts_come_from_the_worker(audrey: Person, vera: Person) -> None:
    refuse(vera)
    assert not RefusalDay.objects.exists()
    scanner.catch_up()
    assert RefusalDay.objects.get().count == 1
