"""/teams/<slug>/audit/: what happened, newest first, and finding something in it."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.asserts import assertRedirects

from controlpanel.accounts.models import Team
from controlpanel.audit.log.recorder import Target, record_now
from controlpanel.audit.models import AuditEvent
from controlpanel.lib import clock
from tests.people import Person

URL = "/teams/acme/audit/"


def note(
    person: Person, event: str = "server.reboot", name: str = "web-01", **given: Any
) -> AuditEvent:
    result = given.pop("result", "success")
    data = given.pop("data", {"phase": "outcome", "operation": str(uuid4()), "account": "Acme"})
    scope = person.scope()
    return record_now(
        event,
        chain=str(scope.team_id),
        actor=scope.actor,
        origin=scope.origin,
        target=Target("server", given.pop("id", "12345"), name),
        result=result,
        data=data,
        **given,
    )


def listed(person: Person, query: str = "") -> list[int]:
    """Numbers of the events on the page, as they stand on it."""
    page = person.get(f"{URL}{query}")
    assert page.status_code == 200
    return [int(seq) for seq in re.findall(r'id="event-(\d+)"', page.content.decode())]


def words(person: Person, query: str = "") -> str:
    """The page's text without its tags, on one line."""
    text = person.get(f"{URL}{query}").content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", text))


def test_it_works(alice: Person, bob: Person) -> None:
    note(bob)
    text = words(alice)
    assert "bob@example.com rebooted web-01" in text
    assert "done" in text
    assert f'href="{URL}?q=actor%3A{bob.user.id}"' in alice.get(URL).content.decode()


def test_newest_come_first(alice: Person) -> None:
    seqs = [note(alice, name=f"web-{number}").seq for number in range(3)]
    assert listed(alice) == seqs[::-1]


def test_a_row_opens_to_its_details(alice: Person) -> None:
    operation = str(uuid4())
    note(
        alice,
        "server.update",
        reason="as agreed",
        data={
            "phase": "outcome",
            "operation": operation,
            "account": "Acme",
            "before": {"name": "old-name", "backups_enabled": False},
            "body": {"name": "new-name", "backups_enabled": True},
            "provider_status": 200,
            "provider_words": "Updated.",
        },
    )
    text = words(alice)
    for expected in ("as agreed", "old-name", "new-name", "Updated.", "200"):
        assert expected in text
    event = AuditEvent.objects.get()
    html = alice.get(URL).content.decode()
    assert event.hash in html
    assert f"/teams/acme/operations/{operation}/" in html
    assert f"/teams/acme/audit/{event.seq}/" in html


@pytest.mark.databases
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("actor:bob", [2, 4]),
        ("actor:bob@example.com", [2, 4]),
        ("action:server.delete", [3]),
        ("action:server", [1, 2, 3, 4]),
        ("action:token", []),
        ("target:db", [3, 4]),
        ("target:777", [4]),
        ("target:server/777", [4]),
        ("result:failure", [3]),
        ("result:failed", [3]),
        ("result:denied", []),
        ("actor:bob target:db", [4]),
        ("because", [4]),
        ("db-01", [3]),
        ("db because", [4]),
        ('"db because"', []),
        ("reason:because", [4]),
        ("reason:BECAUSE", [4]),
        ("reason:stop", []),
        ('reason:"because \\"soon\\""', [4]),
        ("via:worker", [1, 2, 3, 4]),
        ("via:page", []),
        ("", [1, 2, 3, 4]),
    ],
)
def test_the_query(alice: Person, bob: Person, query: str, found: list[int]) -> None:
    note(alice)
    note(bob)
    note(alice, "server.delete", "db-01", result="failure")
    note(bob, "server.stop", "db-02", id="777", reason='because "soon"')
    assert sorted(listed(alice, f"?q={quote(query)}")) == found


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("?actor=bob", "actor:bob"),
        ("?q=reason:x&actor=Bob B&result=denied", 'reason:x actor:"Bob B" result:denied'),
        ("?action=server&target=&page=b3", "action:server&page=b3"),
        ("?actor=&action=&result=", ""),
    ],
)
def test_the_fields_of_the_form_write_the_query(alice: Person, address: str, text: str) -> None:
    answer = alice.get(f"{URL}{address}")
    query, _, page = text.partition("&")
    expected = urlencode({"q": query}) if query else ""
    assertRedirects(answer, f"{URL}?{expected}" + (f"&{page}" if page else ""))


def test_the_form_shows_the_query(alice: Person) -> None:
    html = alice.get(f"{URL}?q=actor:bob+result:done+reason:x+lost").content.decode()
    assert 'name="actor" id="filter-actor" value="bob"' in html
    assert '<option value="success" selected>' in html
    assert '<input type="hidden" name="q" value="reason:x lost">' in html


def test_presets_write_the_query(alice: Person) -> None:
    note(alice, "server.delete")
    html = alice.get(f"{URL}?q=result:denied").content.decode()
    for label, text in (("Deletions", "action:server.delete"), ("Sign-ins", "action:signin")):
        assert re.search(rf'href="{URL}\?q={quote(text)}">{label}</a>', html)
    assert re.search(r'q=result%3Adenied" aria-current="true">Denied</a>', html)


def test_filters_by_time(alice: Person) -> None:
    note(alice)
    today = clock.now().date()
    assert listed(alice, f"?q=after:{today}") == [1]
    assert listed(alice, f"?q=after:{today + timedelta(days=1)}") == []
    assert listed(alice, f"?q=before:{today}") == []
    assert listed(alice, f"?q=before:{today + timedelta(days=1)}T00:00") == [1]
    moment = quote((clock.now() - timedelta(minutes=1)).isoformat())
    assert listed(alice, f"?q=after:{moment}") == [1]


def test_filters_in_force_can_be_taken_away_one_by_one(alice: Person) -> None:
    note(alice)
    html = alice.get(f"{URL}?q=actor:alice+result:done").content.decode()
    assert "Who: alice" in html
    assert 'href="?q=result%3Adone"' in html
    assert 'href="?q=actor%3Aalice"' in html


def test_everything_of_one_request_is_a_click_away(alice: Person, vera: Person) -> None:
    given = vera.get(URL)["X-Request-Id"]
    note(alice)
    assert f'href="{URL}requests/{given}/"' in alice.get(URL).content.decode()
    assert listed(alice, f"?q=request:{given}") == [1]


@pytest.mark.parametrize(
    ("query", "word", "sentence"),
    [
        ("?q=actor:bob+after:yesterday", "after:yesterday", "Write a date like"),
        ("?after=yesterday", "after:yesterday", "Write a date like"),
        ("?q=resalt:denied", "resalt:denied", "Did you mean “result:”"),
        ("?action=server.explode", "action:server.explode", "No event is called that"),
    ],
)
def test_what_is_not_understood_is_said_at_the_field(
    alice: Person, query: str, word: str, sentence: str
) -> None:
    note(alice)
    page = alice.get(f"{URL}{query}")
    assert page.status_code == 422
    text = page.content.decode()
    assert f"“{word}” is not understood." in text
    assert sentence in text
    assert 'aria-invalid="true" aria-describedby="query-problems"' in text
    assert 'id="event-' not in text


def test_nothing_typed_is_lost(alice: Person) -> None:
    typed = 'actor:bob  result:perhaps "lost'
    html = alice.get(f"{URL}?q={quote(typed)}").content.decode()
    assert 'value="actor:bob result:perhaps &quot;lost"' in html


@pytest.mark.databases
@pytest.mark.parametrize(
    "query",
    ["?q=%00", "?q=actor:%ff%fe", "?page=b999999999999999999999", "?page=zzz",
     "?q=%25_%27%22%5C", "?q=%E2%80%AE", "?page=a-1"],
)  # fmt: skip
def test_odd_values_break_nothing(alice: Person, query: str) -> None:
    note(alice)
    assert alice.get(f"{URL}{query}").status_code == 200


def test_it_pages_by_keyset(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlpanel.web.audit.views.ROWS", 2)
    for _ in range(5):
        note(alice)
    assert listed(alice) == [5, 4]
    older = _link(alice, "", "next")
    assert listed(alice, older) == [3, 2]
    note(alice)  # what comes in between moves nothing
    assert listed(alice, older) == [3, 2]
    last = _link(alice, older, "next")
    assert listed(alice, last) == [1]
    assert _link(alice, last, "next") == ""
    assert listed(alice, _link(alice, last, "prev")) == [3, 2]


def test_paging_keeps_the_filters(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlpanel.web.audit.views.ROWS", 1)
    for name in ("web-01", "db-01", "web-02"):
        note(alice, name=name)
    assert listed(alice, "?q=target:web") == [3]
    assert listed(alice, _link(alice, "?q=target:web", "next")) == [1]


def test_nothing_and_no_match_are_said_apart(alice: Person) -> None:
    assert "Nothing has happened yet" in words(alice)
    note(alice)
    assert "No event matches" in words(alice, "?q=target:zzz")


def test_other_teams_are_not_seen(alice: Person, charlie: Person) -> None:
    note(charlie)
    assert listed(alice) == []


def test_hostile_text_is_inert(alice: Person) -> None:
    hostile = "<img src=x onerror=alert(1)>\u202e\"'"
    note(alice, name=hostile, id="../../evil/?x=<b>", reason=hostile)
    html = alice.get(URL).content.decode()
    assert "<img src=x" not in html
    assert "\u202e" not in html
    assert f'href="{URL}?q=target%3Aserver%2F..%2F..%2Fevil%2F%3Fx%3D%3Cb%3E"' in html


def test_the_number_of_queries_does_not_grow(alice: Person) -> None:
    note(alice)
    alice.get(URL)  # the first page of a session also notes that there is one
    with CaptureQueriesContext(connection) as few:
        alice.get(URL)
    for _ in range(20):
        note(alice)
    with CaptureQueriesContext(connection) as many:
        alice.get(URL)
    assert len(many) == len(few)


def test_owner_admin_and_auditor_may_read_it(alice: Person, adam: Person, audrey: Person) -> None:
    for person in (alice, adam, audrey):
        assert person.get(URL).status_code == 200


def test_it_requires_the_right(alice: Person, bob: Person, vera: Person) -> None:
    for person in (bob, vera):
        answer = person.get(URL)
        assert answer.status_code == 403
        assert "read the audit log" in answer.content.decode()
    assert "was refused in Acme" in words(alice, "?q=action:authz_fail")


def test_it_requires_sign_in(team: Team, nobody: Client) -> None:
    assertRedirects(nobody.get(URL), f"/accounts/login/?next={quote(URL, safe='')}")


def test_it_hides_from_outsiders(team: Team, charlie: Person) -> None:
    assert charlie.get(URL).status_code == 404


def test_it_rejects_post(alice: Person) -> None:
    assert alice.post(URL).status_code == 405


def _link(person: Person, query: str, rel: str) -> str:
    html = person.get(f"{URL}{query}").content.decode()
    found = re.search(rf'rel="{rel}" href="([^"]*)"', html)
    return found[1].replace("&amp;", "&") if found else ""
