from http.client import HTTPConnection

import pytest

from tests.sandbox.api import NEW, Api


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/servers", "/servers/12345", "/servers/12345/stop"])
def test_a_path_without_its_slash_is_redirected(api: Api, method: str, path: str) -> None:
    """guess: 301 to the path with a slash, nothing done."""
    answer = api(method, path, json=NEW)
    assert answer.status_code == 301
    assert answer.headers["Location"] == f"/api/v1{path}/"
    assert api.get("/servers/").json()["count"] == 8


def test_the_redirect_keeps_the_query(api: Api) -> None:
    """guess."""
    answer = api.get("/servers", status="active")
    assert answer.headers["Location"] == "/api/v1/servers/?status=active"


def test_followed_it_would_turn_a_post_into_a_get(api: Api) -> None:
    """guess: why a careful client follows no redirects."""
    answer = api("POST", "/servers", json=NEW, allow_redirects=True)
    assert answer.status_code == 200
    assert answer.json()["count"] == 8


@pytest.mark.parametrize("path", ["/nothing/", "/servers/1/2/3/", "/", ""])
def test_an_unknown_path_is_not_found(api: Api, path: str) -> None:
    """guess: 404 with a detail."""
    answer = api.get(path)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


def test_an_undocumented_verb_is_not_allowed(api: Api) -> None:
    """guess: 405 and Allow."""
    answer = api.delete("/servers/")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, POST"


def test_one_connection_serves_many_calls(api: Api) -> None:
    """guess: HTTP/1.1 with keep-alive."""
    connection = HTTPConnection(api.origin.removeprefix("http://"), timeout=5)
    connection.connect()
    port = connection.sock.getsockname()[1]
    for _ in range(3):
        connection.request("GET", "/api/v1/servers/")
        answer = connection.getresponse()
        assert (answer.version, answer.status) == (11, 401)
        answer.read()
        assert connection.sock.getsockname()[1] == port
    connection.close()
