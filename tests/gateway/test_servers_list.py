import json

import pytest
import requests

from tests.gateway.asking import key_of, said
from tests.people import OWNER_TOKEN, with_servers

pytestmark = pytest.mark.django_db


def direct(sandbox, path):
    return requests.get(
        f"{sandbox.url}/api/v1{path}", headers={"Authorization": f"Bearer {OWNER_TOKEN}"}, timeout=5
    )


def test_it_works(viewer, sandbox):
    answer = viewer.get("/servers/")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Length"] == str(len(answer.content))
    assert answer.content == direct(sandbox, "/servers/").content


def test_it_passes_the_filters_on(viewer, sandbox):
    answer = viewer.get("/servers/?status=stopped")
    assert answer.content == direct(sandbox, "/servers/?status=stopped").content
    assert said(answer)["count"] < said(viewer.get("/servers/"))["count"]


def test_it_rejects_an_unknown_parameter(viewer):
    answer = viewer.get("/servers/?token=x")
    assert (answer.status_code, said(answer)["code"]) == (400, "unknown_parameter")
    assert "status" in said(answer)["detail"]


def test_it_rejects_other_methods(viewer):
    answer = viewer.send("DELETE", "/servers/")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, POST")


def test_a_method_cannot_be_overridden(viewer, sandbox):
    answer = viewer.get("/servers/", X_HTTP_Method_Override="DELETE", X_Method_Override="POST")
    assert answer.status_code == 200
    assert not sandbox.changes()


@pytest.mark.parametrize("path", ["/servers", "/servers/12345", "/servers/12345/start"])
def test_a_path_without_its_slash_is_not_found(operator, path):
    for method in ("GET", "POST"):
        answer = operator.send(method, path)
        assert (answer.status_code, said(answer)["code"]) == (404, "slash_missing")


@pytest.mark.parametrize(
    "path", ["/backups/", "/", "", "/servers/../plans/", "/servers/12345/power/"]
)
def test_what_is_not_in_the_list_is_not_there(viewer, path, sandbox):
    before = len(sandbox.journal.entries())
    answer = viewer.get(path)
    assert (answer.status_code, said(answer)["code"]) == (404, "no_such_address")
    assert len(sandbox.journal.entries()) == before


def test_only_what_is_within_reach(vera, synced):
    script = key_of(vera, synced, reach=with_servers("12345"))
    listed = said(script.get("/servers/"))
    assert [one["id"] for one in listed["results"]] == [12345]
    assert listed["count"] == 1


def test_the_request_id_is_on_every_answer(viewer, nobody):
    own = viewer.get("/servers/", X_Request_Id="from-my-script")["X-Request-Id"]
    assert own.startswith("from-my-script-")
    assert nobody.get("/api/v1/servers/")["X-Request-Id"]


def test_nothing_of_the_provider_but_the_body_passes(viewer, sandbox):
    sandbox.fault("status", "GET", "/servers/$", status=200, body='{"count": 0, "results": []}')
    answer = viewer.get("/servers/")
    assert "Server" not in answer.headers
    assert not answer.cookies


def test_a_password_never_passes(viewer, sandbox):
    body = json.dumps({"count": 1, "results": [{"id": 1, "root_password": "hunter22"}]})
    sandbox.fault("status", "GET", "/servers/$", status=200, body=body)
    answer = viewer.get("/servers/")
    assert b"hunter22" not in answer.content
    assert said(answer)["results"] == [{"id": 1}]


ODD = (
    '{"count": 2, "price": 1e400,"results":[ {"id":12345 ,"load": 0.12345678901234567890,'
    '"name":"\\u00fc"}, {"id": 12346,"password":"hunter22"} ] , "b": 2.50}'
)


def test_what_is_in_it_passes_as_it_was_written(viewer, sandbox):
    sandbox.fault("status", "GET", "/servers/$", status=200, body=ODD)
    assert viewer.get("/servers/").content.decode() == ODD.replace(',"password":"hunter22"', "")


def test_what_is_within_reach_passes_as_it_was_written(vera, synced, sandbox):
    sandbox.fault("status", "GET", "/servers/$", status=200, body=ODD)
    script = key_of(vera, synced, reach=with_servers("12345"))
    assert script.get("/servers/").content.decode() == (
        '{"count": 1, "price": 1e400,"results":[{"id":12345 ,"load": 0.12345678901234567890,'
        '"name":"\\u00fc"}] , "b": 2.50}'
    )


@pytest.mark.parametrize(
    "body",
    [
        '[{"id": 12346}, {"id": 12345}]',
        '{"results": [{"id": 12346}], "results": [{"id": 12345}, {"id": 12346}]}',
        '{"results": [{"id": 12346}, 7, null, {"uuid": "x"}, {"id": 12345}]}',
        '{"r\\u0065sults": [{"id": 12345}, {"id": 12346, "id": 12346}]}',
    ],
)
def test_however_it_is_written_only_what_is_within_reach_passes(vera, synced, sandbox, body):
    sandbox.fault("status", "GET", "/servers/$", status=200, body=body)
    answer = key_of(vera, synced, reach=with_servers("12345")).get("/servers/")
    assert answer.status_code == 200
    assert b"12345" in answer.content
    assert b"12346" not in answer.content


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "01", "1."])
def test_what_is_no_json_is_unreadable(viewer, sandbox, number):
    body = f'{{"count": 0, "results": [], "n": {number}}}'
    sandbox.fault("status", "GET", "/servers/$", status=200, body=body)
    answer = viewer.get("/servers/")
    assert (answer.status_code, said(answer)["code"]) == (502, "unreadable")


def test_nothing_but_the_links_is_written_again(viewer, sandbox, settings):
    link = f"{sandbox.url}/api/v1/servers/?page=2"
    body = f'{{"count": 3, "n": 1e400, "n\\u0065xt": "{link}", "results": [], "previous": null}}'
    sandbox.fault("status", "GET", "/servers/$", status=200, body=body)
    here = f"{settings.PANEL_PUBLIC_URL}/api/v1/servers/?page=2"
    assert viewer.get("/servers/").content.decode() == body.replace(link, here)


@pytest.mark.parametrize(
    "query", ["page=x", "page_size=", "page_size=1.5", "page=1&page=2", "page=１"]
)
def test_a_parameter_stands_once_and_is_of_its_type(viewer, sandbox, query):
    before = len(sandbox.journal.entries())
    answer = viewer.get(f"/servers/?{query}")
    assert (answer.status_code, said(answer)["code"]) == (400, "bad_parameter")
    assert len(sandbox.journal.entries()) == before
