"""/teams/<slug>/audit/review/rules/: what waits for a second look, as a team wants it."""

from typing import Any

import pytest

from controlpanel.audit.models import AuditEvent
from controlpanel.audit.review import queue as review_queue
from controlpanel.audit.review.rules import RULES
from tests.people import HTMX, Person
from tests.web.asking import shows

URL = "/teams/acme/audit/review/rules/"
ALL: dict[str, Any] = {
    "rules": ["deletes", "exports"],
    "in_a_row": "3",
    "minutes": "30",
    "night_from": "20",
    "night_to": "7",
    "time_zone": "Europe/Copenhagen",
}


def test_it_works(alice: Person) -> None:
    page = alice.get(URL)
    for rule in RULES.values():
        assert shows(page, str(rule.sentence))
    answer = alice.post(URL, ALL)
    assert (answer.status_code, answer["Location"]) == (303, URL)
    kept = review_queue.settings(alice.scope())
    assert kept.on == ["deletes", "exports"]
    assert (kept.in_a_row, kept.minutes, kept.night_from, kept.night_to) == (3, 30, 20, 7)
    assert kept.time_zone == "Europe/Copenhagen"
    event = AuditEvent.objects.get(event="review.rules_changed")
    assert event.data["after"]["time_zone"] == "Europe/Copenhagen"
    page = alice.get(URL)
    assert shows(page, 'value="exports" aria-describedby="rule-exports-is" checked')
    assert not shows(page, 'value="night" aria-describedby="rule-night-is" checked')
    assert shows(page, '<option value="Europe/Copenhagen" selected>')
    assert shows(alice.get(f"/teams/acme/audit/{event.seq}/"), "changed what waits for review")


def test_it_works_through_htmx(alice: Person) -> None:
    answer = alice.post(URL, ALL, headers=HTMX)
    assert (answer.status_code, answer["HX-Redirect"]) == (204, URL)


def test_the_same_again_is_no_change(alice: Person) -> None:
    alice.post(URL, ALL)
    alice.post(URL, ALL)
    assert AuditEvent.objects.filter(event="review.rules_changed").count() == 1


def test_all_can_be_off_and_the_clock_utc(alice: Person) -> None:
    alice.post(URL, ALL | {"rules": [], "time_zone": ""})
    kept = review_queue.settings(alice.scope())
    assert (kept.on, kept.time_zone) == ([], "UTC")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("rules", "moon", "Choose rules from the list."),
        ("in_a_row", "1", "Write a number from 2 to 100."),
        ("in_a_row", "many", "Write a number from 2 to 100."),
        ("minutes", "0", "from 1 to 1440"),
        ("night_to", "20", "The night must end at another hour than it begins."),
        ("night_from", "24", "Select a valid choice"),
        ("time_zone", "Mars/Base", "Select a valid choice"),
    ],
)
def test_what_is_wrong_is_said_at_the_field(
    alice: Person, name: str, value: str, words: str
) -> None:
    answer = alice.post(URL, ALL | {name: value})
    assert answer.status_code == 422
    assert shows(answer, words)
    assert not AuditEvent.objects.exists()


def test_who_reads_the_log_reads_the_rules_and_changes_nothing(
    audrey: Person, alice: Person
) -> None:
    page = audrey.get(URL)
    assert shows(page, "alice@example.com can.")
    assert not shows(page, "Save the rules")
    assert audrey.post(URL, ALL).status_code == 403
    assert not AuditEvent.objects.filter(event="review.rules_changed").exists()


def test_a_sign_in_of_a_while_ago_is_asked_again(alice: Person) -> None:
    alice.signed_in_ago(hours=1)
    assert "reauthenticate" in alice.post(URL, ALL)["Location"]
    assert not AuditEvent.objects.filter(event="review.rules_changed").exists()


def test_it_requires_the_right(bob: Person, charlie: Person) -> None:
    assert bob.get(URL).status_code == 403
    assert charlie.get(URL).status_code == 404
