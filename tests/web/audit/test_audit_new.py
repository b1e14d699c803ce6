"""/teams/<slug>/audit/new/: how much came since the open page was loaded."""

import re
import time
from html import unescape
from urllib.parse import quote

import pytest
from django.test import Client
from pytest_django.asserts import assertRedirects

from controlpanel.accounts.models import Team
from controlpanel.accounts.signin.session_policy import CLICKED_AT
from tests.people import HTMX, Person, join, with_servers
from tests.web.audit.test_audit_list import URL as LIST
from tests.web.audit.test_audit_list import listed, note

URL = f"{LIST}new/"


def poll(person: Person, page: str = LIST) -> str:
    """What the open page asks, as the page says."""
    found = re.search(r'data-poll="([^"]+)"', person.get(page).content.decode())
    assert found, "the page asks nothing"
    return unescape(found[1])


def said(person: Person, address: str) -> str:
    page = person.get(address, headers=HTMX)
    assert page.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page.content.decode())).strip()


def test_it_works(alice: Person, bob: Person) -> None:
    note(alice)
    asked = poll(alice)
    assert said(alice, asked) == ""
    note(bob)
    assert said(alice, asked) == "1 new event"
    note(bob)
    assert said(alice, asked) == "2 new events"


def test_it_counts_what_the_filters_leave(alice: Person, bob: Person) -> None:
    asked = poll(alice, f"{LIST}?q=actor:bob")
    note(alice)
    assert said(alice, asked) == ""
    note(bob)
    assert said(alice, asked) == "1 new event"


def test_it_stops_counting(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlpanel.audit.reading.selectors.MANY", 2)
    asked = poll(alice)
    for _ in range(4):
        note(alice)
    assert said(alice, asked) == "2+ new events"


def test_the_button_leads_to_the_page_and_loads_it_in_place(alice: Person) -> None:
    note(alice)
    asked = poll(alice, f"{LIST}?q=target:web")
    note(alice)
    note(alice)
    html = alice.get(asked, headers=HTMX).content.decode()
    assert f'href="{LIST}?q=target%3Aweb"' in html
    found = re.search(r'hx-get="([^"]+)"', html)
    assert found
    page = alice.get(unescape(found[1]), headers=HTMX)
    rows = page.content.decode()
    assert rows.strip().startswith('<div id="events"')
    found_rows = re.findall(r'class="event( fresh)?"[^>]*id="event-(\d)', rows)
    assert found_rows == [(" fresh", "3"), (" fresh", "2"), ("", "1")]
    assert rows.count("autofocus") == 1
    assert "2 new events are shown" in page["HX-Trigger"]
    assert poll(alice, unescape(found[1])).endswith("since=3")


def test_only_the_button_counts_as_somebody_being_there(alice: Person) -> None:
    asked = poll(alice)
    note(alice)
    session = alice.session
    session[CLICKED_AT] = before = int(time.time()) - 600
    session.save()
    alice.get(asked, headers=HTMX)
    assert alice.session[CLICKED_AT] == before
    alice.get(LIST, headers={**HTMX, "HX-Source": "a#load-new"})
    assert alice.session[CLICKED_AT] > before


def test_an_older_page_stands_still(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlpanel.web.audit.views.ROWS", 1)
    note(alice)
    note(alice)
    assert listed(alice, "?page=b2") == [1]
    assert "data-poll" not in alice.get(f"{LIST}?page=b2").content.decode()


def test_a_page_without_a_match_asks_too(alice: Person) -> None:
    note(alice)
    asked = poll(alice, f"{LIST}?q=target:db")
    note(alice, name="db-01")
    assert said(alice, asked) == "1 new event"


def test_what_is_out_of_reach_does_not_count(team: Team, alice: Person) -> None:
    rita = join(team, "rita", "auditor", with_servers("12345"))
    note(alice)
    note(alice, name="db-01", id="777")
    asked = poll(rita)
    assert "since=1" in asked
    note(alice, name="db-01", id="777")
    assert said(rita, asked) == ""
    note(alice)
    assert said(rita, asked) == "1 new event"


@pytest.mark.parametrize("since", ["", "x", "-1", "9" * 40, "%D9%A3"])
def test_a_number_that_is_none_counts_nothing(alice: Person, since: str) -> None:
    note(alice)
    assert said(alice, f"{URL}?since={since}") == ""


def test_a_query_that_is_not_understood_counts_nothing(alice: Person) -> None:
    assert alice.get(f"{URL}?q=result:perhaps&since=0").status_code == 422


def test_it_requires_the_right(bob: Person) -> None:
    assert bob.get(URL).status_code == 403


def test_it_requires_sign_in(team: Team, nobody: Client) -> None:
    assertRedirects(nobody.get(URL), f"/accounts/login/?next={quote(URL, safe='')}")


def test_it_hides_from_outsiders(team: Team, charlie: Person) -> None:
    assert charlie.get(URL).status_code == 404


def test_it_rejects_post(alice: Person) -> None:
    assert alice.post(URL).status_code == 405
