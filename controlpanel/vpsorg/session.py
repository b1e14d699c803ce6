"""One requests.Session per process and thread, without anything that requests does by itself."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util import Retry, create_urllib3_context

from controlpanel.vpsorg.sockets import BoundedTlsSocket, PlainConnection, TlsConnection


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = TlsConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        context = create_urllib3_context()
        context.sslsocket_class = BoundedTlsSocket
        super().init_poolmanager(*args, ssl_context=context, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}


class _Session(requests.Session):
    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False  # no proxies, no netrc, no CA bundle from the environment
        self.cookies = RequestsCookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
        adapter = _Adapter(max_retries=Retry(0, read=False, redirect=0))
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002
        """None: requests looks at a Location even when told not to follow, and then reads the
        whole body, however large."""
        return

    @contextmanager
    def connections(self, *, kept: bool) -> Iterator[None]:
        """Reads share connections that are kept open. A change has one of its own: when one kept
        open breaks, nobody can tell whether the provider had closed it before or read it first.
        """
        if kept:
            yield
            return
        self._forget_connections()
        try:
            yield
        finally:
            self._forget_connections()

    def _forget_connections(self) -> None:
        for adapter in self.adapters.values():
            if isinstance(adapter, HTTPAdapter):
                adapter.poolmanager.clear()


class _Local(threading.local):
    process = 0
    session: _Session | None = None


_local = _Local()


def session() -> _Session:
    """This thread's own. A forked process does not use its parent's connections."""
    if _local.session is None or _local.process != os.getpid():
        _local.process, _local.session = os.getpid(), _Session()
    return _local.session
