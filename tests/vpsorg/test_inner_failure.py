"""What a success code is worth when the words beside it say no."""

import json
from typing import Any

import pytest

from controlpanel.sandbox.server import Sandbox
from controlpanel.vpsorg import inner_failure
from controlpanel.vpsorg.client import Client
from controlpanel.vpsorg.errors import ApiError
from tests.vpsorg.test_outcomes import CALLS

CHANGES = ("create", "replace", "update", "delete", "start", "stop", "reboot")
SERVER = {"id": 12345, "name": "web-server-01", "status": "active"}
KINDS = ("create", "update", "delete", "start", "stop", "reboot")
# With what was asked for; none: whatever it was.
NOTHING_DONE: list[tuple[dict[str, Any], str]] = [
    ({"success": False, "message": "Nothing was done."}, ""),
    ({"success": False, "error": "No changes were made."}, ""),
    ({"ok": False, "detail": "The server was not started."}, "start"),
    ({"error": "Insufficient credit: the server was not created"}, "create"),
    ({"error": {"code": 7, "message": "Host in maintenance. No action was taken."}}, ""),
    ({"errors": ["Locked.", "Nothing has been changed."]}, ""),
    ({"errors": [{"message": "The request was not executed."}]}, ""),
    ({"success": False, "changed": False}, ""),
    ({"success": "false", "performed": False, "message": "busy"}, ""),
    ({"success": 0, "message": "The server wasn\u2019t rebooted."}, "reboot"),
    ({"error": "Server is already running"}, "start"),
    ({"error": "Server is not running"}, "reboot"),
    ({"error": "not running"}, "stop"),
    ({"success": False, "reason": "Quota", "note": "The server was left unchanged."}, ""),
    ({"Success": False, "Message": "NOTHING WAS DONE"}, ""),
    ({"ERROR": "Locked: the operation was not performed."}, ""),
    ({"success": False, "created": False}, "create"),
    ({"success": False, "message": "VM 'web' was not deleted: it is protected."}, "delete"),
    ({"success": False, "message": "Server web-01 has not been updated."}, "update"),
    ({"success": False, "error": "No new servers were created."}, "create"),
    ({"success": False, "error": "Server not created: quota."}, "create"),
    ({"success": False, "error": "Nothing happened."}, ""),
    ({"success": False, "error": "No operation was started."}, ""),
    ({"success": False, "error": "No server was created"}, "create"),
    ({"success": False, "error": "Maintenance: your request was not sent."}, ""),
    ({"success": False, "error": "The vps web-01 hasn't been stopped."}, "stop"),
    ({"success": False, "error": "No changes were made to your account."}, ""),
    ({"success": False, "error": "Quota reached, so the server was not created."}, "create"),
    ({"success": False, "error": "The server is stopped. Nothing was done."}, ""),
]
UNCLEAR: list[tuple[dict[str, Any], str]] = [
    ({"success": False}, ""),
    ({"ok": False, "message": "busy"}, ""),
    ({"error": "Internal error"}, ""),
    ({"error": True}, ""),
    ({"errors": {"name": ["Taken."]}}, ""),
    ({"errors": [None, "x"]}, ""),
    ({"success": False, "message": "Server not found"}, ""),
    ({"success": True, "error": "The disk could not be attached."}, ""),
    ({"error": "Timed out; nothing was done, as far as is known, but it may still start."}, ""),
    ({"error": "It is unknown whether the server was not created."}, ""),
    ({"error": "The server was not fully deleted."}, ""),
    ({"error": "Not all changes were applied; the name was not changed."}, ""),
    ({"error": "The server was not created yet."}, ""),
    ({"success": False, "changed": False, "created": True}, ""),
    ({"ok": "no"}, ""),
    ({"SUCCESS": False}, ""),
    ({"Errors": ["x"]}, ""),
    # It was done, and something besides was not.
    ({"error": "The server was created. The DNS record was not created."}, ""),
    ({"error": "The server was created. No changes were made to the firewall."}, ""),
    ({"error": "Server created; nothing was changed."}, ""),
    ({"success": False, "applied": False, "message": "The server was created."}, ""),
    ({"error": "The DNS record was not created."}, ""),
    ({"error": "Backups were not changed."}, ""),
    ({"error": "The server was not started."}, "create"),
    ({"success": False, "started": False}, "create"),
    ({"success": False, "rebooted": False}, "update"),
    ({"error": "Server is not running"}, "create"),
    ({"error": "Server is not running"}, "start"),
    ({"error": "A backup of this server is already running"}, ""),
    ({"error": "The backup of the server was not created"}, ""),
    ({"error": "No changes were made to the firewall."}, ""),
    ({"error": "Nothing was changed in your DNS zone."}, ""),
    ({"error": "The provisioning worker is not running"}, ""),
    ({"error": "No further changes were made."}, ""),
    ({"error": "No DNS changes were made."}, ""),
    ({"error": "No backup server was created."}, ""),
    ({"error": "Nothing else was done."}, ""),
    ({"error": "Payment failed; nothing was charged."}, ""),
    ({"error": "The invoice was not sent."}, ""),
    ({"error": "The server is being created; nothing was done about its name."}, ""),
]
FINE: list[dict[str, Any]] = [
    {},
    {"success": True},
    {"success": None, "ok": None},
    {"ok": 1},
    {"error": None},
    {"error": False},
    {"error": ""},
    {"error": "  "},
    {"error": 0},
    {"errors": []},
    {"errors": {}},
    {"errors": {"name": [], "hostname": None}},
    {"errors": [None, "", {}]},
    {"error": "none"},
    {"error": "False"},
    {"errors": "null", "success": "true"},
    {"error": {"code": 0, "message": ""}},
    {"Success": True, "Error": None},
    {"message": "Error-free. Nothing was done twice."},
    {"warnings": ["not running"]},
    {"changed": False},
    {"server": {"error": "x"}},
]


def cases(table: list[tuple[dict[str, Any], str]]) -> list[tuple[dict[str, Any], str]]:
    return [(body, change) for body, only in table for change in ([only] if only else KINDS)]


@pytest.mark.parametrize(("body", "change"), cases(NOTHING_DONE), ids=json.dumps)
def test_it_failed_and_nothing_was_done(body: dict[str, Any], change: Any) -> None:
    assert inner_failure.verdict(body, change, outer_status=True) == "nothing_done"
    shown = {**SERVER, **body}
    assert inner_failure.verdict(shown, change, outer_status=False) == "nothing_done"


@pytest.mark.parametrize(("body", "change"), cases(UNCLEAR), ids=json.dumps)
def test_it_failed_and_nobody_knows_what_was_done(body: dict[str, Any], change: Any) -> None:
    assert inner_failure.verdict(body, change, outer_status=True) == "unclear"
    shown = {**SERVER, **body}
    assert inner_failure.verdict(shown, change, outer_status=False) == "unclear"


@pytest.mark.parametrize("body", FINE, ids=json.dumps)
def test_it_means_nothing(body: dict[str, Any]) -> None:
    assert inner_failure.verdict(body, "create", outer_status=True) is None
    assert inner_failure.verdict({**SERVER, **body}, "create", outer_status=False) is None


@pytest.mark.parametrize("body", [None, [], "error", 7, True])
def test_what_is_no_object_says_nothing(body: Any) -> None:
    assert inner_failure.verdict(body, "create", outer_status=True) is None


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ({**SERVER, "error": "Locked. Nothing was done."}, "refused"),
        ({**SERVER, "success": False, "message": "busy"}, "ambiguous"),
    ],
)
def test_every_change_hears_it(
    client: Client, sandbox: Sandbox, name: str, status: int, body: dict[str, Any], sent: str
) -> None:
    sandbox.fault("status", status=status, body=body)
    with pytest.raises(ApiError) as caught:
        CALLS[name](client)
    error = caught.value
    assert (error.sent, error.code, error.status) == (sent, "inner_failure", status)
    assert error.words in {"Locked. Nothing was done.", "busy"}
    assert json.loads(error.content) == body


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("status", [200, 201, 202])
def test_another_success_code_is_a_success(
    client: Client, sandbox: Sandbox, name: str, status: int
) -> None:
    body: dict[str, Any] = {**SERVER, "error": None, "errors": []}
    if name in {"start", "stop", "reboot"}:
        body = {"status": "success", "server": {"status": "active"}, "error": False}
    sandbox.fault("status", status=status, body=body)
    CALLS[name](client)


def test_reads_are_not_asked(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("status", status=200, body={**SERVER, "error": "A disk is slow."})
    CALLS["get"](client)
