"""The socket under a client's connection, by itself: no wait is without an end."""

import socket
import tempfile
import time
from collections.abc import Iterator

import pytest
from gunicorn.config import Config
from gunicorn.errors import ConfigError

from controlpanel import serving
from controlpanel.serving import BoundedSocket, Worker

MUCH = b"x" * (16 << 20)


@pytest.fixture
def pair(monkeypatch) -> Iterator[tuple[BoundedSocket, socket.socket]]:
    monkeypatch.setattr(serving, "SENDING", 0.2)
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    bounded = BoundedSocket(ours.family, ours.type, ours.proto, ours.detach())
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


def test_tls_is_refused_at_the_start():
    config = Config()
    config.set("certfile", "/nowhere.pem")
    with pytest.raises(ConfigError, match="in front of the panel"):
        Worker.check_config(config, None)
