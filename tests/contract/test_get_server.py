from collections.abc import Callable
from datetime import datetime

import pytest

from controlpanel.sandbox.server import Sandbox
from tests.sandbox.api import GLOBEX, NEW, Api

KEYS = [
    "id", "name", "hostname", "status", "ip_address", "ipv6_address", "location", "plan", "os",
    "backups_enabled", "resource_usage", "created_at", "updated_at",
]  # fmt: skip


def test_it_works(api: Api) -> None:
    """documented: 200, the richest object, this very server as the example."""
    answer = api.get("/servers/12345/")
    assert answer.status_code == 200
    body = answer.json()
    assert list(body) == KEYS
    assert body["ipv6_address"] == "2001:0db8::1"
    assert body["plan"] == {
        "id": 1,
        "name": "Standard VPS",
        "vcpus": 2,
        "memory": 4096,
        "storage": 80,
        "bandwidth": 2048,
    }
    assert body["backups_enabled"] is True
    assert body["created_at"] == "2025-01-10T14:30:00Z"


def test_the_types_are_those_of_the_page(api: Api) -> None:
    """documented: by the example."""
    body = api.get("/servers/12345/").json()
    usage = body["resource_usage"]
    assert list(usage) == ["cpu_percent", "memory_used", "disk_used", "bandwidth_used"]
    assert [type(value) for value in usage.values()] == [float, int, int, int]
    assert all(type(value) is int for key, value in body["plan"].items() if key != "name")
    assert datetime.fromisoformat(body["updated_at"]).tzinfo is not None


def test_usage_moves_and_stays_within_the_plan(api: Api, provider: Sandbox) -> None:
    """guess: the figures themselves."""
    seen = []
    for _ in range(30):
        provider.advance(600)
        seen.append(api.get("/servers/12345/").json()["resource_usage"])
    assert len({usage["cpu_percent"] for usage in seen}) > 10
    assert all(0 <= usage["cpu_percent"] <= 100 for usage in seen)
    assert all(0 < usage["memory_used"] <= 4096 for usage in seen)
    assert all(0 < usage["disk_used"] <= 80 for usage in seen)


def test_usage_is_the_same_for_the_same_server_and_time(
    api: Api, provider: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """guess: computed from both."""
    monkeypatch.setattr(provider.world, "time_source", lambda: 1_800_000_000.0)
    first, second = (api.get("/servers/12345/").json() for _ in range(2))
    assert first == second


def test_a_server_that_is_off_uses_nothing(api: Api) -> None:
    """guess: no processor and no memory."""
    usage = api.get("/servers/12348/").json()["resource_usage"]
    assert (usage["cpu_percent"], usage["memory_used"]) == (0.0, 0)


def test_addresses_are_null_while_provisioning(api: Api) -> None:
    """documented: ip_address null. guess: ipv6_address too, no usage yet."""
    server_id = api.post("/servers/", NEW).json()["id"]
    body = api.get(f"/servers/{server_id}/").json()
    assert (body["ip_address"], body["ipv6_address"]) == (None, None)
    assert list(body) == KEYS


def test_no_password_unless_it_is_switched_on(api: Api, provider: Sandbox) -> None:
    """guess: from a published client, which reads one in create and detail."""
    assert "password" not in api.get("/servers/12345/").json()
    provider.world.settings.root_password = "canary"
    assert api.get("/servers/12345/").json()["password"] == "canary"
    assert api.post("/servers/", NEW).json()["password"] == "canary"
    assert "canary" not in api.get("/servers/").text


@pytest.mark.parametrize("server_id", ["99999", "abc", "-1", "1" * 40, "%20", "１２３４５"])
def test_an_absent_server_is_not_found(api: Api, server_id: str) -> None:
    """documented: 404, server does not exist."""
    answer = api.get(f"/servers/{server_id}/")
    assert answer.status_code == 404
    assert answer.json() == {"detail": "Server does not exist"}


def test_another_accounts_server_is_not_found(api: Api) -> None:
    """guess: the same 404."""
    assert api.get("/servers/12353/").json() == {"detail": "Server does not exist"}


def test_its_own_account_finds_it(api_as: Callable[[str | None], Api]) -> None:
    """documented: your servers."""
    assert api_as(GLOBEX).get("/servers/12353/").status_code == 200


def test_it_requires_a_token(api_as: Callable[[str | None], Api]) -> None:
    """documented: 401."""
    assert api_as(None).get("/servers/12345/").status_code == 401
