"""Connections kept open: whose they are, how many, and how long."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from controlpanel.lib.secret import Secret
from controlpanel.vpsorg import connections as kept
from controlpanel.vpsorg.client import Client
from controlpanel.vpsorg.connections import MOST_KEPT, Key, connections
from controlpanel.vpsorg.errors import ApiError
from tests.vpsorg.rawserver import Peer, RawServer, answer, within

EMPTY = answer(b'{"count": 0, "results": []}')


class Counting(RawServer):
    """Knows which of its connections are still open."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.is_open: list[bytes] = []
        self.most = 0
        super().__init__(self._count)

    def _count(self, peer: Peer) -> None:
        mine: bytes = b""
        while request := peer.read_request():
            if not mine:
                mine = token_of(request)
                with self._lock:
                    self.is_open.append(mine)
                    self.most = max(self.most, len(self.is_open))
            assert token_of(request) == mine
            peer.say(EMPTY)
        with self._lock:
            self.is_open.remove(mine)

    def settles_at(self, tokens: list[bytes]) -> None:
        with within(5):
            while sorted(self.is_open) != sorted(tokens):
                time.sleep(0.01)


def token_of(request: bytes) -> bytes:
    return request.partition(b"Bearer ")[2].partition(b"\r\n")[0]


@pytest.fixture
def server() -> Iterator[Counting]:
    with Counting() as one:
        yield one


def token(number: int) -> str:
    return f"vps_token_{number:020}"


def ask(server: RawServer, number: int, credential: str = "") -> None:
    Client(server.url, Secret(token(number)), credential=credential).list_servers()


def test_each_credential_has_its_own(server: Counting) -> None:
    for number in (1, 2, 1, 2, 3, 1):
        ask(server, number)
    assert server.connections == 3


def test_two_credentials_with_the_same_token_share_none(server: Counting) -> None:
    """Two teams may have connected the same account."""
    for credential in ("a", "b", "a", "b"):
        ask(server, 1, credential)
    assert server.connections == 2


def test_one_credential_shares_over_threads(server: Counting) -> None:
    for _ in range(5):
        thread = threading.Thread(target=ask, args=[server, 1])
        thread.start()
        thread.join()
    assert server.connections == 1


def test_two_origins_share_none(server: Counting) -> None:
    with Counting() as other:
        ask(server, 1)
        ask(other, 1)
        assert (server.connections, other.connections) == (1, 1)


def test_at_most_64_are_open_and_the_least_recently_used_goes_first(server: Counting) -> None:
    for number in range(MOST_KEPT):
        ask(server, number)
    ask(server, 0)  # so 1 is the one that was used longest ago
    ask(server, 100)
    ask(server, 101)
    expected = {0, 100, 101, *range(3, MOST_KEPT)}
    server.settles_at([token(number).encode() for number in expected])
    assert server.most <= MOST_KEPT + 1  # which the provider may see end a little later
    assert server.connections == MOST_KEPT + 2


def test_those_lent_count(server: Counting) -> None:
    """Threads that all ask at once leave room for one another."""
    keys = [Key.of(server.url, Secret(token(number))) for number in range(MOST_KEPT)]
    for number in range(MOST_KEPT):
        ask(server, number)
    for key in keys:
        assert connections().borrow(key) is not None
    assert connections().borrow(Key.of(server.url, Secret(token(99)))) is None
    for key in [*keys, keys[0]]:
        connections().give_back(key, None)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "IDLE_SECONDS", 0.3)


@pytest.mark.usefixtures("hasty")
def test_an_idle_one_is_closed_though_nobody_asks(server: Counting) -> None:
    ask(server, 1)
    ask(server, 2)
    server.settles_at([])
    ask(server, 1)
    server.settles_at([])
    assert server.connections == 3


def test_an_old_one_is_not_used(server: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(server, 1)
    monkeypatch.setattr(kept, "IDLE_SECONDS", 0.0)
    ask(server, 1)
    assert server.connections == 2


def test_another_token_of_a_credential_closes_the_old_ones(server: Counting) -> None:
    ask(server, 1, "a")
    ask(server, 2, "b")
    ask(server, 3, "a")
    server.settles_at([token(2).encode(), token(3).encode()])


def test_a_credential_that_is_no_more_is_forgotten(server: Counting) -> None:
    ask(server, 1, "a")
    ask(server, 2, "b")
    connections().forget("a")
    server.settles_at([token(2).encode()])


def test_a_key_does_not_show_the_token() -> None:
    key = Key.of("https://admin.vps.org", Secret(token(1)), "a")
    assert token(1) not in f"{key!r} {key.proof!r}"
    assert key == Key.of("https://admin.vps.org", Secret(token(1)), "a")
    assert key != Key.of("https://admin.vps.org", Secret(token(2)), "a")


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.stop_server("1"),
        lambda client: client.delete_server("1"),
        lambda client: client.update_server("1", {"name": "a"}),
    ],
)
def test_a_change_keeps_none(call: Callable[[Client], object]) -> None:
    with Counting() as server:
        client = Client(server.url, Secret(token(1)))
        for _ in range(2):
            with suppress(ApiError):
                call(client)
        server.settles_at([])
        assert server.connections == 2
