"""The sandbox over HTTP: `with Sandbox() as sandbox: requests.get(sandbox.url + …)`."""

import contextlib
import hashlib
import json
import socket
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from controlpanel.sandbox import api, control, faults, seed, store
from controlpanel.sandbox.api import Request
from controlpanel.sandbox.calls import Answer
from controlpanel.sandbox.control import Desk
from controlpanel.sandbox.delivery import Wire, deliver
from controlpanel.sandbox.faults import Fault
from controlpanel.sandbox.journal import Entry, Journal
from controlpanel.sandbox.world import Settings, World, digest

MOST_BODY = 1 << 20
MOST_KEPT = 4096
_LOOPBACK_NAMES = {"localhost", "127.0.0.1", "[::1]"}


class Sandbox:
    """The stand-in, in a thread of its own between `start` and `stop`, on loopback.

    A stopped one refuses connections and keeps its port and its world for the next `start`.
    """

    def __init__(
        self,
        *,
        provision_seconds: float = 20.0,
        power_seconds: float = 4.0,
        port: int = 0,
        state: Path | None = None,
        control_door: bool = True,
        catalogue: bool = True,
        dialect: str = "documented",
        page_size: int = 0,
        report: Callable[[str], None] | None = None,
    ) -> None:
        settings = Settings(provision_seconds, power_seconds, catalogue, dialect, page_size)
        self.desk = Desk(World(settings))
        self.port = port
        self.control_door = control_door
        self._state = state
        self._report = report
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        if state is None or not store.load(self.world, state):
            seed.fill(self.world)
            self.keep()

    @property
    def world(self) -> World:
        return self.desk.world

    @property
    def journal(self) -> Journal:
        return self.desk.journal

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def reset(self) -> None:
        """As after a first start: servers, tokens, credit, clock, faults, journal."""
        self.desk.reset()
        self.keep()

    def advance(self, seconds: float) -> None:
        self.world.advance(seconds)
        self.keep()

    def fault(self, kind: str, method: str = "*", path: str = "", **options: Any) -> Fault:
        """Sets a fault as the control door does; see `faults.KINDS` and `faults.Fault`."""
        given = {"kind": kind, "method": method, "path": path} | options
        return self.desk.add_fault(faults.from_json(given))

    def changes(self, method: str = "", path: str = "") -> list[Entry]:
        """The changing calls so far, oldest first."""
        return [
            entry
            for entry in self.journal.changes()
            if method in {"", entry.method} and path in entry.path
        ]

    def keep(self) -> None:
        """Saves what changed, so that an answer never tells what a restart would forget."""
        with self.world.lock:
            if self.world.dirty and self._state is not None:
                store.save(self.world, self._state)
            self.world.dirty = False

    def report(self, entry: Entry) -> None:
        if self._report is not None and (entry.changing or entry.fault):
            extra = f" fault={entry.fault}" if entry.fault else ""
            self._report(
                f"{entry.method} {entry.path} {entry.answered or '-'}"
                f" token={entry.token or '-'} request={entry.request_id or '-'}{extra}"
            )

    def bind(self) -> None:
        """Takes the port; OSError when it is in use."""
        self._server = _Server(("127.0.0.1", self.port), self)
        self.port = self._server.server_address[1]
        self.desk.ended.clear()

    def serve(self, poll_seconds: float = 0.05) -> None:
        if self._server is not None:
            self._server.serve_forever(poll_interval=poll_seconds)

    def start(self) -> Self:
        self.bind()
        self._thread = threading.Thread(target=self.serve, name="sandbox", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        self.desk.ended.set()
        if self._server is not None:
            if self._thread is not None:
                self._server.shutdown()
                self._thread.join()
            self._server.close_all()
        self._server = self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._open: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Without HTTPServer's look-up of the host's name, which can take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "localhost", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        if self.sandbox.desk.faults.take_connection() is not None:
            self.shutdown_request(request)
            return
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def close_all(self) -> None:
        self.server_close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 120
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def serve(self) -> None:
        request = self._read()
        if request is None:
            return
        if request.path == control.PREFIX or request.path.startswith(f"{control.PREFIX}/"):
            self._control(request)
        else:
            self._call(request)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = serve  # noqa: N815

    def _read(self) -> Request | None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdigit():
            self._refuse(411, "A body needs a Content-Length.")
            return None
        if int(length) > MOST_BODY:
            self._refuse(413, "The body is too large.")
            return None
        url = urlsplit(self.path)
        return Request(
            method=self.command,
            path=url.path,
            query=dict(parse_qsl(url.query, keep_blank_values=True)),
            host=self.headers.get("Host", "") or f"127.0.0.1:{self.server.server_port}",
            authorization=self.headers.get("Authorization", ""),
            content_type=self.headers.get("Content-Type", ""),
            body=self.rfile.read(int(length)),
        )

    def _refuse(self, status: int, detail: str) -> None:
        self.close_connection = True
        headers = {"Connection": "close"}
        self._answer(Answer(status, {"detail": detail}, headers))

    def _control(self, request: Request) -> None:
        sandbox = self.server.sandbox
        if not sandbox.control_door:
            answer = Answer(404, {"detail": "Not found."})
        elif not self._from_here(request):
            answer = Answer(403, {"detail": "Only from this machine, and not from a web page."})
        else:
            answer = control.handle(
                sandbox.desk, request.method, request.path, request.query, request.body
            )
            sandbox.keep()
        self._answer(answer)

    def _from_here(self, request: Request) -> bool:
        # SECURITY: the name and the Origin keep a web page in a browser on this machine out,
        # be it by a form of its own or by a name that it points at 127.0.0.1.
        name = request.host.rpartition(":")[0] if ":" in request.host else request.host
        near = str(self.client_address[0]).startswith("127.") or self.client_address[0] == "::1"
        return near and name in _LOOPBACK_NAMES and "Origin" not in self.headers

    def _call(self, request: Request) -> None:
        sandbox = self.server.sandbox
        desk, token = sandbox.desk, api.token_of(sandbox.world, request)
        name = token.name if token else _unknown(request.authorization)
        entry = desk.journal.open(
            at=desk.world.now(),
            method=request.method,
            path=request.path,
            query=request.query,
            body=_kept(request.body),
            token=name,
            request_id=self.headers.get("X-Request-Id", "")[:128],
        )
        fault = desk.faults.take(request.method, request.path, name)
        entry.fault = fault.kind if fault else ""
        answer = Answer(0)
        ended = desk.ended
        if fault is not None and fault.kind == "late" and ended.wait(fault.seconds):
            self._leave()
            return
        if fault is None or fault.applies:
            answer = api.handle(desk.world, request)
            entry.applied = entry.changing and 200 <= answer.status < 300
        if fault is not None:
            self._bend(fault, answer, token.account if token else "")
        sandbox.keep()
        try:
            deliver(self._wire(ended, entry), answer, fault)
        finally:
            sandbox.report(entry)

    def _bend(self, fault: Fault, answer: Answer, account: str) -> None:
        world = self.server.sandbox.world
        answer.body = faults.bent(fault, answer.body, account)
        if fault.kind == "stuck" and answer.server_id is not None:
            server = world.anywhere(answer.server_id)
            if server is not None:
                world.change(server, due=None)

    def _wire(self, ended: threading.Event, entry: Entry | None = None) -> Wire:
        def announce(status: int) -> None:
            if entry is not None:
                entry.answered = status

        return Wire(
            connection=self.connection,
            announce=announce,
            write=self.wfile.write,
            leave=self._leave,
            ended=ended,
            head_only=self.command == "HEAD",
        )

    def _answer(self, answer: Answer) -> None:
        deliver(self._wire(self.server.sandbox.desk.ended), answer)

    def _leave(self) -> None:
        self.close_connection = True


def _unknown(authorization: str) -> str:
    """A token nobody has issued: enough of a fingerprint to tell two of them apart."""
    value = authorization.partition(" ")[2].strip()
    return f"unknown-{digest(value)[:8]}" if value else ""


def _kept(body: bytes) -> Any:
    if not body:
        return None
    if len(body) > MOST_KEPT:
        return f"{len(body)} bytes, SHA-256 {hashlib.sha256(body).hexdigest()}"
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")
