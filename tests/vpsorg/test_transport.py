"""The safeguards of the one way out."""

import gzip
import json
import os
import ssl
import threading
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path

import pytest
import requests
from requests.adapters import HTTPAdapter

from controlpanel.sandbox.server import Sandbox
from controlpanel.vpsorg.client import Client
from controlpanel.vpsorg.errors import Ambiguous
from controlpanel.vpsorg.request import MOST_BODY
from controlpanel.vpsorg.session import session
from tests.vpsorg.rawserver import Peer, RawServer, answer, within

ClientAt = Callable[..., Client]
EMPTY = b'{"count": 0, "results": []}'
NEW = {"name": "web-9", "plan_id": 1, "os_id": 5, "location": "us-west"}


def headers_of(request: bytes) -> dict[str, str]:
    lines = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(Ambiguous) as caught:
        call()
    return caught.value.code


def test_every_request_carries_what_is_documented(client_at: ClientAt) -> None:
    with RawServer(answer(EMPTY)) as server:
        client = client_at(server.url)
        client.list_servers()
        with pytest.raises(Ambiguous):
            client.create_server(NEW)
        client.stop_server("1")
    assert len(server.requests) == 3
    for request in server.requests:
        headers = headers_of(request)
        assert headers["authorization"] == "Bearer vps_sandbox_acme_owner_0001"
        assert headers["content-type"] == "application/json"
        assert headers["accept-encoding"] == "identity"
    listed, created, stopped = server.requests
    assert listed.startswith(b"GET /api/v1/servers/ HTTP/1.1\r\n")
    assert json.loads(created.partition(b"\r\n\r\n")[2]) == NEW
    assert headers_of(stopped)["content-length"] == "0"


def drip_headers(peer: Peer) -> Iterator[bytes]:
    yield from (b"HTTP/1.1 200 OK\r\n", b"X-Slow: ", *repeat(b"a", 1000))


def drip_body(peer: Peer) -> Iterator[bytes]:
    yield from (b"HTTP/1.1 201 Created\r\nContent-Length: 5000\r\n\r\n", *repeat(b" ", 1000))


def drip_chunks(peer: Peer) -> Iterator[bytes]:
    yield b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"
    yield from repeat(b"1\r\n \r\n", 1000)


def drip_trailers(peer: Peer) -> Iterator[bytes]:
    yield b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
    yield from repeat(b"X-More: 1\r\n", 1000)


def drip_hints(peer: Peer) -> Iterator[bytes]:
    yield b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n"
    yield from repeat(b"Link: </a>\r\n", 1000)


Drip = Callable[[Peer], Iterator[bytes]]
DRIPS = [drip_headers, drip_body, drip_chunks, drip_trailers, drip_hints]


@pytest.mark.parametrize("drip", DRIPS)
def test_the_total_deadline_holds_while_bytes_trickle_in(client_at: ClientAt, drip: Drip) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.drip(drip(peer))

    with RawServer(script) as server, within(3):
        client = client_at(server.url, total=0.5, read=0.3)
        assert code_of(lambda: client.create_server(NEW)) == "timeout"


@pytest.mark.parametrize("drip", DRIPS)
def test_the_total_deadline_holds_over_tls(
    certificate: str, trusting: ClientAt, drip: Drip
) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.drip(drip(peer))

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with RawServer(script, tls=context) as server, within(3):
        client = trusting(server.url, total=0.5, read=0.3)
        assert code_of(lambda: client.create_server(NEW)) == "timeout"


def test_it_works_over_tls(certificate: str, trusting: ClientAt) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with RawServer(answer(EMPTY), tls=context) as server:
        assert trusting(server.url).list_servers().complete


def test_the_read_deadline_ends_silence_earlier(client_at: ClientAt) -> None:
    with RawServer(Peer.wait) as server, within(3):
        client = client_at(server.url, total=10, read=0.2)
        assert code_of(client.list_servers) == "timeout"


def test_the_deadline_is_for_all_pages_together(client_at: ClientAt) -> None:
    pages = iter(range(2, 1000))

    def script(peer: Peer) -> None:
        while peer.read_request():
            body = json.dumps({"results": [], "next": f"?page={next(pages)}"}).encode()
            peer.drip([answer(body)])

    with RawServer(script) as server, within(3):
        client = client_at(server.url, total=0.5)
        with pytest.raises(Exception, match="in time"):
            client.list_servers()


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_cap_is_not_read(client: Client, sandbox: Sandbox, chunked: bool) -> None:
    sandbox.fault("oversize", size=MOST_BODY, chunked=chunked)
    assert code_of(client.list_servers) == "too_large"


def test_a_body_at_the_cap_is_read(client_at: ClientAt) -> None:
    with RawServer(answer(EMPTY.ljust(MOST_BODY))) as server:
        assert client_at(server.url).list_servers().complete


def test_an_endless_body_ends_at_the_cap(client_at: ClientAt) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.say(b"HTTP/1.1 200 OK\r\n\r\n")
        peer.drip(repeat(b" " * 65536), pause=0)

    with RawServer(script) as server, within(3):
        assert code_of(client_at(server.url, total=10).list_servers) == "too_large"


def test_a_compressed_answer_is_not_unpacked(client_at: ClientAt) -> None:
    bomb = gzip.compress(b" " * 10_000_000)
    with RawServer(answer(bomb, headers=["Content-Encoding: gzip"])) as server:
        assert code_of(client_at(server.url).list_servers) == "unreadable"


@pytest.mark.parametrize(
    "junk",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(200)) + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        b"HTTP/1.1 201 Created\r\nContent-Length: 1, 2\r\n\r\n{",
        b"\x00\xff\xfe",
    ],
)
def test_what_is_not_http_is_ambiguous(client_at: ClientAt, junk: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.say(junk)

    with RawServer(script) as server:
        client = client_at(server.url)
        assert code_of(lambda: client.create_server(NEW)) in {
            "unreadable", "connection_lost", "truncated",
        }  # fmt: skip


def test_cookies_are_not_kept(client_at: ClientAt) -> None:
    with RawServer(answer(EMPTY, headers=["Set-Cookie: a=b; Path=/"])) as server:
        client = client_at(server.url)
        client.list_servers()
        client.list_servers()
    assert all("cookie" not in headers_of(request) for request in server.requests)


def test_the_environment_is_ignored(
    client_at: ClientAt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login eve password hunter2\n", encoding="utf-8")
    with RawServer(answer(b"", "502 Bad Gateway")) as proxy, RawServer(answer(EMPTY)) as server:
        monkeypatch.setenv("NETRC", str(netrc))
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
            monkeypatch.setenv(name.upper(), proxy.url)
        assert client_at(server.url).list_servers().complete
        assert proxy.connections == 0
    assert headers_of(server.requests[0])["authorization"].startswith("Bearer vps_")


def test_reads_share_a_connection(client_at: ClientAt) -> None:
    with RawServer(answer(EMPTY)) as server:
        client = client_at(server.url)
        for _ in range(3):
            client.list_servers()
        assert server.connections == 1


def test_a_change_gets_a_connection_of_its_own(client_at: ClientAt) -> None:
    """On one kept open, the provider closing it would make "never sent" impossible to prove."""
    with RawServer(answer(EMPTY)) as server:
        client = client_at(server.url)
        client.list_servers()
        client.stop_server("1")
        client.stop_server("1")
        client.list_servers()
        assert server.connections == 3


def test_a_connection_closed_between_two_reads_does_no_harm(client_at: ClientAt) -> None:
    closed = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.say(answer(EMPTY))
        peer.connection.close()
        closed.set()

    with RawServer(script) as server:
        client = client_at(server.url)
        client.list_servers()
        assert closed.wait(5)
        client.list_servers()
        assert server.connections == 2


def test_a_thread_has_a_session_of_its_own() -> None:
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(session())) for _ in range(2)]
    for thread in threads:
        thread.start()
        thread.join()
    assert session() is session()
    assert len({id(one) for one in [session(), *found]}) == 3


def test_a_forked_process_has_a_session_of_its_own(client_at: ClientAt) -> None:
    """Two processes on one connection would read each other's answers."""
    with RawServer(answer(EMPTY)) as server:
        client = client_at(server.url)
        client.list_servers()
        before = session()
        child = os.fork()
        if child == 0:
            try:
                fine = session() is not before and client.list_servers().complete
            except BaseException:
                fine = False
            os._exit(0 if fine else 1)
        assert os.waitpid(child, 0)[1] == 0
        client.list_servers()
        assert server.connections == 2


@pytest.mark.parametrize(
    "query",
    [
        "page=2", "a=%2f&b=%2F", "cursor=cD0yMDI%3d", "q=a+b", "q=a%20b", "q=%C3%BC", "q=%c3%bc",
        "a=1&a=2", "a", "a=", "&&a=1", "q=~-._!$'()*,;:@/?", "a=%7e", "a=..%2f..", "a=[1]",
    ],
)  # fmt: skip
def test_the_address_goes_out_byte_for_byte(client_at: ClientAt, query: str) -> None:
    with RawServer(answer(EMPTY)) as server:
        client_at(server.url).read("/servers/", query)
    line = server.requests[0].partition(b"\r\n")[0]
    assert line == f"GET /api/v1/servers/?{query} HTTP/1.1".encode()


def test_it_goes_out_through_requests(client_at: ClientAt) -> None:
    one = session()
    assert isinstance(one, requests.Session)
    assert (one.trust_env, one.max_redirects, list(one.cookies)) == (False, 0, [])
    with RawServer(answer(EMPTY)) as server:
        assert isinstance(one.get_adapter(server.url), HTTPAdapter)
        client_at(server.url).list_servers()
        assert len(server.requests) == 1
