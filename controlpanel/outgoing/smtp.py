"""Django's way to an SMTP server, with an end: the whole conversation takes SECONDS at most.

smtplib's timeout is for each single wait: a server that says a byte now and then holds whoever
waits for as long as it likes.
"""

import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

from django.core.mail.backends import smtp

CONNECT_SECONDS: Final = 5.0
SECONDS: Final = 20.0


class EmailBackend(smtp.EmailBackend):
    """For one `send_messages`; the deadline begins when the connection is made."""

    @property
    def connection_class(self) -> Callable[..., smtplib.SMTP]:
        if self.use_ssl:
            return partial(_WithTls, tls=self.ssl_context)  # type: ignore[attr-defined]
        return _Plain

    def _close_connection(self, connection: smtplib.SMTP) -> None:
        """What the server says to the goodbye changes nothing about what it took before."""
        with suppress(OSError, smtplib.SMTPException):
            connection.quit()
        connection.close()


class _Plain(smtplib.SMTP):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._ends = time.monotonic() + SECONDS
        self._ending: threading.Timer | None = None
        super().__init__(*args, **kwargs)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = _connect(host, port, self._ends)
        plain.settimeout(min(timeout, SECONDS))
        # Of its own, so that it ends the connection also after TLS has taken the socket over.
        handle = plain.dup()
        self._ending = threading.Timer(self._ends - time.monotonic(), _cut_off, [handle])
        self._ending.daemon = True
        self._handle = handle
        self._ending.start()
        return plain

    def close(self) -> None:
        super().close()
        if self._ending:
            self._ending.cancel()
            self._handle.close()
            self._ending = None


class _WithTls(_Plain):
    def __init__(self, *args: Any, tls: ssl.SSLContext, context: Any = None, **kwargs: Any) -> None:  # noqa: ARG002 Django gives it for smtplib's own class
        self._tls = tls
        super().__init__(*args, **kwargs)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = super()._get_socket(host, port, timeout)
        try:
            return self._tls.wrap_socket(plain, server_hostname=host)
        except (OSError, ValueError):
            plain.close()
            self.close()
            raise


def _connect(host: str, port: int, ends: float) -> socket.socket:
    """To one of the addresses that the name has. The look-up itself ends when the system's
    resolver gives up."""
    connect_by = min(ends, time.monotonic() + CONNECT_SECONDS)
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    trouble: OSError = OSError("no address")
    for number, (_family, _kind, _protocol, _name, address) in enumerate(found):
        left = connect_by - time.monotonic()
        if left <= 0:
            break
        try:
            wait = left / (len(found) - number)
            return socket.create_connection((str(address[0]), port), wait)
        except OSError as error:
            trouble = error
    raise trouble


def _cut_off(handle: socket.socket) -> None:
    with suppress(OSError):
        handle.shutdown(socket.SHUT_RDWR)
