"""How the web process serves: gunicorn's threads, none of which waits for somebody who is slow.

gunicorn gives a connection to a thread as soon as its first byte is there, and the thread then
waits for the others: as many slow connections as there are threads, and nobody else is served. Here
a request gets its thread when its head has arrived, and a body of usual size with it. Read by
gunicorn with --config=python:controlpanel.serving.
"""

import contextlib
import errno
import re
import selectors
import socket
import time
from concurrent.futures import Future
from typing import Any, Final

from gunicorn.workers import gthread

# For a whole request to arrive, to the last byte of its body; without the time for which it waits
# for a thread.
RECEIVING: Final = 10.0
# For a piece of an answer to be taken.
SENDING: Final = 30.0
# For a client to close after its last answer; at once, what it has not read yet could be lost.
CLOSING: Final = 2.0
MOST_HEAD: Final = 32 * 1024
# A longer body comes in while its thread reads it.
MOST_WAITED_FOR: Final = 64 * 1024
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*\r\n", re.IGNORECASE)
_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)


class BoundedSocket(socket.socket):
    """Every wait ends: a timeout of one wait alone is never met by who sends a byte a second."""

    ends: float = 0.0

    def recv(self, *args: Any) -> bytes:
        if self.gettimeout() == 0:
            return super().recv(*args)
        left = self.ends - time.monotonic()
        if left <= 0:
            raise _too_slow()
        self.settimeout(left)
        try:
            return super().recv(*args)
        except TimeoutError:
            raise _too_slow() from None

    def sendall(self, *args: Any) -> None:
        self.settimeout(SENDING)
        try:
            super().sendall(*args)
        except TimeoutError:
            raise _too_slow() from None


def _too_slow() -> OSError:
    """gunicorn passes over it quietly, as over a client that went away."""
    return ConnectionResetError(errno.ECONNRESET, "This client is too slow.")


class Worker(gthread.ThreadWorker):  # type: ignore[misc]  # untyped
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._arriving: dict[BoundedSocket, Any] = {}
        self._closing: dict[BoundedSocket, Any] = {}
        self._looked_at = 0.0

    def enqueue_req(self, conn: Any) -> None:
        """Called with a connection that has, or may have, something to read."""
        if not isinstance(conn.sock, BoundedSocket):
            _bind(conn)
        if not conn.sock.ends:
            conn.sock.ends = time.monotonic() + RECEIVING
        try:
            missing = 0 if self.cfg.is_ssl else _missing(conn)
        except _TooLargeError:
            self._refuse(conn)
            return
        except OSError:
            self._close(conn)
            return
        if missing:
            _wake_at(conn, max(0, conn.seen) + missing)
            self._arriving[conn.sock] = conn
            self.poller.register(conn.sock, selectors.EVENT_READ, self._on_more)
        else:
            _wake_at(conn, 1)
            conn.data_ready = True
            # Until a thread is free it is not the client that takes time.
            conn.left = conn.sock.ends - time.monotonic()
            super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        conn.sock.ends = time.monotonic() + conn.left
        return super().handle(conn)

    def _on_more(self, sock: BoundedSocket) -> None:
        self.poller.unregister(sock)
        self.enqueue_req(self._arriving.pop(sock))

    def finish_request(self, conn: Any, done: "Future[Any]") -> None:
        conn.seen = -1
        conn.sock.ends = 0.0
        if done.cancelled() or done.exception() is not None or done.result():
            super().finish_request(conn, done)
        else:
            # gunicorn would wait for the client to close right here, where all others are served.
            self._see_out(conn)

    def _refuse(self, conn: Any) -> None:
        with contextlib.suppress(OSError):
            conn.sock.send(_TOO_LARGE)
        self._see_out(conn)

    def _see_out(self, conn: Any) -> None:
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
            _wake_at(conn, 1)
            self.poller.register(conn.sock, selectors.EVENT_READ, self._on_unread)
        except (OSError, ValueError, KeyError):
            self._close(conn)
            return
        conn.sock.ends = time.monotonic() + CLOSING
        conn.unread = 0
        self._closing[conn.sock] = conn

    def _on_unread(self, sock: BoundedSocket) -> None:
        conn = self._closing[sock]
        try:
            size = len(sock.recv(8192))
        except BlockingIOError:
            return
        except OSError:
            size = 0
        conn.unread += size
        if not size or conn.unread > MOST_WAITED_FOR:
            self.poller.unregister(sock)
            self._close(self._closing.pop(sock))

    def murder_pending(self) -> None:
        """Between any two events; here are those whose time is over."""
        super().murder_pending()
        now = time.monotonic()
        if now - self._looked_at < 0.5:
            return
        self._looked_at = now
        for group in (self._arriving, self._closing):
            over = [sock for sock in group if sock.ends <= now or self._is_idle(group[sock])]
            for sock in over:
                self.poller.unregister(sock)
                self._close(group.pop(sock))

    def _is_idle(self, conn: Any) -> bool:
        """A connection of which nothing is to be expected while the process ends."""
        return not self.alive and conn.sock in self._arriving and conn.seen <= 0

    def _close(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()


class _TooLargeError(Exception):
    pass


def _bind(conn: Any) -> None:
    old = conn.sock
    conn.sock = BoundedSocket(old.family, old.type, old.proto, old.detach())
    conn.sock.setblocking(False)
    conn.seen = -1
    conn.wakes_at = 1


def _missing(conn: Any) -> int:
    """How many bytes at least must still arrive before a thread is worth it."""
    conn.sock.setblocking(False)
    try:
        new = conn.sock.recv(MOST_HEAD + MOST_WAITED_FOR, socket.MSG_PEEK)
    except BlockingIOError:
        new = b""
    else:
        if len(new) <= conn.seen or not new:
            return 0  # woken without anything new: there will be no more
    conn.seen = len(new)
    # What came together with the request before is out of the socket already.
    head, end, rest = (_read_ahead(conn) + new).partition(b"\r\n\r\n")
    if len(head) > MOST_HEAD:
        raise _TooLargeError
    if not end:
        return 1
    length = _LENGTH.search(head + b"\r\n")
    if length is None or b"\r\nexpect:" in head.lower():
        return 0
    wanted = int(length[1])
    return max(0, wanted - len(rest)) if wanted <= MOST_WAITED_FOR else 0


def _read_ahead(conn: Any) -> bytes:
    held: bytes = conn.parser.unreader.buf.getvalue() if conn.initialized else b""
    return held


def _wake_at(conn: Any, size: int) -> None:
    """The connection counts as readable from this many bytes on."""
    size = max(1, size)
    if size != conn.wakes_at:
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size)
        conn.wakes_at = size


def pre_request(_worker: Worker, request: Any) -> None:
    """Where a server in front could see another end of a body than gunicorn, nothing follows."""
    if any(name == "TRANSFER-ENCODING" for name, _value in request.headers):
        request.force_close()


worker_class = Worker
# Longer than a script pauses between two calls, so that it seldom meets a connection just closed.
keepalive = 30
# Who is in front is Django's to know (PANEL_PROXY_COUNT): to gunicorn everybody is a stranger, so
# that no header becomes a path or a scheme, not even one from this machine.
forwarded_allow_ips = ""
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190
