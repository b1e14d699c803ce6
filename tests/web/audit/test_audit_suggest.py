"""/teams/<slug>/audit/suggest/: what may be typed next in the query."""

import re
from html import unescape
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.asserts import assertRedirects

from controlpanel.accounts.models import Team
from controlpanel.audit.reading import query_language
from tests.people import Person, join, with_labels, with_servers
from tests.web.audit.test_audit_list import URL as LIST
from tests.web.audit.test_audit_list import note

URL = f"{LIST}suggest/"


def offered(person: Person, typed: str) -> list[str]:
    """What the field would hold, up to the caret."""
    page = person.get(f"{URL}?q={quote(typed)}")
    assert page.status_code == 200
    return [unescape(text) for text in re.findall(r'data-text="([^"]*)"', page.content.decode())]


def test_it_works(alice: Person, bob: Person) -> None:
    note(bob)
    assert offered(alice, "") == [f"{key}:" for key in query_language.KEYS]
    assert offered(alice, "ac") == ["actor:", "action:"]
    assert offered(alice, "actor:BO") == ["actor:bob@example.com "]
    assert offered(alice, "result:denied act") == [
        "result:denied actor:",
        "result:denied action:",
    ]


@pytest.mark.databases
@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("result:", [f"result:{word} " for word in query_language.result_words()]),
        ("result:un", ["result:unknown "]),
        ("action:server.del", ["action:server.delete "]),
        ("action:Sign-ins", ["action:signin ", "action:authn_not_recorded "]),
        ("via:wo", ["via:worker "]),
        ("target:b", ['target:"big box" ', "target:db-01 "]),
        ('target:"big b', ['target:"big box" ']),
        ("target:nothing", []),
        ("address:", []),
        ("request:", []),
        ("xyz:", []),
        ("lost", []),
        ('"lost ', []),
        ("actor:a actor", []),
        ("actor:alice ", [f"actor:alice {key}:" for key in query_language.KEYS[1:]]),
    ],
)
def test_it_offers(alice: Person, typed: str, expected: list[str]) -> None:
    note(alice, name="db-01")
    note(alice, name="big box")
    assert offered(alice, typed) == expected


@pytest.mark.parametrize("typed", ["after:", "action:", "via:", "result:", "actor:", "target:"])
def test_what_it_offers_is_understood(alice: Person, typed: str) -> None:
    note(alice, name='odd "name" of: it')
    found = offered(alice, typed)
    assert found
    for text in found:
        assert not query_language.parse(text).problems


def test_the_newest_come_first_and_only_eight(alice: Person) -> None:
    for number in range(10):
        note(alice, name=f"web-{number}")
    note(alice, name="web-3")
    found = offered(alice, "target:web")
    assert found[:2] == ["target:web-3 ", "target:web-9 "]
    assert len(found) == 8


def test_who_and_what_is_out_of_reach_does_not_exist(
    team: Team, alice: Person, bob: Person, charlie: Person
) -> None:
    rita = join(team, "rita", "auditor", with_servers("12345"))
    lara = join(team, "lara", "auditor", with_labels("env:prod"))
    note(bob, name="web-01", id="12345")
    note(alice, name="db-01", id="777")
    note(charlie, name="globex-01", id="12345")
    assert offered(rita, "target:") == ["target:web-01 "]
    assert offered(rita, "actor:") == ["actor:bob@example.com "]
    assert offered(lara, "target:") == offered(lara, "actor:") == []
    assert offered(alice, "target:glob") == []


def test_hostile_names_are_inert(alice: Person) -> None:
    note(alice, name="<script>alert(1)</script>\"'")
    html = alice.get(f"{URL}?q=target:").content.decode()
    assert "<script" not in html


@pytest.mark.databases
@pytest.mark.parametrize("typed", ["%00", "actor:%00", "target:%25_%27", "x" * 5000, "%ff", "%20"])
def test_odd_text_breaks_nothing(alice: Person, typed: str) -> None:
    note(alice)
    assert alice.get(f"{URL}?q={typed}").status_code == 200


def test_it_asks_the_database_a_fixed_number_of_times(alice: Person) -> None:
    note(alice)
    offered(alice, "target:w")
    with CaptureQueriesContext(connection) as few:
        offered(alice, "target:w")
    for number in range(20):
        note(alice, name=f"web-{number}")
    with CaptureQueriesContext(connection) as many:
        offered(alice, "target:w")
    assert len(many) == len(few)


def test_it_requires_the_right(bob: Person) -> None:
    assert bob.get(URL).status_code == 403


def test_it_requires_sign_in(team: Team, nobody: Client) -> None:
    assertRedirects(nobody.get(URL), f"/accounts/login/?next={quote(URL, safe='')}")


def test_it_hides_from_outsiders(team: Team, charlie: Person) -> None:
    assert charlie.get(URL).status_code == 404


def test_it_rejects_post(alice: Person) -> None:
    assert alice.post(URL).status_code == 405
