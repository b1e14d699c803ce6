"""Two teams, each with an account and a panel key of its own, on one web process as it is started
in use, before a provider whose answers begin or end in odd ways.

Whatever comes over the wire: each gets what was said to its own API token, the words that come with
it are true, no change is sent twice, and whoever asks next is answered as if nothing had been.
"""

import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, NamedTuple

import pytest
import requests

from tests.gateway.serving import WebProcess
from tests.vpsorg.odd_answers import ACME, BOLT, DONE, ODD, POISON, Odd, hints, own, whose
from tests.vpsorg.rawserver import Peer, RawServer, answer

SLUGS: Final = {ACME: "acme", BOLT: "bolt"}
SERVERS: Final = 700
_servers, _names = count(20_001), count(50_000)


@dataclass(frozen=True)
class Call:
    """`path` and `fields` are of a server that no other call has been for. `odd_at`: method of the
    request that is answered oddly, where it is not the call itself."""

    method: str
    path: Callable[[], str]
    fields: Callable[[], dict[str, Any]] = dict
    odd_at: str = ""

    @property
    def is_read(self) -> bool:
        return self.method == "GET"


def a_server(verb: str = "") -> Callable[[], str]:
    return lambda: f"/servers/{next(_servers)}/{verb}"


CALLS: Final = {
    "list": Call("GET", lambda: "/servers/"),
    "show": Call("GET", lambda: "/servers/20000/"),
    "create": Call("POST", lambda: "/servers/", lambda: {
        "name": f"new-{next(_names)}", "plan_id": 1, "os_id": 5, "location": "us-west"}),
    "rename": Call("PATCH", a_server(), lambda: {"name": f"old-{next(_names)}"}),
    "reboot": Call("POST", a_server("reboot/")),
    "delete": Call("DELETE", a_server()),
    "look before a deletion": Call("DELETE", a_server(), odd_at="GET"),
}  # fmt: skip


def dripping(say: Callable[[bytes], bytes]) -> Callable[[Peer, bytes], None]:
    def script(peer: Peer, request: bytes) -> None:
        data = say(request)
        peer.drip([data[at : at + 1] for at in range(len(data))], pause=0.0)

    return script


def behind(late: bytes) -> Callable[[Peer, bytes], None]:
    def script(peer: Peer, request: bytes) -> None:
        peer.say(own(request))
        peer.drip([late], pause=0.02)

    return script


SCRIPTS: Final[dict[str, Callable[[Peer, bytes], None]]] = {
    "in drops": dripping(own),
    "interim answers in drops": dripping(lambda request: hints(3) + own(request)),
    "another one later": behind(POISON),
    "half of another one later": behind(POISON[:30]),
    "408 when it has nothing to do": behind(b"HTTP/1.1 408 Too Slow\r\nContent-Length: 0\r\n\r\n"),
}
SILENT: Final = "no answer"
# What stands for its kind wherever there is little time; the others are for `make deep`.
QUICK: Final = {
    "102 first", "eight interim answers", "nine interim answers", "101", "twice", SILENT,
    "cut headers", "a head alone", "no length", "two lengths", "chunks and a length",
    "a header too long", "204 with a body", "HTTP/1.0 that promises to stay open",
    "an end between two calls", "in drops", "another one later",
}  # fmt: skip
LATE: Final = (
    Call("GET", lambda: "/servers/?location=late"),
    Call("POST", lambda: "/servers/", lambda: {**CALLS["create"].fields(), "location": "late"}),
)
CASES: Final = [*ODD, *(Odd(name, lambda _: b"", {DONE}) for name in SCRIPTS)]


class Heard(NamedTuple):
    token: str
    method: str
    path: str


class Provider:
    """Answers every request rightly and says whose it was, but oddly the next one that is armed,
    and those that are late when nobody waits any more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: tuple[str, str, Odd] | None = None
        self.is_done = threading.Event()
        self.heard: list[Heard] = []
        self.mixed: list[bytes] = []

    def arm(self, token: str, method: str, odd: Odd) -> None:
        self.is_done.clear()
        self.heard.clear()
        self._armed = (token, method, odd)

    def __call__(self, peer: Peer) -> None:
        before = b""
        while request := peer.read_request():
            if before and (whose(before) != whose(request) or not request.startswith(b"GET ")):
                self.mixed.append(request)
            before = request
            if b"late" in request:
                peer.read_a_byte()  # its end
                peer.say(own(request))
                return
            odd = self._taken(request)
            if odd is None:
                peer.say(right(request))
                continue
            self._say(peer, request, odd)
            if odd.ends:
                return

    def _say(self, peer: Peer, request: bytes, odd: Odd) -> None:
        try:
            if odd.name in SCRIPTS:
                SCRIPTS[odd.name](peer, request)
            else:
                peer.say(odd.say(request))
        finally:
            self.is_done.set()

    def _taken(self, request: bytes) -> Odd | None:
        method, path = request.decode().split(" ")[:2]
        token = whose(request)
        with self._lock:
            self.heard.append(Heard(token, method, path))
            if self._armed is None or self._armed[:2] != (token, method):
                return None
            odd, self._armed = self._armed[2], None
        return odd


def right(request: bytes) -> bytes:
    """What is looked at before a deletion has the name that the mirror has."""
    looked = re.match(rb"GET /api/v1/servers/([0-9]+)/", request)
    if looked is None or looked[1] == b"20000":
        return own(request)
    seen = {"id": int(looked[1]), "name": f"server-{int(looked[1]) - 20_000}"}
    return answer(json.dumps(seen).encode())


@pytest.fixture(scope="module")
def provider() -> Provider:
    return Provider()


@pytest.fixture(scope="module")
def web(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebProcess]:
    with (
        RawServer(provider) as server,
        WebProcess(
            tmp_path_factory.mktemp("web"), server.url,
            SEED_TEAMS=f"acme={ACME} bolt={BOLT}", SEED_ROLE="admin", SEED_SERVERS=str(SERVERS),
            PANEL_GATEWAY_RATE="10000", PANEL_GATEWAY_BURST="10000",
        ) as process,
    ):  # fmt: skip
        yield process
    assert not provider.mixed, (
        "A connection was for two teams, or a change was not alone on its own."
    )


@pytest.fixture(scope="module")
def scripts(web: WebProcess) -> Iterator[dict[str, "Script"]]:
    made = {token: Script(web, key) for token, key in zip((ACME, BOLT), web.keys, strict=True)}
    yield made
    for script in made.values():
        script.session.close()


@dataclass
class Script:
    """Of one team: a client with its panel key."""

    web: WebProcess
    key: str

    def __post_init__(self) -> None:
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {self.key}"

    def ask(self, call: Call, path: str) -> requests.Response:
        return self.session.request(
            call.method, f"{self.web.url}/api/v1{path}", json=call.fields() or None, timeout=60
        )


def test_each_gets_its_own_and_true_words(scripts: dict[str, Script], provider: Provider) -> None:
    """In one test, so that one process serves it all."""
    with ThreadPoolExecutor(4) as pool:
        late = [
            (call, token, pool.submit(scripts[token].ask, call, call.path()))
            for token in scripts
            for call in LATE
        ]
        for odd in CASES:
            if odd.name in QUICK:
                for call in (CALLS["list"], CALLS["create"]):
                    assert_all(odd, call, scripts, provider)
        for call, token, asked in late:
            assert_true(asked.result(), Odd("late", own, {"timeout"}), call)
            assert_own(asked.result().text, token)
    assert not QUICK - {odd.name for odd in CASES}
    assert_as_if_nothing_had_been(scripts)


@pytest.mark.deep
@pytest.mark.parametrize("odd", CASES, ids=lambda odd: odd.name)
def test_the_same_with_all_that_is_odd(
    odd: Odd, scripts: dict[str, Script], provider: Provider
) -> None:
    for call in CALLS.values():
        assert_all(odd, call, scripts, provider)


def assert_all(odd: Odd, call: Call, scripts: dict[str, Script], provider: Provider) -> None:
    for token in scripts:
        path = call.path()
        provider.arm(token, call.odd_at or call.method, odd)
        given = scripts[token].ask(call, path)
        assert provider.is_done.wait(5), given.text
        assert_own(given.text, token)
        asked = Counter(provider.heard)
        if call.odd_at:
            is_sent = assert_true_of_look(given, odd)
        else:
            assert_true(given, odd, call)
            assert SLUGS[token] in given.text or given.status_code not in {200, 201}
            is_sent = True
        wanted = Heard(token, call.method, f"/api/v1{path}")
        assert asked[wanted] == (2 if call.is_read and odd.name == SILENT else is_sent), asked
        assert_as_if_nothing_had_been(scripts)


def assert_own(text: str, token: str) -> None:
    assert SLUGS[BOLT if token == ACME else ACME] not in text
    assert "poison" not in text


def assert_as_if_nothing_had_been(scripts: dict[str, Script]) -> None:
    for token, script in scripts.items():
        given = script.ask(CALLS["list"], "/servers/")
        assert (given.status_code, SLUGS[token] in given.text) == (200, True), given.text
        assert_own(given.text, token)


def assert_true(given: requests.Response, odd: Odd, call: Call) -> None:
    told = given.json() if given.content else {}
    code = told.get("code", DONE)
    assert code in outcomes(odd, call), given.text
    if code == DONE:
        assert given.status_code in {200, 201, 204}
    elif call.is_read:
        assert given.status_code == (504 if code == "timeout" else 502)
        assert told["detail"].endswith("Nothing was changed.")
    else:
        assert (given.status_code, told["state"]) == (504, "unknown")
        assert "Do not send it again" in told["detail"]


def outcomes(odd: Odd, call: Call) -> set[str]:
    if odd.name == SILENT and call.is_read:
        return {DONE}  # it had been kept open, so it was asked once more
    if odd.name == "204 with a body" and not call.is_read and call is not CALLS["create"]:
        return {DONE}
    return odd.outcomes


def assert_true_of_look(given: requests.Response, odd: Odd) -> bool:
    """Whether the deletion was to be sent."""
    if odd.name == SILENT:
        assert given.status_code == 200
        return True
    told = given.json()
    if DONE in odd.outcomes:  # it shows a name that the server did not have
        assert (given.status_code, told["code"]) == (409, "changed_meanwhile")
    else:
        assert (given.status_code, told["code"]) == (503, "not_sent")
        assert "Nothing was done" in told["detail"]
    return False
