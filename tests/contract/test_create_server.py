from collections.abc import Callable

import pytest

from controlpanel.sandbox.server import Sandbox
from tests.sandbox.api import GLOBEX, NEW, READ_ONLY, Api

KEYS = [
    "id", "name", "hostname", "status", "ip_address", "location", "plan", "os",
    "backups_enabled", "created_at", "updated_at", "message",
]  # fmt: skip


def test_it_works(api: Api) -> None:
    """documented: 201, the example request and its answer."""
    wanted = NEW | {"hostname": "web02.example.com", "backups_enabled": True}
    answer = api.post("/servers/", wanted)
    assert answer.status_code == 201
    body = answer.json()
    assert list(body) == KEYS
    assert body["created_at"] == body["updated_at"]
    del body["created_at"], body["updated_at"]
    assert body == {
        "id": 12355,
        "name": "web-server-02",
        "hostname": "web02.example.com",
        "status": "provisioning",
        "ip_address": None,
        "location": "us-west",
        "plan": {"id": 1, "name": "Standard VPS", "vcpus": 2, "memory": 4096, "storage": 80},
        "os": {"id": 5, "name": "Ubuntu 22.04 LTS"},
        "backups_enabled": True,
        "message": "Server is being provisioned. This may take 2-5 minutes.",
    }


def test_the_optional_fields_may_be_missing(api: Api) -> None:
    """documented: hostname, ssh_key_id optional; backups default to false. guess: hostname ''."""
    body = api.post("/servers/", NEW).json()
    assert body["backups_enabled"] is False
    assert body["hostname"] == ""


def test_it_becomes_active_and_gets_its_addresses(api: Api, provider: Sandbox) -> None:
    """documented: provisioning first; an active server has an address. guess: how long it takes."""
    server_id = api.post("/servers/", NEW).json()["id"]
    provider.advance(18)
    assert api.status(server_id) == "provisioning"
    provider.advance(2)
    body = api.get(f"/servers/{server_id}/").json()
    assert body["status"] == "active"
    assert body["ip_address"] == "203.0.113.20"
    assert body["ipv6_address"].startswith("2001:0db8::")
    assert body["updated_at"] > body["created_at"]


def test_it_answers_provisioning_even_when_that_takes_no_time(api: Api, provider: Sandbox) -> None:
    """documented: the answer's status is provisioning, its ip_address null."""
    provider.world.settings.provision_seconds = 0
    body = api.post("/servers/", NEW).json()
    assert (body["status"], body["ip_address"]) == ("provisioning", None)
    assert api.status(body["id"]) == "active"


@pytest.mark.parametrize("name", ["name", "plan_id", "os_id", "location"])
def test_it_rejects_a_missing_field(api: Api, name: str) -> None:
    """documented: required, 400. guess: the form of the answer."""
    answer = api.post("/servers/", {key: NEW[key] for key in NEW if key != name})
    assert answer.status_code == 400
    assert answer.json() == {name: ["This field is required."]}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "web server"),
        ("name", "web_server"),
        ("name", "wéb"),
        ("name", ""),
        ("name", 7),
        ("plan_id", "1"),
        ("plan_id", True),
        ("plan_id", 999),
        ("plan_id", 5),
        ("os_id", 999),
        ("os_id", None),
        ("location", "moon"),
        ("location", "sa-east"),
        ("location", 1),
        ("hostname", "not a name"),
        ("hostname", "single"),
        ("ssh_key_id", 999),
        ("ssh_key_id", "1"),
        ("backups_enabled", "yes"),
        ("backups_enabled", None),
    ],
)
def test_it_rejects_an_invalid_field(api: Api, provider: Sandbox, name: str, value: object) -> None:
    """documented: types, letters-digits-hyphens, FQDN, 400. guess: all the finer points."""
    answer = api.post("/servers/", NEW | {name: value})
    assert answer.status_code == 400
    assert list(answer.json()) == [name]
    assert isinstance(answer.json()[name][0], str)
    assert api.get("/servers/").json()["count"] == 8


def test_all_that_is_wrong_is_said_at_once(api: Api) -> None:
    """guess: one answer names every field."""
    assert sorted(api.post("/servers/", {"name": "?"}).json()) == [
        "location", "name", "os_id", "plan_id",
    ]  # fmt: skip


def test_a_plan_is_not_sold_everywhere(api: Api) -> None:
    """guess: by the plan's `locations`."""
    answer = api.post("/servers/", NEW | {"plan_id": 4, "location": "ap-southeast"})
    assert (answer.status_code, list(answer.json())) == (400, ["location"])


def test_it_takes_an_ssh_key_of_the_account(api: Api) -> None:
    """documented: ssh_key_id, one key. guess: that it marks the key as used."""
    assert api.post("/servers/", NEW | {"ssh_key_id": 1}).status_code == 201
    assert api.get("/ssh-keys/").json()["results"][0]["last_used_at"] is not None


def test_it_rejects_another_accounts_ssh_key(api: Api) -> None:
    """guess: a foreign key does not exist."""
    assert list(api.post("/servers/", NEW | {"ssh_key_id": 3}).json()) == ["ssh_key_id"]


def test_two_servers_may_share_a_name(api: Api) -> None:
    """guess: names are not unique."""
    first, second = (api.post("/servers/", NEW).json()["id"] for _ in range(2))
    assert first != second


def test_the_account_can_afford_a_dozen(api: Api) -> None:
    """documented: 402, insufficient credit. guess: a plan's monthly price is taken."""
    for _ in range(12):
        assert api.post("/servers/", NEW).status_code == 201
    answer = api.post("/servers/", NEW)
    assert answer.status_code == 402
    assert answer.json() == {"detail": "Insufficient credit"}
    assert api.get("/servers/").json()["count"] == 20


def test_a_deleted_server_frees_its_price(api: Api, provider: Sandbox) -> None:
    """guess: the credit returns."""
    provider.world.accounts["acme"].credit = 1000
    server_id = api.post("/servers/", NEW).json()["id"]
    assert api.post("/servers/", NEW).status_code == 402
    api.delete(f"/servers/{server_id}/")
    assert api.post("/servers/", NEW).status_code == 201


def test_accounts_pay_for_themselves(
    api: Api, provider: Sandbox, api_as: Callable[[str | None], Api]
) -> None:
    """documented: your account. guess: ids are counted over all accounts."""
    provider.world.accounts["acme"].credit = 0
    assert api.post("/servers/", NEW).status_code == 402
    assert api_as(GLOBEX).post("/servers/", NEW).json()["id"] == 12355


def test_it_requires_a_token(api_as: Callable[[str | None], Api]) -> None:
    """documented: 401."""
    assert api_as(None).post("/servers/", NEW).status_code == 401


def test_it_requires_more_than_reading(api_as: Callable[[str | None], Api]) -> None:
    """guess: 403."""
    assert api_as(READ_ONLY).post("/servers/", NEW).status_code == 403


@pytest.mark.parametrize("body", [b"{", b"", b"\xff\xfe", b"[" * 100_000])
def test_it_rejects_a_body_that_is_no_json(api: Api, body: bytes) -> None:
    """documented: 400, invalid parameters. guess: the text."""
    answer = api("POST", "/servers/", data=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, list(answer.json())) == (400, ["detail"])


def test_it_rejects_a_body_that_is_no_object(api: Api) -> None:
    """guess: non_field_errors."""
    answer = api.post("/servers/", [NEW])
    assert (answer.status_code, list(answer.json())) == (400, ["non_field_errors"])


def test_it_rejects_a_body_of_another_type(api: Api) -> None:
    """documented: Content-Type application/json. guess: else 415."""
    assert api("POST", "/servers/", data={"name": "x"}).status_code == 415
