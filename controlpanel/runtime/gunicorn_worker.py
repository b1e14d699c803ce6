"""How the web process serves: gunicorn's threads, none of which waits for somebody who is slow.

gunicorn gives a connection to a thread as soon as its first byte is there, and the thread then
waits for the others: as many slow connections as there are threads, and nobody else is served. Here
a request gets its thread when its head has arrived, and a body of usual size with it. Read by
gunicorn with --config=python:controlpanel.runtime.gunicorn_worker.
"""

import contextlib
import errno
import io
import math
import re
import select
import selectors
import socket
import threading
import time
from concurrent.futures import Future
from typing import Any, Final

from gunicorn.errors import ConfigError
from gunicorn.workers import gthread

# For a whole request to arrive, to the last byte of its body; without the time for which it waits
# for a thread.
RECEIVING: Final = 10.0
# For a piece of an answer to be taken.
SENDING: Final = 30.0
# For a client to close after its last answer; at once, what it has not read yet could be lost.
CLOSING: Final = 2.0
# For a client's next request, by the thread that has answered, while no request waits for one.
ASKING_ON: Final = 0.001
MOST_HEAD: Final = 32 * 1024
# A longer body comes in while its thread reads it.
MOST_WAITED_FOR: Final = 64 * 1024
_END: Final = b"\r\n\r\n"
# Most requests are shorter; the memory for much more would be given back each time.
_PIECE: Final = 8192
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*0*([0-9]{1,9})[ \t]*\r\n", re.IGNORECASE)
_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)


class BoundedSocket(socket.socket):
    """Every wait ends: a timeout of one wait alone is never met by who sends a byte a second.

    It never waits inside of a call of the system's. Most often what is asked for is there already,
    and each change of a socket's own timeout, as each call with one, lets all other threads go
    first.
    """

    ends: float = 0.0
    _soon: float = math.inf

    def setblocking(self, flag: bool) -> None:
        """gunicorn wants it to block in a thread, and not in its main loop."""

    def settimeout(self, seconds: float | None) -> None:
        """gunicorn does, for what is left of a body that nobody has read."""
        self._soon = time.monotonic() + seconds if seconds else math.inf

    def at_once(self, *args: Any) -> bytes:
        """What has arrived; raises BlockingIOError when nothing has."""
        return super().recv(*args)

    def send_at_once(self, *args: Any) -> int:
        """As much as goes; raises BlockingIOError when nothing does."""
        return super().send(*args)

    def recv(self, *args: Any) -> bytes:
        while True:
            try:
                return super().recv(*args)
            except BlockingIOError:
                self._wait(select.POLLIN, min(self.ends, self._soon))

    def send(self, *args: Any) -> int:
        return self._send(time.monotonic() + SENDING, *args)

    def sendall(self, data: Any, *args: Any) -> None:
        ends, left = time.monotonic() + SENDING, memoryview(data)
        while left:
            left = left[self._send(ends, left, *args) :]

    def sendfile(self, *args: Any, **named: Any) -> int:
        super().settimeout(SENDING)
        try:
            return super().sendfile(*args, **named)
        except TimeoutError:
            raise _too_slow() from None
        finally:
            super().settimeout(0)

    def _send(self, ends: float, *args: Any) -> int:
        while True:
            try:
                return super().send(*args)
            except BlockingIOError:
                self._wait(select.POLLOUT, ends)

    def is_ready(self, event: int, seconds: float) -> bool:
        """Whether it is within that time."""
        poll = select.poll()
        poll.register(self, event)
        return seconds > 0 and bool(poll.poll(1000 * seconds))

    def _wait(self, event: int, ends: float) -> None:
        if not self.is_ready(event, ends - time.monotonic()):
            raise _too_slow()


def _too_slow() -> OSError:
    """gunicorn passes over it quietly, as over a client that went away."""
    return ConnectionResetError(errno.ECONNRESET, "This client is too slow.")


class Worker(gthread.ThreadWorker):  # type: ignore[misc]  # untyped
    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        super().check_config(cfg, log)
        if cfg.is_ssl or cfg.http2_cleartext != "off":
            raise ConfigError("TLS and HTTP/2 end in front of the panel: see docs/operating.md.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._arriving: dict[BoundedSocket, Any] = {}
        self._closing: dict[BoundedSocket, Any] = {}
        self._looked_at = 0.0
        self._queued = 0
        self._counting = threading.Lock()

    def enqueue_req(self, conn: Any) -> None:
        """Called with a connection that has, or may have, something to read."""
        if not isinstance(conn.sock, BoundedSocket):
            _bind(conn)
        if not conn.sock.ends:
            conn.sock.ends = time.monotonic() + RECEIVING
        try:
            missing = _receive(conn)
        except _TooLargeError:
            self._refuse(conn)
            return
        except OSError:
            self._close(conn)
            return
        if missing:
            _wake_at(conn, missing)
            self._arriving[conn.sock] = conn
            self.poller.register(conn.sock, selectors.EVENT_READ, self._on_more)
        else:
            _wake_at(conn, 1)
            conn.data_ready = True
            # Until a thread is free it is not the client that takes time.
            conn.left = conn.sock.ends - time.monotonic()
            with self._counting:
                self._queued += 1
            super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        with self._counting:
            self._queued -= 1
        conn.sock.ends = time.monotonic() + conn.left
        kept = super().handle(conn)
        while kept and self._asks_on(conn):
            kept = super().handle(conn)
        return kept

    def _asks_on(self, conn: Any) -> bool:
        """Whether the next request of this client is there already: giving the connection back and
        taking it up again takes as long as many a request. Nobody waits for it meanwhile."""
        if self._queued or not self.alive:
            return False
        conn.sock.ends = time.monotonic() + RECEIVING
        try:
            if not _receive(conn):
                return True
            return conn.sock.is_ready(select.POLLIN, ASKING_ON) and not _receive(conn)
        except (_TooLargeError, OSError):
            return False

    def _on_more(self, sock: BoundedSocket) -> None:
        self.poller.unregister(sock)
        self.enqueue_req(self._arriving.pop(sock))

    def finish_request(self, conn: Any, done: "Future[Any]") -> None:
        conn.sock.ends = 0.0
        if done.cancelled() or done.exception() is not None or done.result():
            super().finish_request(conn, done)
        else:
            # gunicorn would wait for the client to close right here, where all others are served.
            self._see_out(conn)

    def _refuse(self, conn: Any) -> None:
        with contextlib.suppress(OSError):
            conn.sock.send_at_once(_TOO_LARGE)
        self._see_out(conn)

    def _see_out(self, conn: Any) -> None:
        try:
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
            size = len(sock.at_once(_PIECE))
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
        return not self.alive and conn.sock in self._arriving and not _held(conn)

    def _close(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()


class _TooLargeError(Exception):
    pass


def _bind(conn: Any) -> None:
    old = conn.sock
    conn.sock = BoundedSocket(old.family, old.type, old.proto, old.detach())
    socket.socket.setblocking(conn.sock, False)
    conn.wakes_at = 1


def _receive(conn: Any) -> int:
    """Takes in what has arrived. How many bytes at least must follow until a thread is worth it."""
    conn.init()
    try:
        if not _take_in(conn):
            return 0  # there will be no more
    except BlockingIOError:
        pass
    head, end, rest = _held(conn).partition(_END)
    if len(head) > MOST_HEAD:
        raise _TooLargeError
    if not end:
        return 1
    length = _LENGTH.search(head + b"\r\n")
    if length is None or b"\r\nexpect:" in head.lower():
        return 0
    wanted = int(length[1])
    return max(0, wanted - len(rest)) if wanted <= MOST_WAITED_FOR else 0


def _take_in(conn: Any) -> bool:
    """Into the buffer of gunicorn's parser, which reads on from there. False once the client has
    closed; raises BlockingIOError when nothing has arrived."""
    held = conn.parser.unreader.buf
    held.seek(0, io.SEEK_END)
    while held.tell() < MOST_HEAD + len(_END) + MOST_WAITED_FOR:
        new = conn.sock.at_once(_PIECE)
        held.write(new)
        if len(new) < _PIECE:
            return bool(new)
    return True


def _held(conn: Any) -> bytes:
    held: bytes = conn.parser.unreader.buf.getvalue()
    return held


def _wake_at(conn: Any, size: int) -> None:
    """The connection counts as readable from this many bytes on."""
    size = max(1, size)
    if size != conn.wakes_at:
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size)
        conn.wakes_at = size


def pre_request(_worker: Worker, request: Any) -> None:
    """Where a server in front could see another end of a body than gunicorn, nothing follows, nor
    where a thread would have to wait for the rest of a long one that nobody reads."""
    for name, value in request.headers:
        if name == "TRANSFER-ENCODING" or (
            name == "CONTENT-LENGTH" and int(value) > MOST_WAITED_FOR
        ):
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
