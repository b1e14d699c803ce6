import pytest
import requests

from controlpanel.sandbox.server import Sandbox
from tests.sandbox.api import GLOBEX, NEW, Api


def test_it_tells_how_things_stand(api: Api) -> None:
    body = api.control("GET", "/").json()
    assert body["accounts"]["acme"] == {"credit": 125.0, "servers": 8}
    assert body["settings"]["dialect"] == "documented"
    assert {token["name"] for token in body["tokens"]} >= {"acme-owner", "globex-owner"}
    assert "vps_" not in api.control("GET", "/").text


def test_the_clock_can_be_advanced(api: Api) -> None:
    server_id = api.post("/servers/", NEW).json()["id"]
    assert api.control("POST", "/clock", {"advance": 25}).json()["offset"] == 25
    assert api.status(server_id) == "active"


def test_a_server_can_be_added_outside_the_panel(api: Api) -> None:
    given = {"name": "surprise", "status": "restoring", "location": "eu-north", "plan_id": 2}
    made = api.control("POST", "/servers", given)
    assert made.status_code == 201
    one = api.get(f"/servers/{made.json()['id']}/").json()
    assert (one["name"], one["status"], one["plan"]["id"]) == ("surprise", "restoring", 2)


def test_a_server_can_be_added_to_another_account(api: Api) -> None:
    made = api.control("POST", "/servers", {"account": "globex"}).json()
    assert api.get(f"/servers/{made['id']}/").status_code == 404
    assert Api(api.origin, GLOBEX).get(f"/servers/{made['id']}/").status_code == 200


def test_many_servers_can_be_added(api: Api) -> None:
    assert api.control("POST", "/servers", {"count": 500}).json() == {"count": 500, "first": 12355}
    assert api.get("/servers/").json()["count"] == 508


def test_a_server_can_be_changed_outside_the_panel(api: Api) -> None:
    before = api.get("/servers/12345/").json()
    changes = {"name": "<b>x</b>", "status": "suspended", "ip_address": None}
    assert api.control("PATCH", "/servers/12345", changes).status_code == 200
    after = api.get("/servers/12345/").json()
    assert {key: after[key] for key in changes} == changes
    assert after["updated_at"] > before["updated_at"]


def test_a_server_can_be_removed_outside_the_panel(api: Api) -> None:
    assert api.control("DELETE", "/servers/12345").status_code == 204
    assert api.get("/servers/12345/").status_code == 404
    assert api.control("DELETE", "/servers/12345").status_code == 404


def test_credit_can_be_set(api: Api) -> None:
    assert api.control("POST", "/credit", {"account": "acme", "amount": 9.99}).json() == {
        "account": "acme",
        "credit": 9.99,
    }
    assert api.post("/servers/", NEW).status_code == 402
    api.control("POST", "/credit", {"amount": 10})
    assert api.post("/servers/", NEW).status_code == 201


def test_tokens_can_be_added_and_changed(api: Api) -> None:
    value = "vps_canary_token_0123456789"
    made = api.control("POST", "/tokens", {"token": value, "name": "canary", "account": "globex"})
    assert (made.status_code, value in made.text) == (201, False)
    canary = Api(api.origin, value)
    assert canary.get("/servers/").json()["count"] == 2
    api.control("PATCH", "/tokens/canary", {"permissions": ["servers:read"]})
    assert canary.post("/servers/", NEW).status_code == 403
    api.control("PATCH", "/tokens/canary", {"revoked": True})
    assert canary.get("/servers/").status_code == 401


def test_settings_can_be_changed(api: Api) -> None:
    assert api.control("POST", "/settings", {"root_password": "canary"}).status_code == 200
    assert api.get("/servers/12345/").json()["password"] == "canary"
    api.control("POST", "/settings", {"dialect": "second", "catalogue": False})
    assert "uuid" in api.get("/servers/").json()["results"][0]
    assert api.get("/plans/").status_code == 404
    assert "canary" not in api.control("GET", "/").text


def test_reset_is_as_a_first_start(api: Api, provider: Sandbox) -> None:
    api.control("POST", "/settings", {"dialect": "second", "provision_seconds": 1})
    api.control("POST", "/servers", {"count": 5})
    api.control("POST", "/credit", {"amount": 0})
    api.control("POST", "/clock", {"advance": 5000})
    provider.fault("status", status=500)
    assert api.control("POST", "/reset").status_code == 204
    assert api.get("/servers/").json()["count"] == 8
    assert provider.world.settings.provision_seconds == 20
    assert provider.world.offset == 0
    assert api.post("/servers/", NEW).json()["id"] == 12355


@pytest.mark.parametrize(
    ("method", "path", "data"),
    [
        ("POST", "/credit", {"amount": "much"}),
        ("POST", "/credit", {}),
        ("POST", "/clock", {"advance": None}),
        ("POST", "/settings", {"dialect": "third"}),
        ("POST", "/settings", {"colour": 1}),
        ("POST", "/settings", {"catalogue": "no"}),
        ("POST", "/servers", {"colour": 1}),
        ("POST", "/servers", {"plan_id": 99}),
        ("POST", "/servers", {"id": 12345}),
        ("PATCH", "/servers/12345", {"created_at": "yesterday"}),
        ("PATCH", "/servers/12345", {"account": "globex"}),
        ("POST", "/tokens", {}),
        ("POST", "/tokens", {"token": "x", "permissions": "all"}),
        ("POST", "/reset", ["no", "object"]),
    ],
)
def test_what_cannot_be_is_refused(api: Api, method: str, path: str, data: object) -> None:
    answer = api.control(method, path, data)
    assert (answer.status_code, list(answer.json())) == (400, ["detail"])


@pytest.mark.parametrize(
    ("method", "path", "data"),
    [
        ("GET", "/nothing", None),
        ("PUT", "/servers", {}),
        ("PATCH", "/servers/99999", {}),
        ("PATCH", "/servers/x", {}),
        ("PATCH", "/tokens/nobody", {}),
        ("POST", "/credit", {"account": "nobody", "amount": 1}),
        ("POST", "/servers", {"account": "nobody"}),
    ],
)
def test_what_is_not_there_is_not_found(api: Api, method: str, path: str, data: object) -> None:
    assert api.control(method, path, data).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}],
)
def test_a_web_page_cannot_use_it(api: Api, headers: dict[str, str]) -> None:
    """By a form of its own, or by a name that it lets point to this machine."""
    assert api.control("POST", "/reset", headers=headers).status_code == 403


def test_it_can_be_switched_off() -> None:
    with Sandbox(control_door=False) as sandbox:
        answer = requests.get(f"{sandbox.url}/_sandbox/", timeout=5)
        assert answer.status_code == 404
        assert requests.post(f"{sandbox.url}/_sandbox/reset", timeout=5).status_code == 404
