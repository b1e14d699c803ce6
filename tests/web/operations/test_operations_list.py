from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.asserts import assertRedirects

from controlpanel.operations.states import State
from tests.people import HTMX
from tests.web.asking import shows
from tests.web.operation_rows import URL, ago, operation


def test_it_works(bob, vera, account):
    operation(bob, account, state="observed", requested_at=ago(hours=1))
    operation(bob, account, kind="stop", state="failed", server_name="db-server-01")
    page = vera.get(URL)
    assert page.status_code == 200
    assert shows(page, f"{bob.user.email} rebooted web-server-01")
    assert shows(page, f"{bob.user.email} asked to stop db-server-01")
    text = page.content.decode()
    assert text.index("db-server-01") < text.index("web-server-01")
    assert 'data-state="failed"' in text


def test_it_says_when_there_is_nothing(bob, account):
    assert shows(bob.get(URL), "Nothing was asked for yet")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"state": "failed"}, {"db-server-01"}),
        ({"kind": "reboot"}, {"web-server-01"}),
        ({"q": "DB-"}, {"db-server-01"}),
        ({"q": "bob"}, {"web-server-01", "db-server-01"}),
        ({"q": "12345"}, {"web-server-01", "db-server-01"}),
        ({"q": "nowhere"}, set()),
    ],
)
def test_it_filters(bob, account, query, found):
    operation(bob, account, state="observed")
    operation(bob, account, kind="stop", state="failed", server_name="db-server-01")
    page = bob.get(URL, query)
    shown = {name for name in ("web-server-01", "db-server-01") if shows(page, f"{name}</a>")}
    assert shown == found
    assert shows(page, "Clear filters") is not bool(found)


def test_it_has_pages(bob, account):
    for _ in range(51):
        operation(bob, account, state="observed")
    first = bob.get(URL, {"kind": "reboot"})
    assert first.content.decode().count("<tr id=") == 50
    assert b'rel="next" href="/teams/acme/operations/?kind=reboot&amp;page=2"' in first.content
    last = bob.get(URL, {"page": "2"})
    assert last.content.decode().count("<tr id=") == 1
    assert b'rel="prev"' in last.content


@pytest.mark.parametrize(
    "query",
    [
        {"page": "0"}, {"page": "-1"}, {"page": "x"}, {"page": "9" * 30}, {"page": "²"},
        {"state": "x"}, {"kind": "\x00"}, {"q": "\x00"}, {"q": "x" * 5000}, {"q": "\u202e"},
        {"page": "9999"},
    ],
)  # fmt: skip
def test_odd_addresses_do_no_harm(bob, account, query):
    operation(bob, account)
    assert bob.get(URL, query).status_code == 200


def test_the_fragment_looks_and_shows_what_changed(bob, synced, sandbox, server):
    moving = operation(bob, synced, kind="stop", provider_id=server("staging-app").provider_id)
    synced.sync.tried_at = ago(minutes=1)
    synced.sync.save()
    text = bob.get(URL, headers=HTMX).content.decode()
    assert text.strip().startswith('<div id="operations"')
    assert f'id="operation-{moving.id}"' in text
    assert 'data-state="observed"' in text
    assert "data-moving" not in text


def test_a_full_page_asks_the_provider_nothing(bob, synced, sandbox):
    operation(bob, synced)
    before = len(sandbox.journal.entries())
    assert "data-moving" in bob.get(URL).content.decode()
    assert len(sandbox.journal.entries()) == before


def test_the_number_of_queries_does_not_grow(bob, account):
    def queries():
        with CaptureQueriesContext(
            connection,
        ) as captured:
            bob.get(URL)
        return len(captured)

    bob.get(URL)
    operation(bob, account)
    one = queries()
    for state in State:
        operation(bob, account, state=state.value)
    assert queries() == one


def test_it_shows_only_the_teams_own(bob, charlie, account, other_account):
    operation(charlie, other_account, server_name="globex-api")
    assert b"globex-api" not in bob.get(URL).content


def test_it_requires_sign_in(nobody, team):
    assertRedirects(nobody.get(URL), f"/accounts/login/?next={quote(URL, safe='')}")


def test_it_hides_from_outsiders(charlie, team):
    assert charlie.get(URL).status_code == 404


def test_it_rejects_post(bob, team):
    assert bob.post(URL).status_code == 405


def test_hostile_names_are_inert(bob, account):
    operation(bob, account, server_name="<script>alert(1)</script>")
    assert b"<script>alert" not in bob.get(URL).content
