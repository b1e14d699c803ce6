"""Requests that two readers could read in two ways, and paths that could be written in another:
nothing reaches the provider that the allow-list does not name. Raw sockets, the real process."""

import re
import socket
from collections.abc import Iterator

import pytest

from controlpanel.gateway.routes import find
from controlpanel.sandbox.server import Sandbox
from tests.gateway.serving import WebProcess
from tests.gateway.tap import Tap
from tests.people import OWNER_TOKEN

pytestmark = [pytest.mark.deep, pytest.mark.timeout(120)]
PASSED = {
    "host", "accept", "accept-encoding", "content-type", "user-agent", "authorization",
    "x-request-id",
}  # fmt: skip
DELETE = "DELETE /api/v1/servers/12345/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}"


@pytest.fixture(scope="module")
def provider() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def tap(provider: Sandbox) -> Iterator[Tap]:
    with Tap(int(provider.url.rpartition(":")[2])) as tap:
        yield tap


@pytest.fixture(scope="module")
def web(tap: Tap, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebProcess]:
    folder = tmp_path_factory.mktemp("web")
    with WebProcess(folder, tap.url, PANEL_GATEWAY_RATE="10000") as process:
        yield process


@pytest.fixture(autouse=True)
def _nothing_else(web: WebProcess, provider: Sandbox, tap: Tap) -> Iterator[None]:
    """Whatever a test sends: only calls that the allow-list names, with nothing of the client's."""
    provider.journal.clear()
    tap.sent()
    yield
    sent = tap.sent()
    assert len(provider.journal.entries()) == len(calls(sent))
    for method, path, headers in calls(sent):
        assert find(method, path.partition("?")[0]).route is not None, path
        assert ".." not in path
        assert set(headers) <= PASSED, headers
        assert f"http://{headers['host']}" == tap.url
        assert headers["authorization"] == f"Bearer {OWNER_TOKEN}"
    assert web.key.encode() not in sent
    assert b"evil" not in sent.lower()


def calls(sent: bytes) -> list[tuple[str, str, dict[str, str]]]:
    """Method, path and headers of each request that the panel sent."""
    found = []
    for head in re.findall(rb"[A-Z]+ [^ ]+ HTTP/1\.1\r\n(?:[^\r\n]+\r\n)+\r\n", sent):
        first, *lines = head.decode("latin-1").rstrip().split("\r\n")
        pairs = (line.partition(": ") for line in lines)
        method, path, _version = first.split(" ")
        found.append((method, path, {name.lower(): value for name, _sign, value in pairs}))
    return found


def say(web: WebProcess, text: str | bytes, *, seconds: float = 2.0) -> bytes:
    """All that is answered until the server closes, or says nothing more."""
    data = text if isinstance(text, bytes) else text.encode("latin-1")
    answer = b""
    with web.connect() as connection:
        connection.sendall(data.replace(b"{key}", web.key.encode()))
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(seconds)
        try:
            while part := connection.recv(65536):
                answer += part
        except (TimeoutError, ConnectionResetError):
            pass
    return answer


def statuses(answer: bytes) -> list[int]:
    return [int(one) for one in re.findall(rb"HTTP/1\.1 ([0-9]{3}) ", answer)]


def get(path: str, *lines: str, host: str = "localhost") -> str:
    first = (f"GET {path} HTTP/1.1", f"Host: {host}", "Authorization: Bearer {key}", *lines)
    return "\r\n".join([*first, "Connection: close", "", ""])


def post(*lines: str, body: str = "") -> str:
    first = ("POST /api/v1/servers/ HTTP/1.1", "Host: localhost", "Authorization: Bearer {key}")
    return "\r\n".join([*first, "Content-Type: application/json", *lines, "", body])


def test_an_honest_request_is_passed_on(web: WebProcess, provider: Sandbox) -> None:
    assert statuses(say(web, get("/api/v1/servers/12345/"))) == [200]
    assert len(provider.journal.entries()) == 1


HIDDEN = DELETE + "\r\n\r\n"
IN_A_CHUNK = f"{len(HIDDEN) + 43:x}"  # the key in place of its mark makes it longer
FRAMINGS = {
    "length and chunks": post(
        "Content-Length: 4", "Transfer-Encoding: chunked", body="0\r\n\r\n" + HIDDEN
    ),
    "chunks and length": post(
        "Transfer-Encoding: chunked", "Content-Length: 4", body="0\r\n\r\n" + HIDDEN
    ),
    "two lengths": post("Content-Length: 0", f"Content-Length: {len(HIDDEN)}", body=HIDDEN),
    "two equal lengths": post("Content-Length: 0", "Content-Length: 0", body=HIDDEN),
    "a list of lengths": post("Content-Length: 0, 5", body=HIDDEN),
    "a length with a sign": post("Content-Length: +0", body=HIDDEN),
    "a negative length": post("Content-Length: -1", body=HIDDEN),
    "a length in hex": post("Content-Length: 0x0", body=HIDDEN),
    "a length with a gap": post("Content-Length : 0", body=HIDDEN),
    "a length in other digits": post("Content-Length: \xb2", body=HIDDEN),
    "an unknown coding": post("Transfer-Encoding: xchunked", body="0\r\n\r\n" + HIDDEN),
    "chunked twice": post("Transfer-Encoding: chunked, chunked", body="0\r\n\r\n" + HIDDEN),
    "chunked and identity": post("Transfer-Encoding: chunked, identity", body="0\r\n\r\n" + HIDDEN),
    "identity": post("Transfer-Encoding: identity", "Content-Length: 0", body=HIDDEN),
    "a coding with a tab": post("Transfer-Encoding:\x0bchunked", body="0\r\n\r\n" + HIDDEN),
    "a coding with a gap": post("Transfer-Encoding : chunked", body="0\r\n\r\n" + HIDDEN),
    "a coding twice": post(
        "Transfer-Encoding: identity", "Transfer-Encoding: chunked", body="0\r\n\r\n" + HIDDEN
    ),
    "a folded coding": post("Transfer-Encoding:\r\n chunked", body="0\r\n\r\n" + HIDDEN),
    "a folded header": post("X-One: a\r\n Content-Length: 5", body=HIDDEN),
    "an underscore": post("Content_Length: 0", "Transfer_Encoding: chunked", body=HIDDEN[:4]),
    "a bare line feed": post("X-One: a\nContent-Length: 0\nX-Two: b", body=HIDDEN),
    "a bare carriage return": post("X-One: a\rContent-Length: 0", body=HIDDEN),
    "a null": post("X-One: a\x00b", body=HIDDEN),
    "a bad chunk size": post("Transfer-Encoding: chunked", body="0x0\r\n\r\n" + HIDDEN),
    "a huge chunk size": post("Transfer-Encoding: chunked", body="f" * 40 + "\r\n\r\n" + HIDDEN),
    "a line feed after a chunk": post("Transfer-Encoding: chunked", body="0\n\n" + HIDDEN),
    "a body of an old version": post(
        "Transfer-Encoding: chunked", body="0\r\n\r\n" + HIDDEN
    ).replace("HTTP/1.1", "HTTP/1.0", 1),
    "no header at all": "POST /api/v1/servers/\r\n" + HIDDEN,
    "two hosts": get("/api/v1/servers/", "Host: example.com") + HIDDEN,
    "space before a header": post(" X-One: a", body=HIDDEN),
    "a header without a colon": post("X-One", body=HIDDEN),
}


@pytest.mark.parametrize("sent", FRAMINGS.values(), ids=FRAMINGS)
def test_what_is_framed_in_two_ways_is_read_in_none(
    web: WebProcess, provider: Sandbox, sent: str
) -> None:
    answer = say(web, sent)
    assert all(status >= 400 for status in statuses(answer)), answer
    assert len(statuses(answer)) <= 1
    assert not provider.journal.entries()


def test_what_is_hidden_in_a_body_is_a_body(web: WebProcess, provider: Sandbox) -> None:
    key_longer = len(web.key) - len("{key}")
    size = len(HIDDEN) + key_longer
    assert statuses(say(web, post(f"Content-Length: {size}", body=HIDDEN)))[0] == 400
    chunks = f"{size:x}\r\n{HIDDEN}\r\n0\r\n\r\n"
    assert statuses(say(web, post("Transfer-Encoding: chunked", body=chunks)))[0] == 411
    body_of_a_read = get("/api/v1/servers/", f"Content-Length: {size}") + HIDDEN
    assert statuses(say(web, body_of_a_read)) == [400]
    assert not provider.changes()


def test_whole_requests_one_after_another_are_what_they_are(
    web: WebProcess, provider: Sandbox
) -> None:
    one = get("/api/v1/servers/12345/").replace("Connection: close\r\n", "")
    assert statuses(say(web, one + one)) == [200, 200]
    assert len(provider.journal.entries()) == 2


PATHS = [
    "/api/v1/servers/../account/",
    "/api/v1/servers/12345/../../plans/",
    "/api/v1/servers/./",
    "/api/v1/servers/%2e%2e/plans/",
    "/api/v1/servers/%2e%2e%2fplans/",
    "/api/v1/servers/..%2fplans/",
    "/api/v1/servers/%252e%252e/",
    "/api/v1/servers/12345%2fstart/",
    "/api/v1/servers/12345%252fstart/",
    "/api/v1/servers//12345/",
    "/api/v1//servers/",
    "//api/v1/servers/",
    "/./api/v1/servers/",
    "/x/../api/v1/servers/",
    "/api/v1/servers/;/",
    "/api/v1/servers/12345;x=1/",
    "/api/v1;x/servers/",
    "/api/v1/servers/12345%00/",
    "/api/v1/servers/%0012345/",
    "/api/v1/servers/12345%0d%0aX-Evil:1/",
    "/api/v1/servers/12345%20/",
    "/api/v1/servers/12345%09/",
    "/api/v1/servers/12345%3fx/",
    "/api/v1/servers/12345%23x/",
    "/api/v1/servers/\\..\\plans/",
    "/api/v1\\servers\\",
    "/api/v1/servers/12345%5c/",
    "/api/v1/servers/%c0%ae%c0%ae/",
    "/api/v1/servers/\u00b2/",
    "/api/v1/servers/.../",
    "/api/v1/servers/@evil.example/",
    "/api/v1/servers/12345/power/",
    "/api/v1/servers/12345/start/",
    "/API/V1/servers/",
    "/api/v1/SERVERS/",
    "/api/v2/servers/",
    "/api/v1/servers",
    "/api/v1/servers/12345",
    "/api/v1/servers/12345/delete/",
    "/_sandbox/journal",
    "/api/v1/../../_sandbox/journal",
    "/api/v1/%2e%2e/%2e%2e/_sandbox/journal",
    "*",
]


@pytest.mark.parametrize("path", PATHS)
def test_a_path_written_in_another_way_is_not_there(
    web: WebProcess, provider: Sandbox, path: str
) -> None:
    answer = say(web, get(path))
    assert statuses(answer)
    assert all(400 <= status < 500 or status == 302 for status in statuses(answer)), answer
    assert not provider.journal.entries()


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/servers/12345/\x00",
        "/api/v1/servers/\x01/",
        "/api/v1/servers/12345/ HTTP/1.1\r\nX: y\r\n\r\nGET /api/v1/plans/",
    ],
)
def test_characters_of_no_path(web: WebProcess, path: str) -> None:
    answer = say(web, get(path))
    assert all(status in {200, 400, 401, 404} for status in statuses(answer)), answer


@pytest.mark.parametrize(
    "target",
    [
        "http://evil.example/api/v1/servers/",
        "https://evil.example/_sandbox/journal",
        "http://127.0.0.1:9/api/v1/servers/",
        "http://localhost@evil.example/api/v1/plans/",
        "//evil.example/api/v1/servers/",
    ],
)
def test_another_hosts_address_leads_nowhere_else(
    web: WebProcess, provider: Sandbox, target: str
) -> None:
    """A server takes an address in full for the path in it; the call goes to the one provider."""
    say(web, get(target))
    say(web, f"CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n{HIDDEN}")
    assert not provider.changes()


@pytest.mark.parametrize("host", ["evil.example", "localhost, evil.example", "localhost/x", ""])
def test_another_host_is_refused(web: WebProcess, provider: Sandbox, host: str) -> None:
    assert statuses(say(web, get("/api/v1/servers/", host=host))) == [400]
    assert not provider.journal.entries()


OVERRIDES = [
    "X-HTTP-Method-Override: DELETE",
    "X-HTTP-Method: DELETE",
    "X-Method-Override: DELETE",
    "X-Original-URL: /api/v1/plans/",
    "X-Rewrite-URL: /api/v1/plans/",
    "SCRIPT_NAME: /api",
    "PATH_INFO: /api/v1/plans/",
    "X-Forwarded-Host: evil.example",
    "X-Forwarded-Prefix: /x",
    "Forwarded: host=evil.example;proto=https",
    "Upgrade: h2c",
    "Content-Type: application/json; charset=utf-7",
    "Cookie: session=x",
    "Proxy: http://evil.example",
    "Proxy-Authorization: Basic eA==",
    "TE: trailers",
    "Trailer: X-Evil",
    "Via: 1.1 evil",
    "X-Request-Id: a b\tc",
    "Accept-Encoding: gzip",
    "Range: bytes=0-1",
    "If-None-Match: *",
    "X-Evil: 1",
]


@pytest.mark.parametrize("line", OVERRIDES)
def test_no_header_is_passed_on(web: WebProcess, provider: Sandbox, tap: Tap, line: str) -> None:
    answer = say(web, get("/api/v1/servers/12345/", line))
    assert statuses(answer) == [200]
    ((method, path, headers),) = calls(tap.sent())
    assert (method, path) == ("GET", "/api/v1/servers/12345/")
    name, _sign, value = line.partition(": ")
    assert headers.get(name.lower()) != value
    assert set(headers) <= PASSED
    provider.journal.clear()


@pytest.mark.parametrize("value", ["a%0d%0aX-Evil: 1", "a\r\nX-Evil: 1", "a\nX-Evil: 1", "\x00"])
def test_no_header_is_made_out_of_a_value(web: WebProcess, value: str) -> None:
    for name in ("X-Request-Id", "Idempotency-Key", "X-Reason", "X-Labels"):
        answer = say(web, get("/api/v1/servers/", f"{name}: {value}"))
        assert b"\nX-Evil" not in answer
    answer = say(web, get("/api/v1/servers/?status=" + value))
    assert b"\nX-Evil" not in answer


@pytest.mark.parametrize(
    "method", ["TRACE", "CONNECT", "HEAD", "OPTIONS", "get", "PROPFIND", "G\x00"]
)
def test_no_other_method(web: WebProcess, provider: Sandbox, method: str) -> None:
    answer = say(web, get("/api/v1/servers/").replace("GET", method, 1))
    assert all(400 <= status < 500 for status in statuses(answer)), answer
    assert not provider.journal.entries()
