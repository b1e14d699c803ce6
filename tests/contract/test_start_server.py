from collections.abc import Callable

import pytest

from controlpanel.sandbox.server import Sandbox
from tests.sandbox.api import NEW, READ_ONLY, Api


def test_it_works(api: Api) -> None:
    """documented: the answer, whose outer status is a result and not a state."""
    answer = api.post("/servers/12348/start/")
    assert answer.status_code == 200
    name = api.get("/servers/12348/").json()["name"]
    assert answer.json() == {
        "status": "success",
        "message": "Server is starting",
        "server": {"id": 12348, "name": name, "status": "starting"},
    }


def test_it_takes_its_time(api: Api, provider: Sandbox) -> None:
    """documented: starting first. guess: how long, and that it ends active."""
    api.post("/servers/12348/start/")
    provider.advance(3)
    assert api.status(12348) == "starting"
    provider.advance(1)
    assert api.status(12348) == "active"


def test_the_address_stays(api: Api, provider: Sandbox) -> None:
    """guess."""
    before = api.get("/servers/12348/").json()["ip_address"]
    api.post("/servers/12348/start/")
    provider.advance(10)
    assert api.get("/servers/12348/").json()["ip_address"] == before


def test_it_needs_no_body(api: Api) -> None:
    """documented: no body. guess: one that comes is not looked at."""
    headers = {"Content-Type": "application/json"}
    answer = api("POST", "/servers/12348/start/", data=b"{not json", headers=headers)
    assert answer.status_code == 200


def test_it_rejects_a_server_in_the_wrong_state(api: Api) -> None:
    """documented: 400, already running."""
    answer = api.post("/servers/12345/start/")
    assert answer.status_code == 400
    assert answer.json() == {"detail": "Server is already running"}


def test_it_rejects_a_second_time(api: Api) -> None:
    """guess: a server on its way counts as there."""
    api.post("/servers/12348/start/")
    assert api.post("/servers/12348/start/").status_code == 400


def test_it_rejects_a_suspended_or_a_new_server(api: Api) -> None:
    """guess: 400."""
    new = api.post("/servers/", NEW).json()["id"]
    assert api.post("/servers/12351/start/").status_code == 400
    assert api.post(f"/servers/{new}/start/").status_code == 400


@pytest.mark.parametrize("server_id", [99999, 12353])
def test_an_absent_server_is_not_found(api: Api, server_id: int) -> None:
    """documented: 404. guess: for another account's server too."""
    answer = api.post(f"/servers/{server_id}/start/")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Server does not exist"})


def test_it_rejects_get(api: Api) -> None:
    """documented: POST. guess: else 405."""
    assert api.get("/servers/12348/start/").status_code == 405


def test_it_requires_a_token(api_as: Callable[[str | None], Api]) -> None:
    """guess: 401 as everywhere."""
    assert api_as(None).post("/servers/12348/start/").status_code == 401


def test_it_requires_more_than_reading(api: Api, api_as: Callable[[str | None], Api]) -> None:
    """guess: 403."""
    assert api_as(READ_ONLY).post("/servers/12348/start/").status_code == 403
    assert api.status(12348) == "stopped"
