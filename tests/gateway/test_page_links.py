"""Links to other pages: a script that follows them gets everything, and through the gateway."""

import json

import pytest

from tests.gateway.asking import key_of, said
from tests.people import with_servers
from tests.vpsorg.test_lists import LINKS

pytestmark = pytest.mark.django_db
FIRST = [{"id": 1, "name": "web-1"}]


def answered(viewer, sandbox, **links):
    body = {"count": 300, "results": FIRST, **links}
    sandbox.fault("status", "GET", "/servers/$", status=200, body=json.dumps(body))
    return viewer.get("/servers/")


def follow(viewer, sandbox, link, settings):
    """Asks for the page, and tells what the provider was asked."""
    here = f"{settings.PANEL_PUBLIC_URL}/api/v1"
    sandbox.fault("status", "GET", "/servers/$", status=200, body='{"count": 0, "results": []}')
    assert link.startswith(f"{here}/servers/")
    assert viewer.get(link.removeprefix(here)).status_code == 200
    entry = sandbox.journal.entries()[-1]
    assert entry.path == "/api/v1/servers/"
    return entry.query


@pytest.mark.parametrize("link", LINKS)
def test_however_it_is_written_it_leads_through_the_gateway(viewer, sandbox, settings, link):
    found = said(answered(viewer, sandbox, next=link, previous=link))
    here = f"{settings.PANEL_PUBLIC_URL}/api/v1/servers/?page=2"
    assert (found["next"], found["previous"]) == (here, here)
    assert follow(viewer, sandbox, found["next"], settings) == {"page": "2"}


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("cursor=cD0yMDI%3D", {"cursor": "cD0yMDI="}),
        ("offset=100&limit=100", {"offset": "100", "limit": "100"}),
        ("PAGE=2", {"PAGE": "2"}),
        ("page=2&token=abc", {"page": "2", "token": "abc"}),
        ("page=last", {"page": "last"}),
        ("page=2&status=active", {"page": "2", "status": "active"}),
        ("after=2025-01-10T14:30:00Z", {"after": "2025-01-10T14:30:00Z"}),
    ],
)
def test_parameters_that_nobody_documents_come_back(viewer, sandbox, settings, query, asked):
    found = said(answered(viewer, sandbox, next=f"https://x.example/?{query}"))
    assert follow(viewer, sandbox, found["next"], settings) == asked


@pytest.mark.parametrize(
    "link",
    [
        "https://admin.vps.org/api/v1/servers/page/2/", "https://admin.vps.org/api/v1/servers/",
        "javascript:alert(1)", "/api/v1/servers/2", "?page=" + "9" * 3000, "?", 7, True,
        ["?page=2"], {"url": "?page=2"},
    ],
)  # fmt: skip
def test_a_page_whose_next_cannot_be_asked_for_does_not_look_like_the_last(viewer, sandbox, link):
    answer = answered(viewer, sandbox, next=link)
    assert (answer.status_code, said(answer)["code"]) == (502, "unreadable")


def test_a_page_that_leads_to_itself_does_not_go_on_for_ever(viewer, sandbox):
    body = {"count": 300, "results": FIRST, "next": "https://x.example/servers/?page_size=9&page=2"}
    sandbox.fault("status", "GET", "/servers/$", status=200, body=json.dumps(body))
    assert viewer.get("/servers/?page=2&page_size=9").status_code == 502


@pytest.mark.parametrize("end", [None, "", False, " \n"])
def test_the_last_page_is_the_last(viewer, sandbox, end):
    found = said(answered(viewer, sandbox, next=end, previous="?page=1"))
    assert not found["next"] or not found["next"].strip()


@pytest.mark.parametrize(
    "link", ["https://admin.vps.org/api/v1/servers/", "/api/v1/servers", "http://x/servers/"]
)
def test_back_to_the_first_page_needs_no_query(viewer, sandbox, settings, link):
    found = said(answered(viewer, sandbox, previous=link))
    assert found["previous"] == f"{settings.PANEL_PUBLIC_URL}/api/v1/servers/"


@pytest.mark.parametrize("link", ["javascript:alert(1)", "http://evil.example/", 7, "?"])
def test_a_way_back_that_cannot_be_asked_for_is_left_out(viewer, sandbox, link):
    assert said(answered(viewer, sandbox, previous=link))["previous"] is None


@pytest.mark.parametrize("name", ["next", "previous", "prev", "first", "last", "self"])
@pytest.mark.parametrize("group", [True, False])
def test_by_whatever_name_it_leads_through_the_gateway(viewer, sandbox, settings, name, group):
    link = {name: "https://admin.vps.org/api/v1/servers/?page=2"}
    found = said(answered(viewer, sandbox, **({"links": link} if group else link)))
    here = f"{settings.PANEL_PUBLIC_URL}/api/v1/servers/?page=2"
    assert (found["links"] if group else found)[name] == here


@pytest.mark.parametrize("name", ["first", "last", "self"])
def test_the_page_itself_is_no_loop_there(viewer, sandbox, settings, name):
    body = {"count": 1, "results": FIRST, "links": {name: "?page=2", "next": None}, "next": None}
    sandbox.fault("status", "GET", "/servers/$", status=200, body=json.dumps(body))
    here = f"{settings.PANEL_PUBLIC_URL}/api/v1/servers/?page=2"
    assert said(viewer.get("/servers/?page=2"))["links"] == {name: here, "next": None}


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"last": 5, "first": 1}, {"last": 5, "first": 1}),
        ({"first": {"href": "https://admin.vps.org/x"}}, {"first": None}),
        ({"self": "https://admin.vps.org/api/v1/other/"}, {"self": None}),
        ({"docs": "https://vps.org/docs/"}, {"docs": "https://vps.org/docs/"}),
    ],
)
def test_what_is_no_page_of_the_list(viewer, sandbox, given, shown):
    assert said(answered(viewer, sandbox, links=given))["links"] == shown


def test_within_reach_the_links_are_the_same(vera, synced, sandbox, settings):
    """A page on which nothing is within reach is not the last for that."""
    script = key_of(vera, synced, reach=with_servers("12345"))
    found = said(answered(script, sandbox, next="http://backend/servers/?cursor=x"))
    assert found["results"] == []
    assert follow(script, sandbox, found["next"], settings) == {"cursor": "x"}


def cursor_of(viewer, sandbox, path="/servers/"):
    body = {"count": 300, "results": FIRST, "next": "?offset=100"}
    sandbox.fault("status", "GET", f"{path}$", status=200, body=json.dumps(body))
    return said(viewer.get(path))["next"].partition("?")[2]


@pytest.mark.parametrize(
    "make",
    [
        lambda _: "cursor=offset%3D100",
        lambda _: "cursor=",
        lambda good: good[:-1] + ("a" if good[-1] != "a" else "b"),
        lambda good: f"{good}&page=2",
        lambda good: f"{good}&{good}",
    ],
)
def test_only_what_the_gateway_gave_is_a_cursor(viewer, sandbox, make):
    good = cursor_of(viewer, sandbox)
    before = len(sandbox.journal.entries())
    answer = viewer.get(f"/servers/?{make(good)}")
    assert (answer.status_code, said(answer)["code"]) == (400, "bad_parameter")
    assert len(sandbox.journal.entries()) == before


def test_a_cursor_of_another_list_is_none_here(viewer, sandbox):
    assert viewer.get(f"/servers/?{cursor_of(viewer, sandbox, '/plans/')}").status_code == 400
