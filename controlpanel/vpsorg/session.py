"""Connections to the provider, of each process and thread its own, and nothing that a client for
the whole web does besides: no redirects, cookies, proxies, retries, netrc or other environment.
"""

import os
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Final

import certifi
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util import create_urllib3_context, parse_url

from controlpanel.vpsorg.deadline import Deadline
from controlpanel.vpsorg.sockets import BoundedTlsSocket, PlainConnection, TlsConnection

# An installation knows one origin, or a few while it moves from one to another.
_MOST_POOLS: Final = 8


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = TlsConnection


@cache
def tls() -> ssl.SSLContext:
    """Checks names and certificates. One for all: reading the authorities takes its time."""
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    context.load_verify_locations(certifi.where())
    context.sslsocket_class = BoundedTlsSocket
    return context


class _Session:
    def __init__(self) -> None:
        self._pools: dict[str, HTTPConnectionPool] = {}

    @contextmanager
    def answer(
        self,
        method: str,
        origin: str,
        target: str,
        content: bytes | None,
        headers: Mapping[str, str],
        deadline: Deadline,
    ) -> Iterator[BaseHTTPResponse]:
        """Sends once; the body of the answer is still to be read.

        Reads share connections that are kept open. A change has one of its own: when one kept
        open breaks, nobody can tell whether the provider had closed it before or read it first.
        """
        is_read = method == "GET"
        pool = self._kept(origin) if is_read else _pool(origin)
        try:
            response = pool.urlopen(
                method,
                target,
                content,
                headers,
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
                timeout=deadline.for_reading(),  # the sockets bound connecting themselves
            )
            with response:
                yield response
        finally:
            if not is_read:
                pool.close()

    def _kept(self, origin: str) -> HTTPConnectionPool:
        pool = self._pools.get(origin)
        if pool is None:
            while len(self._pools) >= _MOST_POOLS:
                self._pools.popitem()[1].close()
            pool = self._pools[origin] = _pool(origin)
        return pool


def _pool(origin: str) -> HTTPConnectionPool:
    url = parse_url(origin)
    assert url.host is not None
    if url.scheme == "https":
        return _TlsPool(url.host, url.port, ssl_context=tls())
    return _PlainPool(url.host, url.port)


class _Local(threading.local):
    process = 0
    session: _Session | None = None


_local = _Local()


def session() -> _Session:
    """This thread's own. A forked process does not use its parent's connections."""
    if _local.session is None or _local.process != os.getpid():
        _local.process, _local.session = os.getpid(), _Session()
    return _local.session
