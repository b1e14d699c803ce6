"""The socket under a client's connection, by itself: no wait is without an end."""

import socket
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.errors import ConfigError
from gunicorn.workers import gthread

from controlpanel.runtime import gunicorn_worker
from controlpanel.runtime.gunicorn_worker import BoundedSocket, Worker

MUCH = b"x" * (16 << 20)


@pytest.fixture
def pair(monkeypatch) -> Iterator[tuple[BoundedSocket, socket.socket]]:
    monkeypatch.setattr(gunicorn_worker, "SENDING", 0.2)
    ours, theirs = socket.socketpair()
    bounded = BoundedSocket(ours.family, ours.type, ours.proto, ours.detach())
    socket.socket.setblocking(bounded, False)
    with bounded, theirs:
        yield bounded, theirs


def seconds_until_reset(do) -> float:
    started = time.monotonic()
    with pytest.raises(ConnectionResetError):
        do()
    return time.monotonic() - started


def test_it_reads_what_comes_late(pair):
    bounded, theirs = pair
    bounded.ends = time.monotonic() + 5
    bounded.setblocking(True)
    theirs.sendall(b"a")
    assert bounded.recv(10) == b"a"
    with pytest.raises(BlockingIOError):
        bounded.at_once(10)


def test_reading_ends(pair):
    bounded, _theirs = pair
    bounded.ends = time.monotonic() + 0.2
    assert 0.1 < seconds_until_reset(lambda: bounded.recv(10)) < 2


def test_a_shorter_limit_of_gunicorns_counts(pair):
    bounded, _theirs = pair
    bounded.ends = time.monotonic() + 60
    bounded.settimeout(0.2)
    assert 0.1 < seconds_until_reset(lambda: bounded.recv(10)) < 2


def test_sending_ends_though_a_little_is_taken_again_and_again(pair):
    bounded, theirs = pair
    theirs.setblocking(False)
    taken = 0

    def send() -> None:
        nonlocal taken
        while True:
            bounded.sendall(MUCH[: 1 << 16])
            taken += len(theirs.recv(1))

    assert seconds_until_reset(send) < 5
    assert taken


def test_sending_a_file_ends(pair):
    bounded, _theirs = pair
    with tempfile.TemporaryFile() as file:
        file.write(MUCH)
        file.seek(0)
        assert 0.1 < seconds_until_reset(lambda: bounded.sendfile(file)) < 5
    assert bounded.gettimeout() == 0


def test_all_of_it_arrives(pair):
    bounded, theirs = pair
    theirs.settimeout(5)
    bounded.sendall(b"y" * 100_000)
    received = b""
    while len(received) < 100_000:
        received += theirs.recv(1 << 16)
    assert received == b"y" * 100_000


def test_in_the_main_loop_nothing_waits(pair):
    bounded, _theirs = pair
    with pytest.raises(ConnectionResetError):
        bounded.sendall(MUCH)
    started = time.monotonic()
    with pytest.raises(BlockingIOError):
        bounded.send_at_once(b"x")
    assert time.monotonic() - started < 0.1
    assert bounded.gettimeout() == 0


def head(size: int, *lines: bytes) -> bytes:
    first = b"\r\n".join([b"POST / HTTP/1.1", *lines, b"X-Filling: "])
    return first + b"x" * (size - len(first)) + b"\r\n\r\n"


@pytest.fixture
def connection(pair) -> tuple[Any, socket.socket]:
    bounded, theirs = pair
    plain = socket.socket(bounded.family, bounded.type, bounded.proto, bounded.detach())
    there = gthread.TConn(Config(), plain, ("127.0.0.1", 1), ("127.0.0.1", 2))
    gunicorn_worker._bind(there)
    theirs.settimeout(5)
    return there, theirs


@pytest.mark.parametrize("missing", [1, 2, 5, 10_000])
def test_the_longest_request_that_is_waited_for_is_received(connection, missing):
    there, theirs = connection
    length = b"Content-Length: %d" % gunicorn_worker.MOST_WAITED_FOR
    whole = head(gunicorn_worker.MOST_HEAD, length) + b"x" * gunicorn_worker.MOST_WAITED_FOR
    for part in (whole[:-missing], whole[-missing:]):
        sent = 0
        while sent < len(part):
            sent += theirs.send(part[sent : sent + 4096])
            left = gunicorn_worker._receive(there)
    assert left == 0
    with pytest.raises(BlockingIOError):
        there.sock.at_once(1)


@pytest.mark.parametrize("length", [b"9", b"0000000009", b" 9 "])
def test_a_body_is_waited_for_however_its_length_is_written(connection, length):
    there, theirs = connection
    theirs.sendall(head(100, b"Content-Length: " + length) + b"{}")
    assert gunicorn_worker._receive(there) == 7


@pytest.mark.parametrize(
    ("name", "value"), [("certfile", "/nowhere.pem"), ("http2_cleartext", "upgrade")]
)
def test_what_must_end_in_front_is_refused_at_the_start(name, value):
    config = Config()
    config.set(name, value)
    with pytest.raises(ConfigError, match="in front of the panel"):
        Worker.check_config(config, None)
