import contextlib
import json
import time

import pytest
import requests

from controlpanel.sandbox.faults import HOSTILE, KINDS
from controlpanel.sandbox.server import Sandbox
from tests.sandbox.api import NEW, Api

STOP = "/servers/12345/stop/"


def count(api: Api) -> int:
    return int(api.get("/servers/").json()["count"])


@pytest.mark.parametrize("kind", ["drop_before", "reset", "hang"])
def test_no_answer_and_nothing_done(api: Api, provider: Sandbox, kind: str) -> None:
    provider.fault(kind, "POST", "/servers/$", seconds=0.05)
    with pytest.raises(requests.ConnectionError):
        api.post("/servers/", NEW)
    assert count(api) == 8
    [entry] = provider.changes()
    assert (entry.fault, entry.applied, entry.answered) == (kind, False, None)


def test_a_reset_is_a_reset(api: Api, provider: Sandbox) -> None:
    provider.fault("reset", "POST")
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        api.post("/servers/", NEW)


@pytest.mark.parametrize(
    ("kind", "options"),
    [("drop_after", {}), ("reset", {"apply": True}), ("hang", {"apply": True, "seconds": 0.05})],
)
def test_no_answer_but_done(
    api: Api, provider: Sandbox, kind: str, options: dict[str, object]
) -> None:
    provider.fault(kind, "POST", "/servers/$", **options)
    with pytest.raises(requests.ConnectionError):
        api.post("/servers/", NEW)
    assert count(api) == 9
    [entry] = provider.changes()
    assert (entry.fault, entry.applied, entry.answered) == (kind, True, None)


def test_a_connection_is_closed_before_it_is_read(api: Api, provider: Sandbox) -> None:
    provider.fault("accept_close")
    with pytest.raises(requests.ConnectionError):
        api.post("/servers/", NEW)
    assert provider.changes() == []
    assert count(api) == 8


def test_delay_does_it_and_answers_late(api: Api, provider: Sandbox) -> None:
    provider.fault("delay", "POST", STOP, seconds=30)
    with pytest.raises(requests.ReadTimeout):
        api("POST", STOP, timeout=0.2)
    assert api.status() == "stopping"
    provider.fault("delay", "GET", seconds=0.1)
    begin = time.monotonic()
    assert api.get("/servers/").status_code == 200
    assert time.monotonic() - begin >= 0.1


def test_late_does_it_after_a_while(api: Api, provider: Sandbox) -> None:
    provider.fault("late", "POST", STOP, seconds=0.6)
    with pytest.raises(requests.ReadTimeout):
        api("POST", STOP, timeout=0.1)
    assert api.status() == "active"
    _until(lambda: api.status() == "stopping")


def test_a_reset_of_the_sandbox_ends_what_is_held_back(api: Api, provider: Sandbox) -> None:
    provider.fault("late", "POST", STOP, seconds=0.4)
    with pytest.raises(requests.ReadTimeout):
        api("POST", STOP, timeout=0.1)
    provider.reset()
    time.sleep(0.4)
    assert api.status() == "active"


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (400, {"name": ["No."]}, {}),
        (403, {"detail": "No."}, {}),
        (409, {"error": "busy"}, {}),
        (422, ["a", "list"], {}),
        (429, {"detail": "Slow down."}, {"Retry-After": "7"}),
        (429, None, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}),
        (429, None, {"Retry-After": "soon"}),
        (500, "plain words", {}),
        (503, None, {}),
        (599, "<h1>Down</h1>", {"Content-Type": "text/html"}),
    ],
)
def test_any_status_body_and_headers(
    api: Api, provider: Sandbox, status: int, body: object, headers: dict[str, str]
) -> None:
    provider.fault("status", "POST", STOP, status=status, body=body, headers=headers)
    answer = api.post(STOP)
    assert answer.status_code == status
    if isinstance(body, dict | list):
        assert answer.json() == body
    else:
        assert answer.text == (body or "")
    assert headers.items() <= answer.headers.items()
    assert api.status() == "active"


def test_a_server_error_after_doing_it(api: Api, provider: Sandbox) -> None:
    provider.fault("status", "POST", STOP, status=502, apply=True)
    assert api.post(STOP).status_code == 502
    assert api.status() == "stopping"
    assert provider.changes()[0].applied


@pytest.mark.parametrize("status", [301, 302, 307])
def test_redirects(api: Api, provider: Sandbox, status: int) -> None:
    target = "https://elsewhere.example/api/v1/servers/"
    provider.fault("redirect", "POST", status=status, location=target)
    answer = api.post("/servers/", NEW)
    assert (answer.status_code, answer.headers["Location"]) == (status, target)
    assert count(api) == 8


@pytest.mark.parametrize("kind", ["garbage", "html", "empty"])
def test_a_success_that_is_no_json(api: Api, provider: Sandbox, kind: str) -> None:
    provider.fault(kind, "POST", "/servers/$")
    answer = api.post("/servers/", NEW)
    assert answer.status_code == 201
    with pytest.raises(requests.JSONDecodeError):
        answer.json()
    assert count(api) == 9


def test_a_body_that_is_cut_off(api: Api, provider: Sandbox) -> None:
    provider.fault("truncated", "POST", "/servers/$")
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        api.post("/servers/", NEW)
    assert count(api) == 9


def test_a_body_that_drips(api: Api, provider: Sandbox) -> None:
    provider.fault("drip", "GET", seconds=0.3, interval=0.05)
    begin = time.monotonic()
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        api("GET", "/servers/", timeout=2)  # for each byte, as a client's read deadline is
    assert time.monotonic() - begin >= 0.25


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large(api: Api, provider: Sandbox, chunked: bool) -> None:
    provider.fault("oversize", "GET", size=2_000_000, chunked=chunked)
    answer = api.get("/servers/")
    assert len(answer.content) > 2_000_000
    assert ("Content-Length" in answer.headers) is not chunked
    assert answer.json()["results"] == []
    assert count(api) == 8


def test_an_answer_about_another_server(api: Api, provider: Sandbox) -> None:
    provider.fault("wrong_id", times=3)
    assert api.get("/servers/12345/").json()["id"] == 12346
    assert api.post(STOP).json()["server"]["id"] == 12346
    assert api.get("/servers/").json()["results"][0]["id"] == 12346
    provider.fault("wrong_id", id="../../x")
    assert api.get("/servers/12345/").json()["id"] == "../../x"


def test_fields_that_drift(api: Api, provider: Sandbox) -> None:
    provider.fault(
        "rewrite",
        times=None,
        set={"status": "melting", "plan": None, "colour": {"deep": 1}},
        remove=["hostname", "os"],
        top={"next": "https://elsewhere.example/"},
    )
    body = api.get("/servers/").json()
    assert body["next"] == "https://elsewhere.example/"
    for one in (api.get("/servers/12345/").json(), body["results"][3]):
        assert (one["status"], one["plan"], one["colour"]) == ("melting", None, {"deep": 1})
        assert not {"hostname", "os"} & one.keys()
    assert api.post(STOP).json()["server"]["status"] == "melting"


@pytest.mark.parametrize("text", sorted(HOSTILE))
def test_hostile_words(api: Api, provider: Sandbox, text: str) -> None:
    provider.fault("hostile", text=text, times=None)
    one = api.get("/servers/12345/").json()
    assert one["name"] == one["hostname"] == one["plan"]["name"] == one["os"]["name"]
    assert one["name"] == HOSTILE[text]
    assert api.post("/servers/12348/reboot/").json()["detail"] == HOSTILE[text]


def test_what_never_ends(api: Api, provider: Sandbox) -> None:
    provider.fault("stuck", "POST", "/servers/$")
    server_id = api.post("/servers/", NEW).json()["id"]
    provider.advance(86400)
    assert api.status(server_id) == "provisioning"
    api.control("PATCH", f"/servers/{server_id}", {"stuck": False})
    assert api.status(server_id) == "active"


def test_a_list_that_is_stale(api: Api, provider: Sandbox) -> None:
    provider.fault("stale_list", "GET", "/servers/$", times=2)
    server_id = api.post("/servers/", NEW).json()["id"]
    api.delete("/servers/12345/")
    for _ in range(2):
        seen = [one["id"] for one in api.get("/servers/").json()["results"]]
        assert 12345 in seen
        assert server_id not in seen
    assert server_id in [one["id"] for one in api.get("/servers/").json()["results"]]


def test_a_list_that_is_short(api: Api, provider: Sandbox) -> None:
    provider.fault("short_list", "GET", keep=2)
    body = api.get("/servers/").json()
    assert (body["count"], len(body["results"])) == (8, 2)
    provider.fault("short_list", "GET", keep=0, lie=True)
    assert api.get("/servers/").json() == {"count": 0, "results": []}


def test_a_fault_acts_as_often_as_it_says(api: Api, provider: Sandbox) -> None:
    provider.fault("status", "GET", "/servers/$", status=503, times=2, skip=1)
    statuses = [api.get("/servers/").status_code for _ in range(4)]
    assert statuses == [200, 503, 503, 200]


def test_a_fault_is_for_one_method_path_and_token(api: Api, provider: Sandbox) -> None:
    provider.fault("status", "DELETE", r"/servers/12346/$", status=503, token="acme-owner")
    assert api.delete("/servers/12345/").status_code == 204
    assert api.get("/servers/12346/").status_code == 200
    assert api.delete("/servers/12346/").status_code == 503


def test_every_fault_can_wait_first(api: Api, provider: Sandbox) -> None:
    provider.fault("status", status=500, delay=0.1)
    begin = time.monotonic()
    assert api.get("/servers/").status_code == 500
    assert time.monotonic() - begin >= 0.1


def test_the_control_door_has_no_faults(api: Api, provider: Sandbox) -> None:
    provider.fault("status", status=500, times=None)
    assert api.control("GET", "/faults").status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "nothing"},
        {},
        {"kind": "status", "colour": 1},
        {"kind": "status", "path": "("},
        {"kind": "delay", "apply": False},
        {"kind": "delay", "seconds": "1"},
    ],
)
def test_a_wrong_fault_is_refused(api: Api, wrong: dict[str, object]) -> None:
    answer = api.control("POST", "/faults", wrong)
    assert answer.status_code == 400
    assert api.control("GET", "/faults").json()["count"] == 0


def test_faults_by_the_control_door(api: Api) -> None:
    fault = {"kind": "status", "method": "post", "path": "/stop/$", "status": 503, "times": 5}
    assert api.control("POST", "/faults", fault).status_code == 201
    assert api.post(STOP).status_code == 503
    assert api.control("GET", "/faults").json()["results"][0]["hits"] == 1
    assert api.control("DELETE", "/faults").status_code == 204
    assert api.post(STOP).status_code == 200


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"accept_close"}))
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/servers/"),
        ("POST", "/servers/"),
        ("GET", "/servers/12345/"),
        ("PUT", "/servers/12345/"),
        ("PATCH", "/servers/12345/"),
        ("DELETE", "/servers/12345/"),
        ("POST", "/servers/12348/start/"),
        ("POST", STOP),
        ("POST", "/servers/12345/reboot/"),
    ],
)
def test_every_fault_meets_every_call(
    api: Api, provider: Sandbox, kind: str, method: str, path: str
) -> None:
    """Whatever happens to one call, the next one finds the sandbox well."""
    provider.fault(kind, method, f"{path}$", seconds=0.02, interval=0.01, keep=1)
    body = {"name": "n", "hostname": "n.example.com", "backups_enabled": True} | NEW
    with contextlib.suppress(requests.RequestException):
        api(method, path, data=json.dumps(body), headers={"Content-Type": "application/json"})
    [entry] = [one for one in provider.journal.entries() if one.method == method]
    assert entry.fault == kind
    assert entry.applied == (KINDS[kind] and method != "GET")
    assert api.get("/servers/").json()["count"] in {7, 8, 9}


def _until(seen: object, seconds: float = 5.0) -> None:
    assert callable(seen)
    end = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < end
        time.sleep(0.02)
