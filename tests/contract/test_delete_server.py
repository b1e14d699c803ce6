from collections.abc import Callable

from controlpanel.sandbox.server import Sandbox
from tests.sandbox.api import NEW, READ_ONLY, Api


def test_it_works(api: Api) -> None:
    """documented: 204 without a body, permanent."""
    answer = api.delete("/servers/12345/")
    assert (answer.status_code, answer.content) == (204, b"")
    assert api.get("/servers/12345/").status_code == 404
    assert 12345 not in {entry["id"] for entry in api.get("/servers/").json()["results"]}


def test_the_connection_goes_on_after_it(api: Api) -> None:
    """guess: keep-alive; a 204 has no body to wait for."""
    assert api.delete("/servers/12345/").status_code == 204
    assert api.delete("/servers/12346/").status_code == 204


def test_a_second_time_is_not_found(api: Api) -> None:
    """documented: 404."""
    api.delete("/servers/12345/")
    assert api.delete("/servers/12345/").status_code == 404


def test_another_accounts_server_is_not_found(api: Api, provider: Sandbox) -> None:
    """guess: the same 404, and it stays."""
    assert api.delete("/servers/12353/").status_code == 404
    assert 12353 in provider.world.fleets["globex"]


def test_ids_are_never_used_again(api: Api) -> None:
    """guess."""
    first = api.post("/servers/", NEW).json()["id"]
    api.delete(f"/servers/{first}/")
    assert api.post("/servers/", NEW).json()["id"] == first + 1


def test_a_server_being_provisioned_can_be_deleted(api: Api) -> None:
    """guess: in any state."""
    server_id = api.post("/servers/", NEW).json()["id"]
    assert api.delete(f"/servers/{server_id}/").status_code == 204


def test_it_requires_a_token(api_as: Callable[[str | None], Api]) -> None:
    """guess: 401 as everywhere."""
    assert api_as(None).delete("/servers/12345/").status_code == 401


def test_it_requires_more_than_reading(api: Api, api_as: Callable[[str | None], Api]) -> None:
    """guess: 403."""
    assert api_as(READ_ONLY).delete("/servers/12345/").status_code == 403
    assert api.status() == "active"
