"""The web process as started in use: who is slow, or asks for too much, is in nobody's way."""

import contextlib
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from controlpanel.runtime import gunicorn_worker
from controlpanel.sandbox.server import Sandbox
from tests.gateway.serving import WebProcess

pytestmark = [pytest.mark.deep, pytest.mark.timeout(120)]
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def provider() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def web(provider: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebProcess]:
    with WebProcess(tmp_path_factory.mktemp("web"), provider.url) as process:
        seconds_of(process)  # the first request loads much
        yield process


def head(web: WebProcess, *lines: str, call: str = "PATCH /api/v1/servers/12345/") -> bytes:
    first = [f"{call} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {web.key}"]
    return "\r\n".join([*first, *lines, "", ""]).encode()


def seconds_of(web: WebProcess) -> float:
    started = time.monotonic()
    assert requests.get(f"{web.url}/healthz", timeout=20).status_code == 200
    return time.monotonic() - started


def status_of(connection: socket.socket) -> int:
    answer = b""
    while b"\r\n" not in answer:
        part = connection.recv(65536)
        if not part:
            break
        answer += part
    return int(answer.split(b" ")[1]) if answer else 0


def more(connection: socket.socket) -> bytes:
    part = connection.recv(65536)
    assert part, "The connection was closed."
    return part


BEGINNINGS = {
    "nothing": b"",
    "a head": b"GET /api/v1/servers/ HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    "a body": b"PATCH /api/v1/servers/1/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{",
    "a form": b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nl",
    "a second request": HEALTH + b"GET /heal",
}


@pytest.mark.parametrize("beginning", BEGINNINGS.values(), ids=BEGINNINGS)
def test_who_is_slow_is_in_nobodys_way(web: WebProcess, beginning: bytes) -> None:
    slow = [web.connect() for _ in range(40)]
    try:
        for connection in slow:
            connection.sendall(beginning)
        assert max(seconds_of(web) for _ in range(3)) < 2
    finally:
        for connection in slow:
            connection.close()


def test_who_does_not_close_is_in_nobodys_way(web: WebProcess) -> None:
    left = []
    for _ in range(5):
        connection = web.connect()
        connection.sendall(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
        assert status_of(connection) == 200
        left.append(connection)
    assert seconds_of(web) < 1
    for connection in left:
        connection.settimeout(gunicorn_worker.CLOSING + 5)
        while connection.recv(65536):
            pass  # and is closed after a while all the same
        connection.close()


@pytest.mark.parametrize("size", [100, gunicorn_worker.MOST_WAITED_FOR + 1000])
def test_what_arrives_slowly_is_cut(web: WebProcess, provider: Sandbox, size: int) -> None:
    call = head(web, "Content-Type: application/json", f"Content-Length: {size}")
    with web.connect() as connection:
        connection.sendall(call + b'{"name": "')
        connection.settimeout(0.5)
        ends = time.monotonic() + gunicorn_worker.RECEIVING + 5
        status = -1
        while status < 0 and time.monotonic() < ends:
            try:
                status = status_of(connection)
            except TimeoutError:
                connection.sendall(b"x")
            except OSError:
                status = 0
    assert status in {0, 408, 413}
    assert not changes(provider)


def test_a_slow_head_is_cut(web: WebProcess) -> None:
    with web.connect() as connection:
        connection.settimeout(gunicorn_worker.RECEIVING + 5)
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: loc")
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(1000) == b""


def test_what_arrives_in_pieces_is_answered(web: WebProcess) -> None:
    with web.connect() as connection:
        call = head(web, "Content-Type: application/json", "Content-Length: 17")
        for piece in (call[:30], call[30:], b'{"name": ', b'"web-7"}'):
            connection.sendall(piece)
            time.sleep(0.1)
        assert status_of(connection) == 200


def test_requests_sent_together_are_answered_in_turn(web: WebProcess) -> None:
    with web.connect() as connection:
        connection.sendall(HEALTH * 3 + HEALTH[:20])
        answers = b""
        while answers.count(b"200 OK") < 3:
            answers += more(connection)
        connection.sendall(HEALTH[20:])
        while answers.count(b"200 OK") < 4:
            answers += more(connection)


def test_a_client_that_waits_to_be_asked_for_its_body(web: WebProcess) -> None:
    with web.connect() as connection:
        lines = ("Content-Type: application/json", "Content-Length: 17", "Expect: 100-continue")
        connection.sendall(head(web, *lines))
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b'{"name": "web-8"}')
        assert status_of(connection) == 200


def test_a_body_over_the_cap_is_refused_before_it_is_read(
    web: WebProcess, provider: Sandbox
) -> None:
    with web.connect() as connection:
        connection.sendall(head(web, "Content-Type: application/json", "Content-Length: 900000000"))
        assert status_of(connection) == 413
    with web.connect() as connection:
        connection.sendall(head(web, "Content-Type: application/json", "Content-Length: 65537"))
        connection.sendall(b" " * 65537)
        assert status_of(connection) == 413
    assert seconds_of(web) < 1


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /healthz?" + b"a" * 5000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        (HEALTH[:-2] + b"X: " + b"a" * 9000 + b"\r\n\r\n", 431),
        (HEALTH[:-2] + b"".join(b"X-%d: 1\r\n" % n for n in range(100)) + b"\r\n", 431),
        (HEALTH[:-2] + b"X: " + b"a" * 100_000, 431),
    ],
)
def test_a_head_over_the_limits_is_refused(web: WebProcess, request_: bytes, status: int) -> None:
    with web.connect() as connection:
        connection.sendall(request_)
        assert status_of(connection) == status


def test_a_connection_is_kept(web: WebProcess) -> None:
    with web.connect() as connection:
        for pause in (0, 0.1, 3):
            time.sleep(pause)
            connection.sendall(HEALTH)
            answer = more(connection)
            while not answer.endswith(b'{"status": "ok"}'):
                answer += more(connection)


def test_who_asks_without_a_pause_is_in_nobodys_way(web: WebProcess) -> None:
    """A thread stays with its client only while nobody waits for it."""
    over = False

    def ask() -> int:
        asked = 0
        with requests.Session() as session:
            while not over:
                assert session.get(f"{web.url}/healthz", timeout=20).status_code == 200
                asked += 1
        return asked

    with ThreadPoolExecutor(12) as many:
        asking = [many.submit(ask) for _ in range(12)]
        try:
            waited = [seconds_of(web) for _ in range(20)]
        finally:
            over = True
    counts = sorted(one.result() for one in asking)
    assert max(waited) < 2
    assert counts[0] > counts[-1] / 10


def test_it_ends_soon_while_browsers_are_connected(provider: Sandbox, tmp_path: Path) -> None:
    with WebProcess(tmp_path, provider.url) as process:
        idle = [process.connect() for _ in range(3)]
        seconds_of(process)
        process.process.terminate()
        assert process.process.wait(8) == 0
        for connection in idle:
            connection.close()


def changes(provider: Sandbox) -> list[object]:
    return [entry for entry in provider.journal.entries() if "x" in str(entry.body)]


def test_waiting_for_a_thread_is_not_slow(web: WebProcess, provider: Sandbox) -> None:
    """What has arrived is answered, however long others keep the threads: to be cut off then tells
    a script nothing of what it asked for."""
    provider.fault("hang", "GET", "/servers/$", seconds=60, times=100)

    def ask(_number: int) -> int:
        answer = requests.get(
            f"{web.url}/api/v1/servers/", headers={"Authorization": f"Bearer {web.key}"}, timeout=60
        )
        return answer.status_code

    started = time.monotonic()
    try:
        with ThreadPoolExecutor(24) as pool:
            statuses = list(pool.map(ask, range(24)))
    finally:
        provider.reset()
    assert time.monotonic() - started > gunicorn_worker.RECEIVING
    assert set(statuses) == {503, 504}
