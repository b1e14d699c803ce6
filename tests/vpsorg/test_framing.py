"""Answers whose beginning or end is odd, on a wire that two teams share one after the other.

Whatever comes, it is taken for what it is, and nobody gets what was said to another.
"""

import threading
from collections.abc import Callable, Iterator
from typing import Final

import pytest
from urllib3.util.wait import wait_for_read

from controlpanel.lib.secret import Secret
from controlpanel.vpsorg import sockets
from controlpanel.vpsorg.client import Client
from controlpanel.vpsorg.errors import ApiError, NeverSent
from tests.vpsorg.odd_answers import (
    ACME,
    BOLT,
    CUT,
    DONE,
    ODD,
    OTHER,
    POISON,
    Odd,
    hints,
    own,
    whose,
)
from tests.vpsorg.rawserver import Peer, RawServer, answer, within

Call = Callable[[Client], object]
CALLS: Final[dict[str, Call]] = {
    "read": lambda client: client.read("/servers/"),
    "create": lambda client: client.create_server(
        {"name": "web-9", "plan_id": 1, "os_id": 5, "location": "us-west"}
    ),
}


class Wire:
    """Says `odd` to the first request of a team that is to get it, and to all others what is
    right."""

    def __init__(self, odd: Odd, victim: str) -> None:
        self._odd = odd
        self._victim = victim
        self._said = threading.Event()
        self.seen: list[list[bytes]] = []

    def __call__(self, peer: Peer) -> None:
        here: list[bytes] = []
        self.seen.append(here)
        while request := peer.read_request():
            here.append(request)
            if whose(request) != self._victim or self._said.is_set():
                peer.say(own(request))
                continue
            self._said.set()
            peer.say(self._odd.say(request))
            if self._odd.ends:
                return


@pytest.fixture(params=[ACME, BOLT], ids=["acme", "bolt"])
def victim(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["read", "create"])
def call(request: pytest.FixtureRequest) -> Call:
    return CALLS[request.param]


def outcome(call: Call, client: Client) -> tuple[str, str]:
    """The code, and what it shows."""
    try:
        return DONE, str(vars_of(call(client)))
    except ApiError as error:
        return error.code, f"{error} {error.content!r}"


def vars_of(given: object) -> str:
    return repr(given) + repr(getattr(given, "content", b""))


def client_of(url: str, token: str) -> Client:
    return Client(url, Secret(token), total=10.0, read=1.0)


def mark(token: str) -> str:
    return "acme" if token == ACME else "bolt"


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.name)
def test_nobody_gets_the_answer_of_another(odd: Odd, call: Call, victim: str) -> None:
    other = BOLT if victim == ACME else ACME
    wire = Wire(odd, victim)
    with RawServer(wire) as server, within(9):
        clients = {token: client_of(server.url, token) for token in (ACME, BOLT)}
        code, shown = outcome(call, clients[victim])
        for token in (other, victim, other):
            for name in ("read", "create", "read"):
                assert_own(outcome(CALLS[name], clients[token]), token)
    assert code in odd.outcomes, shown
    assert "poison" not in shown
    if code == DONE:
        assert mark(victim) in shown
    assert_apart(wire)


def assert_own(given: tuple[str, str], token: str) -> None:
    code, shown = given
    assert code == DONE, shown
    assert mark(token) in shown
    assert mark(BOLT if token == ACME else ACME) not in shown
    assert "poison" not in shown


def assert_apart(wire: Wire) -> None:
    """No connection was for two, and a change had one of its own."""
    for here in wire.seen:
        assert len({whose(request) for request in here}) <= 1
        assert len(here) == 1 or all(one.startswith(b"GET ") for one in here)


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.name)
def test_a_connection_is_kept_only_when_all_was_as_expected(odd: Odd) -> None:
    wire = Wire(odd, ACME)
    with RawServer(wire) as server, within(9):
        client = client_of(server.url, ACME)
        outcome(CALLS["read"], client)
        outcome(CALLS["read"], client)
    assert len(wire.seen) == (1 if odd.keeps else 2)


@pytest.mark.parametrize("late", [POISON, POISON[:9], b"\r\n", hints(1), b"0\r\n\r\n"])
def test_what_comes_late_closes_the_connection(late: bytes) -> None:
    """Behind an answer, while nobody asks."""
    said = threading.Event()

    def script(peer: Peer) -> None:
        first = not said.is_set()
        while request := peer.read_request():
            peer.say(own(request))
            if first:
                peer.drip([late], pause=0.02)
                said.set()

    with RawServer(script) as server:
        client = client_of(server.url, ACME)
        assert_own(outcome(CALLS["read"], client), ACME)
        assert said.wait(5)
        assert_own(outcome(CALLS["read"], client), ACME)
        assert server.connections == 2


@pytest.mark.parametrize("name", ["read", "create"])
def test_what_speaks_before_it_is_asked_is_asked_nothing(name: str) -> None:
    """It would be taken for the answer, and cannot be one."""

    def script(peer: Peer) -> None:
        peer.say(answer(OTHER, "201 Created"))
        peer.wait()

    with RawServer(script) as server, pytest.MonkeyPatch.context() as patch:
        let_it_arrive(patch)
        with pytest.raises(NeverSent) as caught:
            CALLS[name](client_of(server.url, ACME))
        assert caught.value.code == "spoke_first"


def let_it_arrive(patch: pytest.MonkeyPatch) -> None:
    """Waits where a connection has been made, until something can be read from it."""
    connect = sockets._open

    def slowly(host: str, port: int, options: object) -> object:
        connection = connect(host, port, options)
        assert wait_for_read(connection, timeout=5)
        return connection

    patch.setattr(sockets, "_open", slowly)


def closing(request_count: int) -> Callable[[Peer], None]:
    """Answers so many requests on its first connection, reads one more and ends it."""
    first = threading.Lock()

    def script(peer: Peer) -> None:
        is_first = first.acquire(blocking=False)
        left = request_count if is_first else -1
        while request := peer.read_request():
            if left == 0:
                return
            peer.say(own(request))
            left -= 1

    return script


def test_a_read_that_finds_its_connection_ended_is_asked_once_more() -> None:
    with RawServer(closing(1)) as server:
        client = client_of(server.url, ACME)
        assert_own(outcome(CALLS["read"], client), ACME)
        assert_own(outcome(CALLS["read"], client), ACME)
        assert server.connections == 2


def test_a_read_is_asked_no_third_time() -> None:
    """Every connection ends when it is asked a second thing, and each new one at once."""
    asked: list[bytes] = []

    def script(peer: Peer) -> None:
        asked.append(peer.read_request())
        if len(asked) == 1:
            peer.say(own(asked[0]))
            asked.append(peer.read_request())

    with RawServer(script) as server:
        client = client_of(server.url, ACME)
        assert_own(outcome(CALLS["read"], client), ACME)
        assert outcome(CALLS["read"], client)[0] == "connection_lost"
    assert len(asked) == 3


def test_a_read_on_a_new_connection_is_asked_once() -> None:
    with RawServer(closing(0)) as server:
        assert outcome(CALLS["read"], client_of(server.url, ACME))[0] == "connection_lost"
        assert server.connections == 1


@pytest.mark.parametrize("said", [b"H", hints(1), b"HTTP/1.1 200 OK\r\n"])
def test_a_read_whose_answer_had_begun_is_not_asked_again(said: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.say(own(peer.read_request()))
        if peer.read_request():
            peer.say(said)

    with RawServer(script) as server:
        client = client_of(server.url, ACME)
        assert_own(outcome(CALLS["read"], client), ACME)
        assert outcome(CALLS["read"], client)[0] in CUT
        assert server.connections == 1


def test_a_read_without_an_answer_in_time_is_not_asked_again() -> None:
    def script(peer: Peer) -> None:
        peer.say(own(peer.read_request()))
        peer.read_request()
        peer.wait()

    with RawServer(script) as server, within(5):
        client = Client(server.url, Secret(ACME), total=10.0, read=0.2)
        assert_own(outcome(CALLS["read"], client), ACME)
        assert outcome(CALLS["read"], client)[0] == "timeout"
        assert server.connections == 1


def test_threads_of_two_teams_get_their_own() -> None:
    """All at once, on a wire that says each answer twice."""
    wrong: list[str] = []

    def ask(url: str, token: str) -> None:
        client = client_of(url, token)
        for _ in range(20):
            code, shown = outcome(CALLS["read"], client)
            if code != DONE or mark(token) not in shown or "poison" in shown:
                wrong.append(shown)

    def script(peer: Peer) -> None:
        while request := peer.read_request():
            peer.say(own(request) + own(request, "poison"))

    with RawServer(script) as server:
        threads = [
            threading.Thread(target=ask, args=[server.url, token]) for token in [ACME, BOLT] * 3
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def endless() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    while True:
        yield b"1\r\n \r\n" * 1000


def test_chunks_of_one_byte_end() -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.drip(endless(), pause=0)

    with RawServer(script) as server, within(5):
        assert outcome(CALLS["read"], client_of(server.url, ACME))[0] == "unreadable"
