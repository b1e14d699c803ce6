"""Sockets and connections that keep to the deadline of the call in progress.

A timeout of urllib3 bounds one wait: a provider that sends one byte of a header every few seconds
never meets it. So every wait here is cut to what is left of the whole call: looking up the name,
connecting to each address, the TLS handshake, and each single read of header or body.
"""

import ipaddress
import queue
import socket
import ssl
import threading
import time
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.wait import wait_for_read

from controlpanel.vpsorg import deadline
from controlpanel.vpsorg.framing import Answer, Reader

Address = tuple[Any, ...]


class BoundedSocket(socket.socket):
    def settimeout(self, seconds: float | None) -> None:
        """urllib3 does twice a call, mostly to what it is: that would each time be a call of the
        system's, and let all other threads go first."""
        if seconds != self.gettimeout():
            super().settimeout(seconds)

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        call = deadline.current()
        self.settimeout(call.for_reading())
        received = super().recv_into(*args, **kwargs)
        if received:
            call.heard = True
        return received

    def makefile(self, *_args: Any, **_kwargs: Any) -> Any:
        """For `http.client`, which reads one answer from it."""
        return Reader(super().makefile("rb", buffering=0))

    def noise(self) -> bytes | None:
        """What has come that nobody asked for: some of it, or nothing when the connection ended.

        None while it is silent. What TLS says on its own behalf is none: tickets for a next
        session, for example.
        """
        if not wait_for_read(self, timeout=0.0) and not self._waiting():
            return None
        before = self.gettimeout()
        self.settimeout(0.0)
        try:
            return self.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        except OSError:
            return b""
        finally:
            self.settimeout(before)

    def _waiting(self) -> int:
        return 0


class BoundedTlsSocket(BoundedSocket, ssl.SSLSocket):
    def _waiting(self) -> int:
        return self.pending()


class SpokeFirst(Exception):
    """Something came over a new connection before anything was sent over it."""


class PlainConnection(HTTPConnection):
    response_class = Answer

    def _new_conn(self) -> socket.socket:
        return _connected(self)

    def send(self, data: Any) -> None:
        _before_sending(self)
        super().send(data)


class TlsConnection(HTTPSConnection):
    response_class = Answer

    def _new_conn(self) -> socket.socket:
        return _connected(self)

    def send(self, data: Any) -> None:
        _before_sending(self)
        super().send(data)


def noise(connection: HTTPConnection) -> bytes | None:
    """That of its socket; of one that is closed, as of one that has ended."""
    return connection.sock.noise() if isinstance(connection.sock, BoundedSocket) else b""


def _before_sending(connection: HTTPConnection) -> None:
    """Connects, handshake included, while nothing has been sent; from here on something has, and
    that is taken in time as well."""
    if connection.sock is None:
        connection.connect()
        # SECURITY: sent before it could know the request, so it is no answer to it.
        if noise(connection):
            raise SpokeFirst
    assert connection.sock is not None
    connection.sock.settimeout(deadline.current().for_reading())
    deadline.current().sent = True


def _connected(connection: HTTPConnection) -> socket.socket:
    host, port = connection.host, connection.port or connection.default_port
    try:
        return _open(host, port, connection.socket_options or ())
    except socket.gaierror as error:
        raise NameResolutionError(host, connection, error) from None
    except TimeoutError:
        raise ConnectTimeoutError(connection, "Connecting took too long.") from None
    except OSError as error:
        raise NewConnectionError(connection, f"Connecting failed: {error.errno}") from error


def _open(host: str, port: int, options: Any) -> socket.socket:
    """The first of the host's addresses that accepts, each given its share of the time left."""
    ends = time.monotonic() + deadline.current().for_connecting()
    addresses = _look_up(host, port, ends - time.monotonic())
    trouble: OSError = TimeoutError()
    for tried, (family, address) in enumerate(addresses):
        left = ends - time.monotonic()
        if left <= 0:
            break
        connection = BoundedSocket(family, socket.SOCK_STREAM)
        try:
            for option in options:
                connection.setsockopt(*option)
            connection.settimeout(left / (len(addresses) - tried))
            connection.connect(address)
            connection.settimeout(deadline.current().for_connecting())  # for the handshake
        except OSError as error:
            connection.close()
            trouble = error
        else:
            return connection
    raise trouble


def _look_up(host: str, port: int, seconds: float) -> list[tuple[int, Address]]:
    """getaddrinfo takes no timeout, and waits long when name servers are silent."""
    if _is_address(host):
        return _resolve(host, port)
    answers: queue.SimpleQueue[list[tuple[int, Address]] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(_resolve(host, port))
        except OSError as error:
            answers.put(error)
        except UnicodeError:  # a name that no resolver can take
            answers.put(socket.gaierror(socket.EAI_NONAME, "Not a name."))

    threading.Thread(target=ask, name="look-up", daemon=True).start()
    try:
        answer = answers.get(timeout=max(seconds, 0.001))
    except queue.Empty:
        raise socket.gaierror(socket.EAI_AGAIN, "No name server answered in time.") from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def _resolve(host: str, port: int) -> list[tuple[int, Address]]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, address) for family, _kind, _protocol, _name, address in found]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
