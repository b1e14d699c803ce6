"""What each thing that can go wrong is called: never sent, refused, or ambiguous."""

import socket
import ssl
from collections.abc import Callable
from datetime import timedelta
from itertools import repeat
from typing import Any

import pytest

from controlpanel.lib import clock
from controlpanel.sandbox.server import Sandbox
from controlpanel.vpsorg import errors
from controlpanel.vpsorg.client import Client
from controlpanel.vpsorg.errors import Ambiguous, ApiError, NeverSent, Refused
from tests.vpsorg.rawserver import Peer, RawServer, answer, within

ClientAt = Callable[..., Client]
NEW: dict[str, Any] = {"name": "web-9", "plan_id": 1, "os_id": 5, "location": "us-west"}
BODY: dict[str, Any] = {"name": "n", "hostname": "n.example.com", "backups_enabled": True}

Call = Callable[[Client], object]

CALLS: dict[str, Call] = {
    "list": lambda client: client.list_servers(),
    "create": lambda client: client.create_server(NEW),
    "get": lambda client: client.get_server("12345"),
    "replace": lambda client: client.replace_server("12345", BODY),
    "update": lambda client: client.update_server("12345", {"name": "n"}),
    "delete": lambda client: client.delete_server("12345"),
    "start": lambda client: client.start_server("12348"),
    "stop": lambda client: client.stop_server("12345"),
    "reboot": lambda client: client.reboot_server("12345"),
}
calls = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
JSON_CALLS = {name: call for name, call in CALLS.items() if name != "delete"}
json_calls = pytest.mark.parametrize("call", JSON_CALLS.values(), ids=JSON_CALLS.keys())


def outcome(call: Call, client: Client) -> tuple[str, str]:
    with pytest.raises(ApiError) as caught:
        call(client)
    return caught.value.sent, caught.value.code


@calls
def test_an_unknown_name_is_never_sent(
    client_at: ClientAt, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert outcome(call, client_at("https://nowhere.invalid")) == ("never", "name_resolution")


def test_silent_name_servers_are_never_sent(
    client_at: ClientAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawServer(Peer.wait) as held:

        def silent(*args: object, **kwargs: object) -> None:
            with socket.create_connection(("127.0.0.1", held.port)) as line:
                line.recv(1)

        client = client_at("https://nowhere.invalid", total=10, connect=0.2)
        monkeypatch.setattr("controlpanel.vpsorg.sockets._resolve", silent)
        with within(3):
            assert outcome(CALLS["create"], client) == ("never", "name_resolution")


@calls
def test_a_refused_connection_is_never_sent(client_at: ClientAt, call: Call) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        assert outcome(call, client_at(url)) == ("never", "connection_refused")


def test_a_connect_that_takes_too_long_is_never_sent(client_at: ClientAt) -> None:
    """A listener whose queue is full answers no more connections."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        client = client_at(f"http://127.0.0.1:{full.getsockname()[1]}", total=10, connect=0.2)
        with within(3):
            assert outcome(CALLS["create"], client) == ("never", "connect_timeout")
        for one in waiting:
            one.close()


def test_every_address_of_a_name_is_tried(
    client_at: ClientAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawServer(answer(b'{"results": []}')) as server:
        addresses = [("127.0.0.9", 1), ("127.0.0.1", server.port)]
        found = [(socket.AF_INET, address) for address in addresses]
        monkeypatch.setattr("controlpanel.vpsorg.sockets._resolve", lambda *_: found)
        client = client_at(f"http://localhost:{server.port}")
        assert client.list_servers().complete


@calls
def test_something_that_speaks_no_tls_is_never_sent(client_at: ClientAt, call: Call) -> None:
    with RawServer(lambda peer: peer.say(b"hello, who is there?\r\n")) as server:
        client = client_at(server.url.replace("http:", "https:"))
        assert outcome(call, client) == ("never", "tls")


@calls
def test_a_certificate_that_is_not_trusted_is_never_sent(
    client_at: ClientAt, call: Call, certificate: str
) -> None:
    with RawServer(answer(), tls=tls_context(certificate)) as server:
        client = client_at(server.url.replace("http:", "https:"))
        assert outcome(call, client) == ("never", "tls")
        assert server.requests == []


def test_a_handshake_that_is_cut_is_never_sent(client_at: ClientAt) -> None:
    with RawServer(Peer.read_a_byte) as server:
        client = client_at(server.url.replace("http:", "https:"))
        assert outcome(CALLS["create"], client) == ("never", "tls")


def test_a_handshake_that_never_ends_is_never_sent(client_at: ClientAt) -> None:
    with RawServer(Peer.wait) as server:
        client = client_at(server.url.replace("http:", "https:"), total=10, connect=0.2)
        with within(3):
            assert outcome(CALLS["create"], client) == ("never", "connect_timeout")


@pytest.mark.parametrize("junk", [b"\x15\x03\x03\x00\x02\x02\x28", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_tls_that_breaks_after_the_request_is_ambiguous(
    client_at: ClientAt, certificate: str, trusting: ClientAt, junk: bytes
) -> None:
    """An alert or rubbish instead of a record: by then the request may have been acted on."""

    def script(peer: Peer) -> None:
        peer.read_request()
        raw = socket.socket(fileno=peer.connection.detach())
        raw.sendall(junk)
        raw.close()

    with RawServer(script, tls=tls_context(certificate)) as server:
        sent, code = outcome(CALLS["create"], trusting(server.url))
        assert (sent, code) == ("ambiguous", "connection_lost")


@calls
@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "reset"])
def test_a_lost_connection_is_ambiguous(
    client: Client, sandbox: Sandbox, call: Call, kind: str
) -> None:
    sandbox.fault(kind, times=None)
    assert outcome(call, client) == ("ambiguous", "connection_lost")
    assert len(sandbox.journal.entries()) == 1


def test_a_connection_closed_at_once_is_ambiguous(client: Client, sandbox: Sandbox) -> None:
    """By then the request is on its way: nobody can say whether it was read."""
    sandbox.fault("accept_close")
    assert outcome(CALLS["create"], client) == ("ambiguous", "connection_lost")


@calls
@pytest.mark.parametrize("applied", [False, True])
def test_silence_is_ambiguous(
    client_at: ClientAt, sandbox: Sandbox, call: Call, applied: bool
) -> None:
    sandbox.fault("hang", apply=applied, seconds=5, times=None)
    client = client_at(sandbox.url, total=10, read=0.2)
    with within(3):
        assert outcome(call, client) == ("ambiguous", "timeout")
    assert len(sandbox.journal.entries()) == 1


@json_calls
@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("garbage", "unreadable"),
        ("html", "unreadable"),
        ("truncated", "truncated"),
        ("oversize", "too_large"),
    ],
)
def test_a_success_that_cannot_be_read_is_ambiguous(
    client: Client, sandbox: Sandbox, call: Call, kind: str, code: str
) -> None:
    sandbox.fault(kind)
    assert outcome(call, client) == ("ambiguous", code)


@pytest.mark.parametrize("name", ["list", "create", "get", "start", "stop", "reboot"])
def test_an_empty_success_is_ambiguous_where_an_answer_is_documented(
    client: Client, sandbox: Sandbox, name: str
) -> None:
    sandbox.fault("empty")
    assert outcome(CALLS[name], client) == ("ambiguous", "unreadable")


@pytest.mark.parametrize("name", ["get", "replace", "update", "start", "stop", "reboot"])
def test_an_answer_about_another_server_is_ambiguous(
    client: Client, sandbox: Sandbox, name: str
) -> None:
    sandbox.fault("wrong_id", id=99999)
    assert outcome(CALLS[name], client) == ("ambiguous", "unreadable")


@pytest.mark.parametrize("name", ["create", "get"])
def test_a_server_without_an_id_is_ambiguous(client: Client, sandbox: Sandbox, name: str) -> None:
    sandbox.fault("rewrite", remove=["id"])
    assert outcome(CALLS[name], client) == ("ambiguous", "unreadable")


@pytest.mark.parametrize("name", ["start", "stop", "reboot", "replace", "update"])
def test_a_success_that_says_it_failed_is_ambiguous(
    client: Client, sandbox: Sandbox, name: str
) -> None:
    sandbox.fault("status", status=200, body={"status": "error", "message": "busy"})
    assert outcome(CALLS[name], client) == ("ambiguous", "inner_failure")


REFUSALS = [
    (400, "bad_request", errors.BadRequest),
    (401, "unauthorized", errors.Unauthorized),
    (402, "payment_required", errors.PaymentRequired),
    (403, "forbidden", errors.Forbidden),
    (404, "not_found", errors.NotFound),
    (405, "refused", errors.Refused),
    (409, "conflict", errors.Conflict),
    (422, "unprocessable", errors.Unprocessable),
    (429, "too_many_requests", errors.TooManyRequests),
]


@calls
@pytest.mark.parametrize(("status", "code", "kind"), REFUSALS)
def test_a_refusal_did_nothing(
    client: Client, sandbox: Sandbox, call: Call, status: int, code: str, kind: type[Refused]
) -> None:
    sandbox.fault("status", status=status, body={"detail": "no, because"})
    with pytest.raises(kind) as caught:
        call(client)
    error = caught.value
    assert (error.sent, error.code, error.status) == ("refused", code, status)
    assert error.words == "no, because"


@calls
@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 600])
def test_other_codes_are_ambiguous(
    client: Client, sandbox: Sandbox, call: Call, status: int
) -> None:
    sandbox.fault("status", status=status, body={"detail": "oops"})
    code = {408: "timeout", 600: "unexpected_status"}.get(status, "server_error")
    assert outcome(call, client) == ("ambiguous", code)


@pytest.mark.parametrize("name", ["list", "get"])
def test_a_read_with_another_success_than_the_documented_one_is_ambiguous(
    client: Client, sandbox: Sandbox, name: str
) -> None:
    sandbox.fault("status", status=203, body={"id": 12345})
    assert outcome(CALLS[name], client) == ("ambiguous", "unexpected_status")


@calls
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "place", ["{url}/api/v1/servers/", "http://169.254.169.254/latest/", "http://[broken"]
)
def test_a_redirect_is_never_followed(
    client: Client, sandbox: Sandbox, call: Call, status: int, place: str
) -> None:
    sandbox.fault("redirect", status=status, location=place.format(url=sandbox.url), times=None)
    assert outcome(call, client) == ("ambiguous", "redirect")
    assert len(sandbox.journal.entries()) == 1


def test_a_redirect_with_an_endless_body_is_not_read(client_at: ClientAt) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.say(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n\r\n")
        peer.drip(repeat(b"x" * 65536), pause=0)

    with RawServer(script) as server, within(3):
        client = client_at(server.url, total=10)
        assert outcome(CALLS["create"], client) == ("ambiguous", "redirect")


def test_a_refusal_whose_body_is_lost_is_still_one(client_at: ClientAt) -> None:
    with RawServer(b"HTTP/1.1 404 Not Found\r\nContent-Length: 90\r\n\r\n{") as server:
        client = client_at(server.url, total=10, read=0.2)
        assert outcome(CALLS["delete"], client) == ("refused", "not_found")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7), ("0", 1), ("1.5", 2), ("301", 301), ("86400", 86400), ("86401", 300),
        ("9" * 5000, 300), ("", None), (" 12 ", 12), ("007", 7), ("-5", 300), ("+5", 300),
        ("5s", 300), ("5, 7", 300), ("1e3", 300), ("0x10", 300), ("1_0", 300), ("soon", 300),
        ("nan", 300), ("Wed, 99 Foo 2026", 300), ("Wed, 21 Oct 2015 07:28:00 GMT", 1),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 300), ("<script>", 300), ("00", 1), ("0.001", 1),
        ("86400.1", 300), ("60.", 300), (".5", 300), ("inf", 300), ("\u00b2", 300), ("6 0", 300),
        ("60;q=1", 300), ('"60"', 300), ("60 seconds", 300), ("PT5M", 300), ("1796098206", 300),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 1), ("Thursday, 01-Jan-70 00:00:00 GMT", 1),
        ("Thu Jan  1 00:00:00 1970", 1), ("Sat, 31 Feb 2026 00:00:00 GMT", 300),
        ("Tue, 01 Dec 2015 25:00:00 GMT", 300), ("2015-10-21T07:28:00Z", 300), ("07:28:00", 300),
        ("Wed, 21 Oct 2015", 300),
        ("Wed, 21 Oct 2015 07:28:00 GMT, Wed, 21 Oct 2015 07:28:00 GMT", 300),
        ("60, Wed, 21 Oct 2015 07:28:00 GMT", 300), ("Wed, 21 Oct 2015 07:28:00 GMT, 60", 300),
        ("Wed Oct 21 07:28:00 2015, 60", 300),
    ],
)  # fmt: skip
def test_retry_after_is_bounded(
    client: Client, sandbox: Sandbox, header: str, seconds: float | None
) -> None:
    sandbox.fault("status", status=429, headers={"Retry-After": header})
    with pytest.raises(errors.TooManyRequests) as caught:
        client.list_servers()
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize(
    "form",
    [
        "%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y",
        "%a, %d %b %Y %H:%M:%S +0000", "%a, %d %b %Y %H:%M:%S", "%d %b %Y %H:%M:%S GMT",
        "%a, %d %b %Y %H:%M:%S UTC", "%a, %d %b %Y %H:%M:%S gmt", "  %a, %d %b %Y %H:%M:%S GMT ",
    ],
)  # fmt: skip
def test_retry_after_may_be_a_date(client: Client, sandbox: Sandbox, form: str) -> None:
    at = (clock.now() + timedelta(seconds=60)).strftime(form)
    sandbox.fault("status", status=503, headers={"Retry-After": at})
    with pytest.raises(Ambiguous) as caught:
        client.list_servers()
    assert caught.value.retry_after == pytest.approx(60, abs=3)


def test_a_refusal_is_never_sent_again(client: Client, sandbox: Sandbox) -> None:
    sandbox.fault("status", status=503, headers={"Retry-After": "1"})
    with pytest.raises(Ambiguous):
        client.create_server(NEW)
    assert len(sandbox.journal.entries()) == 1


def test_time_that_is_over_before_sending_is_never_sent(
    client_at: ClientAt, sandbox: Sandbox
) -> None:
    with pytest.raises(NeverSent):
        client_at(sandbox.url, total=0.0).create_server(NEW)
    assert not sandbox.journal.entries()


def tls_context(certificate: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
