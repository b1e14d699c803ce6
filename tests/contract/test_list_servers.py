from collections.abc import Callable

from controlpanel.sandbox.server import Sandbox
from tests.sandbox.api import GLOBEX, READ_ONLY, Api

KEYS = [
    "id", "name", "hostname", "status", "ip_address", "location", "plan", "os",
    "created_at", "updated_at",
]  # fmt: skip


def test_it_works(api: Api) -> None:
    """documented: 200 with count and results, and this very server as the example."""
    answer = api.get("/servers/")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert list(body) == ["count", "results"]
    assert body["count"] == len(body["results"]) == 8
    assert body["results"][0] == {
        "id": 12345,
        "name": "web-server-01",
        "hostname": "web01.example.com",
        "status": "active",
        "ip_address": "203.0.113.10",
        "location": "us-west",
        "plan": {"id": 1, "name": "Standard VPS", "vcpus": 2, "memory": 4096, "storage": 80},
        "os": {"id": 5, "name": "Ubuntu 22.04 LTS"},
        "created_at": "2025-01-10T14:30:00Z",
        "updated_at": "2025-01-15T10:20:00Z",
    }


def test_each_entry_has_the_keys_of_the_list(api: Api) -> None:
    """documented: no IPv6, backups, usage or bandwidth in the list."""
    for entry in api.get("/servers/").json()["results"]:
        assert list(entry) == KEYS
        assert list(entry["plan"]) == ["id", "name", "vcpus", "memory", "storage"]
        assert list(entry["os"]) == ["id", "name"]


def test_it_filters_by_status(api: Api) -> None:
    """documented: status is active, stopped or suspended."""
    counts = {
        status: {entry["status"] for entry in api.get("/servers/", status=status).json()["results"]}
        for status in ("active", "stopped", "suspended")
    }
    assert counts == {one: {one} for one in ("active", "stopped", "suspended")}


def test_it_filters_by_location(api: Api) -> None:
    """documented: location is a datacentre's code."""
    body = api.get("/servers/", location="us-east").json()
    assert body["count"] == 2
    assert {entry["location"] for entry in body["results"]} == {"us-east"}


def test_both_filters_hold_together(api: Api) -> None:
    """guess: both must fit."""
    body = api.get("/servers/", location="us-west", status="stopped").json()
    assert [entry["name"] for entry in body["results"]] == ["staging-app"]


def test_an_unknown_filter_value_finds_nothing(api: Api) -> None:
    """guess: no 400 is documented for the list."""
    assert api.get("/servers/", status="melting").json() == {"count": 0, "results": []}
    assert api.get("/servers/", location="moon").json() == {"count": 0, "results": []}


def test_the_filter_sees_states_on_the_way(api: Api) -> None:
    """guess: any status word can be asked for."""
    api.post("/servers/12345/stop/")
    assert api.get("/servers/", status="stopping").json()["count"] == 1


def test_the_address_is_null_while_provisioning(api: Api) -> None:
    """documented: ip_address is null while provisioning."""
    server_id = api.post("/servers/", NEW_EAST).json()["id"]
    entries = {entry["id"]: entry for entry in api.get("/servers/").json()["results"]}
    assert entries[server_id]["status"] == "provisioning"
    assert entries[server_id]["ip_address"] is None


def test_it_lists_the_servers_of_the_tokens_account_only(
    api_as: Callable[[str | None], Api],
) -> None:
    """documented: the servers of your account."""
    names = [entry["name"] for entry in api_as(GLOBEX).get("/servers/").json()["results"]]
    assert names == ["globex-api", "globex-lab"]


def test_it_requires_a_token(api_as: Callable[[str | None], Api]) -> None:
    """documented: 401, missing API token."""
    assert api_as(None).get("/servers/").status_code == 401


def test_a_read_only_token_may_list(api_as: Callable[[str | None], Api]) -> None:
    """guess: the permission servers:read."""
    assert api_as(READ_ONLY).get("/servers/").status_code == 200


def test_it_holds_many(api: Api, provider: Sandbox) -> None:
    """documented: no paging."""
    provider.world.add_servers(300)
    body = api.get("/servers/").json()
    assert body["count"] == len(body["results"]) == 308
    assert len({entry["ip_address"] for entry in body["results"]}) == 308


NEW_EAST = {"name": "east", "plan_id": 1, "os_id": 5, "location": "us-east"}
