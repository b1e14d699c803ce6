"""guess: another server API on the same base, as the published clients describe it."""

import pytest

from controlpanel.sandbox.server import Sandbox
from tests.sandbox.api import EDIT, NEW, Api


@pytest.fixture(autouse=True)
def _second(provider: Sandbox) -> None:
    provider.world.settings.dialect = "second"


def test_the_list_is_flat_and_paged(api: Api) -> None:
    """guess: uuid keys, no name, flat names of plan, system and location."""
    body = api.get("/servers/").json()
    assert list(body) == ["count", "next", "previous", "results"]
    assert list(body["results"][0]) == [
        "uuid", "hostname", "status", "ipv4_addresses", "ipv6_addresses", "location_name",
        "plan_name", "os_name", "deployed", "created_at",
    ]  # fmt: skip
    assert body["results"][0]["plan_name"] == "Standard VPS"
    assert body["results"][0]["ipv4_addresses"] == ["203.0.113.10"]


def test_a_server_has_nested_details(api: Api) -> None:
    """guess: by its uuid."""
    uuid = api.get("/servers/").json()["results"][0]["uuid"]
    body = api.get(f"/servers/{uuid}/").json()
    assert body["uuid"] == uuid
    assert body["location"] == {"id": 1, "name": "Los Angeles"}
    assert body["operating_system_version"]["name"] == "Ubuntu 22.04 LTS"
    assert api.get("/servers/12345/").status_code == 404


def test_the_documented_changes_change_nothing(api: Api, provider: Sandbox) -> None:
    """guess: create asks for other fields; the other paths find nothing."""
    uuid = api.get("/servers/").json()["results"][0]["uuid"]
    refused = api.post("/servers/", NEW)
    assert refused.status_code == 400
    assert sorted(refused.json()) == ["hostname", "os_version", "plan"]
    for name in ("12345", uuid):
        assert api.patch(f"/servers/{name}/", EDIT).status_code == 404
        assert api.delete(f"/servers/{name}/").status_code == 404
        assert api.post(f"/servers/{name}/stop/").status_code == 404
    assert not any(entry.applied for entry in provider.changes())
