"""The POST to an address that somebody typed in, against real servers on loopback."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address

import pytest

from controlpanel.lib import webhook
from controlpanel.lib.webhook import HookFailed


@contextmanager
def answering(
    answer: bytes, *, hold: float = 0, drip: float = 0
) -> Iterator[tuple[str, list[bytes]]]:
    """A server that takes one request and says `answer`."""
    asked: list[bytes] = []
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(10)
            asked.append(_request(connection))
            try:
                time.sleep(hold)
                if not drip:
                    connection.sendall(answer)
                for byte in answer if drip else b"":
                    connection.sendall(bytes([byte]))
                    time.sleep(drip)
            except OSError:
                pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/hook?team=acme", asked
    finally:
        # Or the thread waits on for somebody who never came.
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(5)


def _request(connection: socket.socket) -> bytes:
    read = b""
    while b"\r\n\r\n" not in read or not read.endswith(b"}"):
        part = connection.recv(4096)
        if not part:
            break
        read += part
    return read


def failed(url: str, *, seconds: float = 5, private: bool = True) -> tuple[str, int]:
    with pytest.raises(HookFailed) as found:
        webhook.post(url, b"{}", private=private, seconds=seconds)
    return found.value.code, found.value.status


def test_it_works() -> None:
    with answering(b"HTTP/1.1 204 No Content\r\n\r\n") as (url, asked):
        assert webhook.post(url, b'{"a": 1}', private=True) == 204
    (text,) = asked
    head, _, body = text.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /hook?team=acme HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"Content-Type: application/json" in head
    assert body == b'{"a": 1}'


def test_a_word_in_between_is_not_the_answer() -> None:
    with answering(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n") as (
        url,
        _,
    ):
        assert webhook.post(url, b"{}", private=True) == 200


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", ("redirect", 302)),
        (b"HTTP/1.1 410 Gone\r\n\r\n", ("refused", 410)),
        (b"HTTP/1.1 500 No\r\n\r\n", ("refused", 500)),
        (b"SSH-2.0-OpenSSH\r\n\r\n", ("answer", 0)),
        (b"HTTP/1.1 200 OK\r\n", ("answer", 0)),
        (b"", ("answer", 0)),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", ("answer", 0)),
    ],
)
def test_anything_but_2xx_is_a_failure(answer: bytes, why: tuple[str, int]) -> None:
    with answering(answer) as (url, _):
        assert failed(url) == why


def test_it_ends_when_the_time_is_over() -> None:
    began = time.monotonic()
    with answering(b"HTTP/1.1 200 OK\r\n\r\n", hold=3) as (url, _):
        assert failed(url, seconds=0.3) == ("timeout", 0)
        assert time.monotonic() - began < 2


def test_also_when_each_wait_is_short() -> None:
    began = time.monotonic()
    with answering(b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n", drip=0.1) as (url, _):
        assert failed(url, seconds=0.5) == ("timeout", 0)
        assert time.monotonic() - began < 2


def test_nobody_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        assert failed(f"http://127.0.0.1:{free.getsockname()[1]}/") == ("connect", 0)


def test_a_name_that_is_none() -> None:
    assert failed("https://no-such-name.invalid/") == ("name", 0)


def test_no_tls_there() -> None:
    with answering(b"HTTP/1.1 200 OK\r\n\r\n") as (url, asked):
        assert failed(url.replace("http:", "https:"), seconds=2)[0] in {"tls", "timeout"}
    assert not any(b"POST" in one for one in asked)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://localhost/",
        "https://[::1]/",
        "https://10.1.2.3/",
        "https://192.168.0.1/",
        "https://172.16.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://[::ffff:10.0.0.1]/",
        "https://[fe80::1]/",
        "https://[fc00::1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[2002:a00:1::]/",
        "https://224.0.0.1/",
    ],
)
def test_private_addresses_are_none(url: str) -> None:
    assert webhook.problem(url, private=False) == "private"
    assert failed(url, private=False) == ("private", 0)


@pytest.mark.parametrize("name", ["localhost.", "ip6-localhost", "127.1", "2130706433", "0x7f.1"])
def test_other_ways_to_write_this_machine_lead_nowhere(name: str) -> None:
    """They look like names; what they resolve to decides."""
    with answering(b"HTTP/1.1 200 OK\r\n\r\n") as (url, asked):
        port = url.split(":")[2].split("/")[0]
        assert failed(f"https://{name}:{port}/", private=False)[0] in {"private", "name"}
    assert asked == []


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://audit.example.com/", "scheme"),
        ("ftp://audit.example.com/", "scheme"),
        ("https://user:password@audit.example.com/", "user"),
        ("audit.example.com", "address"),
        ("https://", "address"),
        ("https://audit.example.com:99999/", "address"),
        ("https://audit.example.com/a b", "address"),
        ("https://audit.example.com\\@evil.example/", "address"),
        ("https://audit.example.com/\r\nHost: evil", "address"),
        ("https://bücher.example/", "address"),
        ("https://audit.example.com/#part", "address"),
        (f"https://audit.example.com/{'x' * 500}", "address"),
        ("https://audit.example.com/path?x=1", ""),
        ("https://audit.example.com:8443/", ""),
        ("https://93.184.216.34/", ""),
    ],
)
def test_what_can_be_one(url: str, why: str) -> None:
    assert webhook.problem(url, private=False) == why


def test_plain_http_is_for_this_machine_and_only_where_that_is_allowed() -> None:
    assert webhook.problem("http://127.0.0.1:9/", private=True) == ""
    assert webhook.problem("http://localhost:9/", private=True) == ""
    assert webhook.problem("http://10.0.0.1/", private=True) == "scheme"
    assert webhook.problem("https://10.0.0.1/", private=True) == ""
    assert webhook.problem("http://127.0.0.1:9/", private=False) == "scheme"


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses(address: str) -> None:
    assert webhook.is_public(ip_address(address))


def test_one_private_address_of_several_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with a public and a private address could be connected to either way."""
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))
        for address in ("93.184.216.34", "127.0.0.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: found)
    assert failed("https://two.example/", private=False) == ("private", 0)


def test_tls_is_checked() -> None:
    assert ssl.create_default_context().check_hostname


@pytest.mark.parametrize("address", ["fec0::1", "192.88.99.1", "3fff::1"])
def test_addresses_of_no_one_in_public(address: str) -> None:
    """Site-local and relay addresses are out of use, but a network may still route them inwards."""
    assert not webhook.is_public(ip_address(address))


def test_a_family_that_this_machine_lacks_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(b"HTTP/1.1 200 OK\r\n\r\n") as (url, _):
        port = int(url.split(":")[2].split("/")[0])
        found = [
            (family, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
            for family in (999, socket.AF_INET)
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: found)
        assert webhook.post(url, b"{}", private=True) == 200
