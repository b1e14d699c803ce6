"""The way out to the provider through `requests`, with nothing that a client for the whole web does
besides: no redirects, cookies, proxies, retries, netrc or other environment.
"""

import os
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from http.client import RemoteDisconnected
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import certifi
import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import BaseHTTPResponse
from urllib3.connection import HTTPConnection
from urllib3.util import create_urllib3_context, parse_url

from controlpanel.vpsorg import deadline
from controlpanel.vpsorg.connections import Key, connections
from controlpanel.vpsorg.framing import Answer
from controlpanel.vpsorg.sockets import BoundedTlsSocket, PlainConnection, TlsConnection


@cache
def tls() -> ssl.SSLContext:
    """Checks names and certificates. One for all: reading the authorities takes its time."""
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    context.load_verify_locations(certifi.where())
    context.sslsocket_class = BoundedTlsSocket
    return context


class _Way:
    """One call's connection; to `requests`, the pool that has it.

    Reads share connections that are kept open. A change has one of its own: when one kept open
    breaks, nobody can tell whether the provider had closed it before or read it first.
    """

    def __init__(self, key: Key, *, is_read: bool) -> None:
        self._key = key
        self._is_read = is_read
        self._connection: HTTPConnection | None = connections().borrow(key) if is_read else None
        self._answer: Answer | None = None

    def urlopen(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], **_options: Any
    ) -> BaseHTTPResponse:
        was_kept = self._connection is not None
        try:
            return self._ask(method, url, body, headers)
        except OSError as error:
            if not (was_kept and _had_ended(error)):
                raise
            self._close()
        # The provider had closed it, as it may. It was a read, so it can be asked once more.
        return self._ask(method, url, body, headers)

    def end(self) -> None:
        """Keeps the connection if it can serve again."""
        is_whole = self._answer is not None and self._answer.is_whole
        if not is_whole or not self._is_read:
            self._close()
        if self._is_read:
            kept = self._connection
            connections().give_back(self._key, kept if kept and kept.sock else None)

    def _ask(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> BaseHTTPResponse:
        if self._connection is None:
            self._connection = _connection(self._key.origin)
        self._connection.timeout = deadline.current().for_reading()
        # What ends while it is still being told may have answered before.
        with suppress(BrokenPipeError, ConnectionResetError):
            self._connection.request(
                method, url, body, headers, preload_content=False, decode_content=False
            )
        if self._connection.sock is None:
            raise RemoteDisconnected("It ended before it was asked.")
        response = self._connection.getresponse()
        answer = response._original_response
        self._answer = answer if isinstance(answer, Answer) else None
        return response

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _had_ended(error: OSError) -> bool:
    """Not one byte of an answer came, and that was not for lack of time."""
    return not deadline.current().heard and not isinstance(error, TimeoutError)


class _Prepared(requests.PreparedRequest):
    """`target` goes out byte for byte, where `requests` would write an address in its own way."""

    way: _Way
    target: str


class _Adapter(HTTPAdapter):
    def get_connection_with_tls_context(self, request: Any, *_args: Any, **_kwargs: Any) -> Any:
        return request.way

    def request_url(self, request: Any, *_args: Any) -> str:
        target: str = request.target
        return target

    def cert_verify(self, *_args: Any, **_kwargs: Any) -> None:
        """Every connection does, with `tls`."""


class Session(requests.Session):
    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.max_redirects = 0
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        self.adapters.clear()
        for scheme in ("https://", "http://"):
            self.mount(scheme, _Adapter())

    @contextmanager
    def answer(
        self,
        method: str,
        key: Key,
        target: str,
        content: bytes | None,
        headers: Mapping[str, str],
    ) -> Iterator[requests.Response]:
        """Sends once, within the deadline that is bound; the body of the answer is still to be
        read. A read that finds a kept connection ended is asked once more.

        Raises what sockets and `requests` raise: SECURITY: with the headers, so with the token.
        """
        asked = _Prepared()
        asked.method, asked.url, asked.target = method, key.origin + target, target
        asked.headers, asked.body = CaseInsensitiveDict(headers), content
        asked.way = _Way(key, is_read=method == "GET")
        try:
            # Not `send` of the session, which looks for redirects, cookies and hooks.
            with self.get_adapter(key.origin).send(asked, stream=True) as response:
                yield response
        finally:
            asked.way.end()


def _connection(origin: str) -> HTTPConnection:
    url = parse_url(origin)
    assert url.host is not None
    host = url.host.strip("[]")
    # Without a port, a part of an IPv6 address would be taken for one.
    if url.scheme == "https":
        return TlsConnection(host, url.port or 443, ssl_context=tls())
    return PlainConnection(host, url.port or 80)


class _Local(threading.local):
    process = 0
    session: Session | None = None


_local = _Local()


def session() -> Session:
    """This thread's own, in this process."""
    if _local.session is None or _local.process != os.getpid():
        _local.process, _local.session = os.getpid(), Session()
    return _local.session
