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
NOTHING_DONE: list[dict[str, Any]] = [
    {"success": False, "message": "Nothing was done."},
    {"success": False, "error": "No changes were made."},
    {"ok": False, "detail": "The server was not started."},
    {"error": "Insufficient credit: the server was not created"},
    {"error": {"code": 7, "message": "Host in maintenance. No action was taken."}},
    {"errors": ["Locked.", "Nothing has been changed."]},
    {"errors": [{"message": "The request was not executed."}]},
    {"success": False, "changed": False},
    {"success": "false", "performed": False, "message": "busy"},
    {"success": 0, "message": "The server wasn\u2019t rebooted."},
    {"error": "Server is already running"},
    {"error": "Server is not running"},
    {"success": False, "reason": "Quota", "note": "The server was left unchanged."},
]
UNCLEAR: list[dict[str, Any]] = [
    {"success": False},
    {"ok": False, "message": "busy"},
    {"error": "Internal error"},
    {"error": True},
    {"errors": {"name": ["Taken."]}},
    {"errors": [None, "x"]},
    {"success": False, "message": "Server not found"},
    {"success": True, "error": "The disk could not be attached."},
    {"error": "Timed out; nothing was done, as far as is known, but it may still start."},
    {"error": "It is unknown whether the server was not created."},
    {"error": "The server was not fully deleted."},
    {"error": "Not all changes were applied; the name was not changed."},
    {"error": "The server was not created yet."},
    {"success": False, "changed": False, "created": True},
    {"ok": "no"},
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
    {"message": "Error-free. Nothing was done twice."},
    {"warnings": ["not running"]},
    {"changed": False},
    {"server": {"error": "x"}},
]


@pytest.mark.parametrize("body", NOTHING_DONE, ids=json.dumps)
def test_it_failed_and_nothing_was_done(body: dict[str, Any]) -> None:
    assert inner_failure.verdict(body, outer_status=True) == "nothing_done"
    assert inner_failure.verdict({**SERVER, **body}, outer_status=False) == "nothing_done"


@pytest.mark.parametrize("body", UNCLEAR, ids=json.dumps)
def test_it_failed_and_nobody_knows_what_was_done(body: dict[str, Any]) -> None:
    assert inner_failure.verdict(body, outer_status=True) == "unclear"
    assert inner_failure.verdict({**SERVER, **body}, outer_status=False) == "unclear"


@pytest.mark.parametrize("body", FINE, ids=json.dumps)
def test_it_means_nothing(body: dict[str, Any]) -> None:
    assert inner_failure.verdict(body, outer_status=True) is None
    assert inner_failure.verdict({**SERVER, **body}, outer_status=False) is None


@pytest.mark.parametrize("body", [None, [], "error", 7, True])
def test_what_is_no_object_says_nothing(body: Any) -> None:
    assert inner_failure.verdict(body, outer_status=True) is None


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
