"""Answers whose beginning or end is odd, on a wire that two teams share one after the other.

Whatever comes, it is taken for what it is, and nobody gets what was said to another.
"""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import pytest
from urllib3.util.wait import wait_for_read

from controlpanel.lib.secret import Secret
from controlpanel.vpsorg import sockets
from controlpanel.vpsorg.client import Client
from controlpanel.vpsorg.errors import ApiError, NeverSent
from tests.vpsorg.rawserver import Peer, RawServer, answer, within

ACME: Final = "vps_acme_0000000000000001"
BOLT: Final = "vps_bolt_0000000000000001"
Call = Callable[[Client], object]
CALLS: Final[dict[str, Call]] = {
    "read": lambda client: client.read("/servers/"),
    "create": lambda client: client.create_server(
        {"name": "web-9", "plan_id": 1, "os_id": 5, "location": "us-west"}
    ),
}


def whose(request: bytes) -> str:
    return ACME if ACME.encode() in request else BOLT


def own(request: bytes, extra: str = "") -> bytes:
    """A right answer to this request, which says whose it is."""
    status = "201 Created" if request.startswith(b"POST") else "200 OK"
    mark = "acme" if whose(request) == ACME else "bolt"
    return answer(json.dumps({"id": 12345, "name": mark + extra}).encode(), status)


def head(request: bytes, *headers: str) -> bytes:
    status = "201 Created" if request.startswith(b"POST") else "200 OK"
    return "\r\n".join([f"HTTP/1.1 {status}", *headers]).encode() + b"\r\n\r\n"


def body(request: bytes) -> bytes:
    return own(request).partition(b"\r\n\r\n")[2]


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


OTHER: Final = b'{"id": 1, "name": "poison"}'
POISON: Final = answer(OTHER, "200 OK")
DONE: Final = "done"


@dataclass(frozen=True)
class Odd:
    """What is said to the first request, and what it may come out as; "done": with its own answer.

    `ends`: the provider ends the connection after it. `keeps`: the panel uses it again.
    """

    name: str
    say: Callable[[bytes], bytes]
    outcomes: set[str]
    ends: bool = False
    keeps: bool = False


def hints(count: int, status: str = "103 Early Hints") -> bytes:
    return f"HTTP/1.1 {status}\r\nLink: </a.css>; rel=preload\r\n\r\n".encode() * count


UNREADABLE: Final = {"unreadable"}
CUT: Final = {"truncated", "connection_lost"}
ODD: Final = [
    # Interim answers
    Odd("100 first", lambda one: hints(1, "100 Continue") + own(one), {DONE}, keeps=True),
    Odd("102 first", lambda one: hints(1, "102 Processing") + own(one), {DONE}, keeps=True),
    Odd("103 first", lambda one: hints(1) + own(one), {DONE}, keeps=True),
    Odd("199 first", lambda one: hints(1, "199 Whatever") + own(one), {DONE}, keeps=True),
    Odd("eight interim answers", lambda one: hints(8) + own(one), {DONE}, keeps=True),
    Odd("nine interim answers", lambda one: hints(9) + own(one), UNREADABLE),
    Odd("nine times 100", lambda one: hints(9, "100 Continue") + own(one), UNREADABLE),
    Odd("101", lambda one: hints(1, "101 Switching Protocols") + own(one), {"unexpected_status"}),
    Odd("103 and then 101", lambda one: hints(1) + hints(1, "101 No") + own(one),
        {"unexpected_status"}),
    Odd("103 and then the end", lambda _: hints(1), CUT, ends=True),
    Odd("103 that is cut", lambda _: hints(1)[:-2], CUT, ends=True),
    Odd("103 with a body", lambda one: b"HTTP/1.1 103 Hi\r\nContent-Length: 2\r\n\r\n{}" + own(one),
        UNREADABLE),
    # More than was asked for
    Odd("twice", lambda one: own(one) + POISON, {DONE}),
    Odd("twice, the second cut", lambda one: own(one) + POISON[:20], {DONE}),
    Odd("a line too much", lambda one: own(one) + b"\r\n", {DONE}),
    Odd("a hint behind", lambda one: own(one) + hints(1), {DONE}),
    Odd("longer than it says", lambda one: own(one) + b"{}", {DONE}),
    Odd("204 with a body", lambda _: b"HTTP/1.1 204 No\r\nContent-Length: 27\r\n\r\n" + OTHER,
        {"unexpected_status", "unreadable"}),
    Odd("304 with chunks",
        lambda _: b"HTTP/1.1 304 No\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(OTHER),
        {"redirect"}),
    # Less
    Odd("no answer", lambda _: b"", {"connection_lost"}, ends=True),
    Odd("a cut status line", lambda _: b"HTTP/1.1 201", CUT, ends=True),
    Odd("cut headers", lambda one: own(one).partition(b"\r\n\r\n")[0], CUT, ends=True),
    Odd("a header cut in two", lambda _: b"HTTP/1.1 201 Created\r\nContent-Le", CUT, ends=True),
    Odd("a cut body", lambda one: own(one)[:-3], {"truncated"}, ends=True),
    Odd("a body without an end", lambda one: head(one, "Transfer-Encoding: chunked") + b"5\r\n{}",
        {"truncated"}, ends=True),
    Odd("chunks without the last", lambda one: head(one, "Transfer-Encoding: chunked")
        + chunk(body(one)), {"truncated"}, ends=True),
    # Lengths
    Odd("no length", lambda one: head(one) + body(one), {DONE}, ends=True),
    Odd("two lengths", lambda one: head(one, "Content-Length: 2", "Content-Length: 27") + OTHER,
        UNREADABLE),
    Odd("two lengths in one", lambda one: head(one, "Content-Length: 2, 27") + OTHER, UNREADABLE),
    Odd("one length twice", lambda one: head(one, *[f"Content-Length: {len(body(one))}"] * 2)
        + body(one), {DONE}),
    Odd("a length below zero", lambda one: head(one, "Content-Length: -1") + OTHER, UNREADABLE),
    Odd("a length with a plus", lambda one: head(one, "Content-Length: +27") + OTHER, UNREADABLE),
    Odd("a length in Python's way", lambda one: head(one, "Content-Length: 2_7") + OTHER,
        UNREADABLE),
    Odd("an empty length", lambda one: head(one, "Content-Length:") + OTHER, UNREADABLE),
    Odd("a length in words", lambda one: head(one, "Content-Length: many") + OTHER, UNREADABLE),
    Odd("a space before the colon", lambda one: head(one, "Content-Length : 27") + OTHER,
        UNREADABLE),
    Odd("a folded header", lambda one: head(one, "X-A: b", " Content-Length: 27") + OTHER,
        UNREADABLE),
    Odd("a line that is no header", lambda one: head(one, "hello", "Content-Length: 27") + OTHER,
        UNREADABLE),
    Odd("a bare return", lambda one: head(one, "X-A: b\rContent-Length: 2") + OTHER, UNREADABLE),
    # Chunks
    Odd("chunks", lambda one: head(one, "Transfer-Encoding: chunked")
        + chunk(body(one)[:9]) + chunk(body(one)[9:]) + b"0\r\n\r\n", {DONE}, keeps=True),
    Odd("chunks with extras", lambda one: head(one, "Transfer-Encoding: Chunked")
        + b"%X;a=b\r\n%s\r\n" % (len(body(one)), body(one)) + b"0\r\nX-After: 1\r\n\r\n", {DONE},
        keeps=True),
    Odd("chunks and a length", lambda one: head(one, "Transfer-Encoding: chunked",
        "Content-Length: 5") + chunk(body(one)) + b"0\r\n\r\n", {DONE}),
    Odd("chunks in chunks", lambda one: head(one, "Transfer-Encoding: chunked, chunked")
        + chunk(OTHER) + b"0\r\n\r\n", UNREADABLE),
    Odd("chunks by another name", lambda one: head(one, "Transfer-Encoding: xchunked")
        + chunk(OTHER) + b"0\r\n\r\n", UNREADABLE),
    Odd("a chunk below zero", lambda one: head(one, "Transfer-Encoding: chunked")
        + b"-1\r\n" + OTHER, UNREADABLE),
    Odd("a chunk in Python's way", lambda one: head(one, "Transfer-Encoding: chunked")
        + b"0x1b\r\n" + OTHER + b"\r\n0\r\n\r\n", UNREADABLE),
    Odd("a chunk that is longer", lambda one: head(one, "Transfer-Encoding: chunked")
        + b"2\r\n{}{}\r\n0\r\n\r\n", UNREADABLE),
    Odd("chunks and more", lambda one: head(one, "Transfer-Encoding: chunked")
        + chunk(body(one)) + b"0\r\n\r\n" + POISON, {DONE}),
    # Others
    Odd("HTTP/1.0", lambda one: own(one).replace(b"/1.1", b"/1.0", 1), {DONE}, ends=True),
    Odd("HTTP/1.0 that stays open", lambda one: own(one).replace(b"/1.1", b"/1.0", 1), {DONE}),
    Odd("HTTP/2", lambda one: own(one).replace(b"HTTP/1.1", b"HTTP/2", 1), UNREADABLE),
    Odd("a status in Python's way", lambda one: own(one).replace(b" 20", b" 2_0", 1), UNREADABLE),
    Odd("a close that stays open", lambda one: head(one, "Connection: x, CLOSE",
        f"Content-Length: {len(body(one))}") + body(one), {DONE}),
    Odd("an empty line first", lambda one: b"\r\n" + own(one), UNREADABLE),
]  # fmt: skip


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
