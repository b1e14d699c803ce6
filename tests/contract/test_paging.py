"""guess: paging as the published clients ask for it. documented: none."""

import pytest

from controlpanel.sandbox.server import Sandbox
from tests.sandbox.api import Api


def test_it_pages_when_asked_to(api: Api) -> None:
    """guess: count, next, previous, results."""
    body = api.get("/servers/", page_size=3).json()
    assert list(body) == ["count", "next", "previous", "results"]
    assert (body["count"], len(body["results"]), body["previous"]) == (8, 3, None)
    assert body["next"] == f"{api.origin}/api/v1/servers/?page_size=3&page=2"


def test_next_leads_through_all(api: Api, provider: Sandbox) -> None:
    """guess: each server once; filters stay."""
    provider.world.add_servers(50)
    url: str | None = f"{api.origin}/api/v1/servers/?page_size=7&location=us-west"
    seen: list[int] = []
    while url:
        body = api("GET", url.removeprefix(f"{api.origin}/api/v1")).json()
        seen += [entry["id"] for entry in body["results"]]
        url = body["next"]
    whole = api.get("/servers/", location="us-west").json()["results"]
    assert seen == [entry["id"] for entry in whole]


def test_it_can_be_set_to_page_by_itself(api: Api, provider: Sandbox) -> None:
    """guess: a provider that pages without being asked."""
    provider.world.settings.page_size = 5
    body = api.get("/servers/").json()
    assert (body["count"], len(body["results"])) == (8, 5)
    last = api.get("/servers/", page=2).json()
    assert (len(last["results"]), last["next"]) == (3, None)
    assert last["previous"] == f"{api.origin}/api/v1/servers/?page=1"


def test_a_page_has_at_most_a_hundred(api: Api, provider: Sandbox) -> None:
    """guess: as the clients say."""
    provider.world.add_servers(200)
    assert len(api.get("/servers/", page_size=1000).json()["results"]) == 100


@pytest.mark.parametrize("page", ["0", "99", "x", "-1"])
def test_there_is_no_such_page(api: Api, page: str) -> None:
    """guess: 404."""
    answer = api.get("/servers/", page=page)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Invalid page."})
