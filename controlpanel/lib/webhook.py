"""One POST to an address that somebody has typed in: only to where anybody may connect.

The name is looked up once, every address it has must be public, and the connection goes to one of
those: a name that changes its mind leads nowhere else. No redirect is followed, nothing is taken
from the environment, the whole call ends after some seconds, and of the answer only the status is
read. See docs/decisions/0010.
"""

import ipaddress
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final
from urllib.parse import SplitResult, urlsplit

SECONDS: Final = 5.0
LONGEST: Final = 500
# Of status line and headers; a body is not read at all.
_MOST_READ: Final = 16 * 1024
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\r\n")
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
# What `is_global` takes for public: site-local, documentation, relays to 6to4.
_NOBODYS: Final = tuple(map(ipaddress.ip_network, ("fec0::/10", "3fff::/20", "192.88.99.0/24")))

Address = tuple[int, tuple[str, int]]


class HookFailed(Exception):
    """It did not arrive, or not for certain. `code`: name, private, connect, tls, timeout,
    redirect, refused, answer; `status` of the answer, 0 if there is none."""

    def __init__(self, code: str, status: int = 0) -> None:
        super().__init__(code)
        self.code, self.status = code, status


def problem(url: str, *, private: bool) -> str:
    """Why this can be no web hook: scheme, user, address, private; empty if it can."""
    parts = _split(url)
    if parts is None:
        return "address"
    if "@" in parts.netloc:
        return "user"
    host = parts.hostname or ""
    literal = _literal(host)
    loopback = host == "localhost" or (literal is not None and literal.is_loopback)
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback and private):
        return "scheme"
    if not private and (loopback or (literal is not None and not is_public(literal))):
        return "private"
    return ""


def post(url: str, body: bytes, *, private: bool, seconds: float = SECONDS) -> int:
    """The status, which is 2xx. Raises HookFailed for anything else. `private`: it may lead to
    addresses that are not public, and to this machine over plain http."""
    parts = _split(url)
    if parts is None or problem(url, private=private):
        raise HookFailed("private")
    ends = time.monotonic() + seconds
    port = parts.port or (443 if parts.scheme == "https" else 80)
    addresses = _look_up(parts.hostname or "", port, seconds)
    if not private and not all(is_public(_literal(address[0])) for _, address in addresses):
        raise HookFailed("private")
    with _connected(addresses, ends) as plain, _cut_off(plain, ends) as held:
        status = _exchange(parts, body, plain, held)
    if 200 <= status < 300:
        return status
    raise HookFailed("redirect" if 300 <= status < 400 else "refused", status)


def is_public(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address | None,
) -> bool:
    """Also of what an IPv6 address carries inside."""
    if address is None:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        inside = address.ipv4_mapped or address.sixtofour
        if address.teredo:
            inside = address.teredo[1]
        if address in _NAT64:
            inside = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inside is not None and not is_public(inside):
            return False
        if address.ipv4_mapped:
            return True
    if any(address in network for network in _NOBODYS):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _split(url: str) -> SplitResult | None:
    if not url.isascii() or not url.isprintable() or re.search(r"[\s\\<>\"]", url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if len(url) > LONGEST or not parts.hostname or port == 0 or parts.fragment:
        return None
    return parts


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _look_up(host: str, port: int, seconds: float) -> list[Address]:
    """getaddrinfo takes no timeout, and waits long when name servers are silent."""
    answers: queue.SimpleQueue[list[Address] | None] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put([(family, address[:2]) for family, _k, _p, _n, address in found])  # type: ignore[misc]
        except (OSError, UnicodeError):
            answers.put(None)

    threading.Thread(target=ask, name="hook-look-up", daemon=True).start()
    try:
        found = answers.get(timeout=seconds)
    except queue.Empty:
        found = None
    if not found:
        raise HookFailed("name")
    return found


@contextmanager
def _connected(addresses: list[Address], ends: float) -> Iterator[socket.socket]:
    for number, (family, address) in enumerate(addresses):
        left = ends - time.monotonic()
        if left <= 0:
            break
        try:
            connection = socket.socket(family, socket.SOCK_STREAM)
        except OSError:  # this machine lacks the family
            continue
        try:
            connection.settimeout(left / (len(addresses) - number))
            connection.connect(address)
        except OSError:
            connection.close()
            continue
        try:
            yield connection
        finally:
            connection.close()
        return
    raise HookFailed("connect")


@contextmanager
def _cut_off(plain: socket.socket, ends: float) -> Iterator[list[socket.socket]]:
    """Ends whatever waits when the time is over: one wait alone may be short, and many long.

    The list holds the socket in use; TLS replaces it.
    """
    held, over = [plain], threading.Event()

    def cut() -> None:
        over.set()
        with suppress(OSError):  # it is closed already
            socket.socket.shutdown(held[0], socket.SHUT_RDWR)

    timer = threading.Timer(max(ends - time.monotonic(), 0.001), cut)
    timer.daemon = True
    timer.start()
    try:
        yield held
    except (HookFailed, OSError, ValueError) as error:
        if over.is_set() or isinstance(error, TimeoutError):
            raise HookFailed("timeout") from None
        if isinstance(error, HookFailed):
            raise
        raise HookFailed("tls" if isinstance(error, ssl.SSLError) else "connect") from None
    finally:
        timer.cancel()
        held[0].close()


def _exchange(
    parts: SplitResult, body: bytes, plain: socket.socket, held: list[socket.socket]
) -> int:
    plain.settimeout(SECONDS)
    if parts.scheme == "https":
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        secure = context.wrap_socket(
            plain, server_hostname=parts.hostname, do_handshake_on_connect=False
        )
        held[0] = secure
        secure.do_handshake()
    held[0].sendall(_head(parts, len(body)) + body)
    return _read_status(held[0])


def _head(parts: SplitResult, length: int) -> bytes:
    path = parts.path or "/"
    lines = (
        f"POST {path}{'?' + parts.query if parts.query else ''} HTTP/1.1",
        f"Host: {parts.netloc}",
        "User-Agent: control-panel",
        "Content-Type: application/json",
        f"Content-Length: {length}",
        "Connection: close",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def _read_status(connection: socket.socket) -> int:
    read = b""
    while len(read) < _MOST_READ:
        part = connection.recv(4096)
        if not part:
            break
        read += part
        while b"\r\n\r\n" in read:
            match = _STATUS.match(read)
            if match is None:
                raise HookFailed("answer")
            status = int(match[1])
            if status >= 200:
                return status
            read = read.partition(b"\r\n\r\n")[2]  # a word in between, such as 103
    raise HookFailed("answer")
