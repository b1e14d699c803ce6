import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from controlpanel.sandbox.server import Sandbox
from tests.sandbox.api import NEW, Api


def test_a_stopped_one_refuses_and_comes_back(api: Api) -> None:
    with Sandbox() as sandbox:
        inner = Api(sandbox.url)
        inner.delete("/servers/12345/")
        sandbox.stop()
        with pytest.raises(requests.ConnectionError):
            inner.get("/servers/")
        url = sandbox.url
        sandbox.start()
        assert sandbox.url == url
        assert inner.get("/servers/").json()["count"] == 7


def test_stopping_does_not_wait_for_a_call_that_hangs() -> None:
    with Sandbox() as sandbox:
        sandbox.fault("hang", seconds=60)
        with pytest.raises(requests.ReadTimeout):
            Api(sandbox.url)("GET", "/servers/", timeout=0.1)
        begin = time.monotonic()
    assert time.monotonic() - begin < 5


def test_two_are_independent(api: Api) -> None:
    with Sandbox() as other:
        Api(other.url).delete("/servers/12345/")
    assert api.status() == "active"


def test_calls_at_once_double_and_lose_nothing(api: Api, provider: Sandbox) -> None:
    provider.world.accounts["acme"].credit = 10_000

    def create(_: int) -> int:
        return Api(provider.url).post("/servers/", NEW).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(create, range(24)))
    assert sorted(statuses) == [201] * 10 + [402] * 14
    assert api.get("/servers/").json()["count"] == 18
    assert len({entry.number for entry in provider.changes()}) == 24


def test_ten_thousand_servers_answer_quickly(api: Api, provider: Sandbox) -> None:
    provider.world.add_servers(10_000)
    begin = time.monotonic()
    assert api.get("/servers/", page_size=100).json()["count"] == 10_008
    assert api.get("/servers/22000/").status_code == 200
    assert time.monotonic() - begin < 1
    assert api.get("/servers/").json()["count"] == 10_008


@pytest.mark.parametrize("headers", [{"Content-Length": "x"}, {"Transfer-Encoding": "chunked"}])
def test_a_body_of_unknown_length_is_refused(api: Api, headers: dict[str, str]) -> None:
    assert api("POST", "/servers/", headers=headers).status_code == 411


def test_a_body_that_is_too_large_is_refused(api: Api) -> None:
    try:
        status = api("POST", "/servers/", data=b"x" * (2 << 20)).status_code
    except requests.ConnectionError:  # it hangs up while the client is still sending
        status = 413
    assert status == 413
