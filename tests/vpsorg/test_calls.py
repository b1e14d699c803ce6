"""Every call of the client against the sandbox over HTTP."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest

from controlpanel.lib import request_id
from controlpanel.lib.secret import Secret
from controlpanel.sandbox.server import Sandbox
from controlpanel.vpsorg.client import Client
from controlpanel.vpsorg.errors import (
    Ambiguous,
    BadRequest,
    Forbidden,
    NeverSent,
    NotFound,
    PaymentRequired,
    Unauthorized,
)

READ_ONLY = "vps_sandbox_acme_readonly_01"
REVOKED = "vps_sandbox_acme_revoked_001"
NEW: dict[str, Any] = {"name": "web-9", "plan_id": 1, "os_id": 5, "location": "us-west"}
STOPPED = "12348"


def test_list_servers_works(client: Client) -> None:
    listing = client.list_servers()
    assert [server.id for server in listing.servers] == [str(12345 + n) for n in range(8)]
    assert (listing.count, listing.complete, listing.dialect) == (8, True, "documented")
    assert listing.servers[0].name == "web-server-01"
    assert listing.answer.status == 200


def test_list_servers_filters(client: Client) -> None:
    stopped = client.list_servers(status="stopped", location="us-west")
    assert [server.name for server in stopped.servers] == ["staging-app"]


def test_create_server_works(client: Client, sandbox: Sandbox) -> None:
    answer = client.create_server({**NEW, "backups_enabled": True})
    assert answer.server is not None
    assert (answer.server.name, answer.server.status) == ("web-9", "provisioning")
    assert answer.server.ip_address is None
    assert answer.server.backups_enabled is True
    assert answer.answer.status == 201
    assert "provisioned" in answer.answer.words
    [sent] = sandbox.changes()
    assert (sent.method, sent.path) == ("POST", "/api/v1/servers/")


def test_create_server_tells_fields_that_are_wrong(client: Client) -> None:
    with pytest.raises(BadRequest) as refused:
        client.create_server({**NEW, "name": "no spaces here", "plan_id": 99})
    assert set(refused.value.fields) == {"name", "plan_id"}
    assert refused.value.sent == "refused"


def test_create_server_without_credit(client: Client, sandbox: Sandbox) -> None:
    sandbox.world.accounts["acme"].credit = 0
    with pytest.raises(PaymentRequired) as refused:
        client.create_server(NEW)
    assert refused.value.words == "Insufficient credit"


def test_get_server_works(client: Client) -> None:
    server = client.get_server("12345").server
    assert server is not None
    assert server.ipv6_address == "2001:0db8::1"
    assert server.usage is not None
    assert server.plan is not None
    assert server.plan.bandwidth == 2048


def test_get_server_that_is_not_there(client: Client) -> None:
    with pytest.raises(NotFound):
        client.get_server("99999")


def test_replace_server_works(client: Client, sandbox: Sandbox) -> None:
    body = {"name": "renamed", "hostname": "r.example.com", "backups_enabled": False}
    answer = client.replace_server("12345", body)
    assert answer.server is not None
    assert answer.server.name == "renamed"
    [sent] = sandbox.changes("PUT")
    assert sent.path == "/api/v1/servers/12345/"


def test_update_server_works(client: Client, sandbox: Sandbox) -> None:
    answer = client.update_server("12345", {"name": "renamed"})
    assert answer.server is not None
    assert answer.server.name == "renamed"
    [sent] = sandbox.changes("PATCH")
    assert sent.body == {"name": "renamed"}


@pytest.mark.parametrize(("status", "body"), [(204, None), (202, None), (200, {"message": "ok"})])
def test_update_server_needs_no_answer(
    client: Client, sandbox: Sandbox, status: int, body: Any
) -> None:
    sandbox.fault("status", "PATCH", status=status, body=body, apply=True)
    assert client.update_server("12345", {"name": "renamed"}).server is None


def test_delete_server_works(client: Client, sandbox: Sandbox) -> None:
    assert client.delete_server("12345").status == 204
    with pytest.raises(NotFound):
        client.delete_server("12345")


def test_start_server_works(client: Client) -> None:
    answer = client.start_server(STOPPED)
    assert answer.server_status == "starting"
    assert answer.answer.words == "Server is starting"


def test_start_server_that_runs(client: Client) -> None:
    with pytest.raises(BadRequest):
        client.start_server("12345")


def test_stop_server_works(client: Client) -> None:
    assert client.stop_server("12345").server_status == "stopping"


@pytest.mark.parametrize("status", [202, 204])
def test_stop_server_takes_any_success(client: Client, sandbox: Sandbox, status: int) -> None:
    """documented: an answer, but no status."""
    sandbox.fault("status", "POST", "stop", status=status, apply=True)
    answer = client.stop_server("12345")
    assert (answer.server_status, answer.answer.status) == (None, status)


def test_reboot_server_works(client: Client) -> None:
    assert client.reboot_server("12345").server_status == "rebooting"


def test_reboot_server_that_is_stopped(client: Client) -> None:
    with pytest.raises(BadRequest) as refused:
        client.reboot_server(STOPPED)
    assert refused.value.words


def test_account_works(client: Client) -> None:
    seen = client.account()
    assert seen.email == "ops@acme.example"
    assert seen.token_name == "acme-owner"
    assert seen.permissions == ("*:*",)


def test_plans_work(client: Client) -> None:
    [plan, *_rest] = client.plans().entries
    assert (plan.id, plan.name) == ("1", "Standard VPS")
    assert plan.data["memory"] == 4096
    assert "us-west" in plan.data["locations"]


def test_locations_work(client: Client) -> None:
    """Their id is the code, which is what create takes."""
    assert {"us-west", "eu-north"} <= {entry.id for entry in client.locations().entries}


def test_operating_systems_work(client: Client) -> None:
    systems = {entry.id: entry for entry in client.operating_systems().entries}
    assert systems["5"].name == "Ubuntu 22.04 LTS"
    assert systems["5"].data == {"family": "Ubuntu"}


def test_ssh_keys_work(client: Client) -> None:
    assert [key.name for key in client.ssh_keys().entries] == ["ops laptop", "deploy"]


def test_a_read_only_token_may_look_but_not_touch(sandbox: Sandbox) -> None:
    client = Client(sandbox.url, Secret(READ_ONLY))
    assert client.list_servers().servers
    with pytest.raises(Forbidden):
        client.reboot_server("12345")


def test_a_revoked_token_is_unauthorized(sandbox: Sandbox) -> None:
    with pytest.raises(Unauthorized):
        Client(sandbox.url, Secret(REVOKED)).list_servers()


def test_the_request_id_goes_along(client: Client, sandbox: Sandbox) -> None:
    with request_id.bound("abcdef-123456"):
        client.list_servers()
    assert sandbox.journal.entries()[-1].request_id == "abcdef-123456"


@pytest.mark.parametrize("hostile", ["short", "with\r\nheader: x", "ü" * 12])
def test_a_strange_request_id_stays_at_home(client: Client, sandbox: Sandbox, hostile: str) -> None:
    with request_id.bound(hostile):
        client.list_servers()
    assert sandbox.journal.entries()[-1].request_id == ""


@pytest.mark.parametrize(
    "server_id",
    ["..", ".", "", "a/b", "1/../2", "%2e%2e", "1?x", "1#x", "1;x", " 1", "1\n", "ü", "a" * 65],
)
def test_an_id_cannot_change_the_path(client: Client, sandbox: Sandbox, server_id: str) -> None:
    body = {"name": "x", "hostname": "x.example.com", "backups_enabled": False}
    sandbox.journal.clear()
    for call in (
        client.get_server,
        client.delete_server,
        client.start_server,
        client.stop_server,
        client.reboot_server,
        lambda one: client.update_server(one, body),
        lambda one: client.replace_server(one, body),
    ):
        with pytest.raises(NeverSent) as error:
            call(server_id)
        assert error.value.code == "bad_id"
    assert not sandbox.journal.entries()


def test_a_uuid_is_an_id(client: Client) -> None:
    with pytest.raises(NotFound):
        client.get_server("0b0e7c0a-97f5-4b0e-8a53-2f4f3a3f0c11")


def test_read_passes_the_answer_on(client: Client, sandbox: Sandbox) -> None:
    body = '{"b": 1.50,  "a": [{"new_field": null}]}'
    sandbox.fault("status", "GET", "/plans/$", status=200, body=body)
    assert client.read("/plans/", "location=us-west").content == body.encode()
    assert sandbox.journal.entries()[-1].query == {"location": "us-west"}


@pytest.mark.parametrize(
    "body",
    [
        '{"id": 1, "root_password": "hunter22"}',
        '{"id": 1, "pass\\u0077ord": "hunter22"}',
        '{"id": 1, "note": "vps_sandbox_acme_owner_0001"}',
        '{"id": 1, "note": "vps_sandbox_acme_owner_000\\u0031"}',
    ],
)
def test_read_drops_passwords_and_the_token(client: Client, sandbox: Sandbox, body: str) -> None:
    sandbox.fault("status", "GET", "/plans/$", status=200, body=body)
    content = client.read("/plans/").content
    assert b"hunter22" not in content
    assert b"owner_0001" not in content
    assert json.loads(content)["id"] == 1


@pytest.mark.parametrize("body", ["<html>", "", "{", '{"a": NaN'])
def test_read_refuses_what_is_no_json(client: Client, sandbox: Sandbox, body: str) -> None:
    sandbox.fault("status", "GET", "/plans/$", status=200, body=body)
    with pytest.raises(Ambiguous):
        client.read("/plans/")


def test_every_method_has_a_test() -> None:
    methods = [
        name
        for name, _value in inspect.getmembers(Client, inspect.isfunction)
        if not name.startswith("_")
    ]
    tests = re.findall(r"^def test_(\w+)", Path(__file__).read_text(encoding="utf-8"), re.MULTILINE)
    untested = [name for name in methods if not any(test.startswith(name) for test in tests)]
    assert len(methods) >= 14
    assert untested == []
