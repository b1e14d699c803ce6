from controlpanel.sandbox.journal import MOST_READS, Journal
from controlpanel.sandbox.server import Sandbox
from tests.sandbox.api import NEW, OWNER, REVOKED, Api


def test_it_works(api: Api, provider: Sandbox) -> None:
    headers = {"X-Request-Id": "req-12345678"}
    api("POST", "/servers/?dry=1", json=NEW, headers=headers)
    [entry] = api.control("GET", "/journal").json()["results"]
    assert abs(entry.pop("at") - provider.world.now()) < 10
    assert entry == {
        "number": entry["number"],
        "method": "POST",
        "path": "/api/v1/servers/",
        "query": {"dry": "1"},
        "body": NEW,
        "token": "acme-owner",
        "request_id": "req-12345678",
        "answered": 201,
        "fault": "",
        "applied": True,
    }


def test_it_tells_changing_calls_apart(api: Api) -> None:
    api.get("/servers/")
    api.post("/servers/12345/stop/")
    api.get("/servers/12345/")
    assert api.control("GET", "/journal").json()["count"] == 3
    body = api.control("GET", "/journal?changing=1").json()
    assert [entry["path"] for entry in body["results"]] == ["/api/v1/servers/12345/stop/"]
    assert api.control("GET", "/journal?method=get&path=12345").json()["count"] == 1
    last = body["results"][0]["number"]
    assert api.control("GET", f"/journal?since={last}").json()["count"] == 1


def test_a_refused_call_is_not_applied(api: Api, provider: Sandbox) -> None:
    api.post("/servers/12345/start/")
    [entry] = provider.changes()
    assert (entry.answered, entry.applied) == (400, False)


def test_no_token_stands_in_it(api: Api) -> None:
    for token in (OWNER, REVOKED, "vps_never_issued_0001"):
        Api(api.origin, token).get("/servers/")
    Api(api.origin, None).get("/servers/")
    answer = api.control("GET", "/journal")
    assert "vps_" not in answer.text
    names = [entry["token"] for entry in answer.json()["results"]]
    assert names[:2] == ["acme-owner", "acme-revoked"]
    assert names[2].startswith("unknown-")
    assert names[3] == ""


def test_it_can_be_cleared(api: Api) -> None:
    api.get("/servers/")
    assert api.control("DELETE", "/journal").status_code == 204
    assert api.control("GET", "/journal").json() == {"count": 0, "results": []}


def test_the_control_door_leaves_no_entry(api: Api) -> None:
    api.control("GET", "/")
    assert api.control("GET", "/journal").json()["count"] == 0


def test_bodies_that_are_no_json_are_kept_as_text(api: Api, provider: Sandbox) -> None:
    api("POST", "/servers/", data=b"\xff{")
    api("POST", "/servers/", data=b"x" * 5000)
    kept = [entry.body for entry in provider.changes()]
    assert kept[0] == "�{"
    assert kept[1].startswith("5000 bytes, SHA-256 ")


def test_reads_never_push_changes_out() -> None:
    journal = Journal()
    for number in range(MOST_READS + 100):
        method = "POST" if number == 0 else "GET"
        journal.open(at=0.0, method=method, path="/", query={}, body=None, token="", request_id="")
    assert len(journal.entries()) == MOST_READS + 1
    assert [entry.method for entry in journal.changes()] == ["POST"]
