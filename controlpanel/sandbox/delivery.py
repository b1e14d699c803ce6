"""Puts an answer on the wire, or does to it what a fault asks for."""

import json
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from controlpanel.sandbox.calls import Answer
from controlpanel.sandbox.faults import Fault

_PAGE = b"<!doctype html><html><head><title>Down</title></head><body><h1>Be right back</h1></body>"
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Wire:
    """One connection; a status is announced before its first byte is written."""

    connection: socket.socket
    announce: Callable[[int], None]
    write: Callable[[bytes], object]
    leave: Callable[[], None]
    ended: threading.Event
    head_only: bool = False

    def pause(self, seconds: float) -> None:
        self.ended.wait(min(seconds, 600.0))


def deliver(wire: Wire, answer: Answer, fault: Fault | None = None) -> None:
    if fault is None:
        _whole(wire, answer)
        return
    if fault.delay:
        wire.pause(fault.delay)
    act = _ACTS.get(fault.kind)
    if act is None:
        _whole(wire, answer)
    else:
        act(wire, answer, fault)


def encoded(body: object) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode("utf-8", "replace")
    return json.dumps(body).encode()


def _silent(wire: Wire, answer: Answer, fault: Fault) -> None:  # noqa: ARG001
    wire.leave()


def _reset(wire: Wire, answer: Answer, fault: Fault) -> None:  # noqa: ARG001
    # Lingering zero seconds makes close() send RST, unless a shutdown() has sent FIN before.
    wire.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    socket.close(wire.connection.detach())
    wire.leave()


def _hang(wire: Wire, answer: Answer, fault: Fault) -> None:  # noqa: ARG001
    wire.pause(fault.seconds)
    wire.leave()


def _delay(wire: Wire, answer: Answer, fault: Fault) -> None:
    wire.pause(fault.seconds)
    _whole(wire, answer)


def _status(wire: Wire, answer: Answer, fault: Fault) -> None:  # noqa: ARG001
    status = fault.status or 500
    kind = "text/plain; charset=utf-8" if isinstance(fault.body, str) else _JSON
    _send(wire, status, encoded(fault.body), fault.headers, kind)


def _redirect(wire: Wire, answer: Answer, fault: Fault) -> None:  # noqa: ARG001
    headers = {"Location": fault.location} | fault.headers
    _send(wire, fault.status or 302, b"", headers)


def _garbage(wire: Wire, answer: Answer, fault: Fault) -> None:
    status = fault.status or _success(answer)
    _send(wire, status, b'\x00\xff\xfe{"id": 12345, "name": \x80', fault.headers)


def _html(wire: Wire, answer: Answer, fault: Fault) -> None:
    kind = "text/html; charset=utf-8"
    _send(wire, fault.status or _success(answer), _PAGE, fault.headers, kind)


def _empty(wire: Wire, answer: Answer, fault: Fault) -> None:
    _send(wire, fault.status or _success(answer), b"", fault.headers)


def _truncated(wire: Wire, answer: Answer, fault: Fault) -> None:
    status, body = fault.status or _success(answer), encoded(answer.body) or b'{"cut": true}'
    wire.write(_head(wire, status, _framed(len(body))) + body[: len(body) // 2])
    wire.leave()


def _drip(wire: Wire, answer: Answer, fault: Fault) -> None:
    """Never gets to the end of its body: the connection closes after `seconds`."""
    status, body = fault.status or _success(answer), encoded(answer.body) or b"{}"
    steps = max(1, int(fault.seconds / max(fault.interval, 0.01)))
    wire.write(_head(wire, status, _framed(len(body) + steps)))
    for step in range(steps):
        wire.write(body[step : step + 1] or b" ")
        wire.pause(fault.interval)
        if wire.ended.is_set():
            break
    wire.leave()


def _oversize(wire: Wire, answer: Answer, fault: Fault) -> None:
    status = fault.status or _success(answer)
    body = json.dumps({"count": 0, "results": [], "padding": "x" * fault.size}).encode()
    if not fault.chunked:
        _send(wire, status, body, fault.headers)
        return
    wire.write(_head(wire, status, {"Content-Type": _JSON, "Transfer-Encoding": "chunked"}))
    for at in range(0, len(body), 65536):
        part = body[at : at + 65536]
        wire.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
    wire.write(b"0\r\n\r\n")


_ACTS: dict[str, Callable[[Wire, Answer, Fault], None]] = {
    "drop_before": _silent,
    "drop_after": _silent,
    "reset": _reset,
    "hang": _hang,
    "delay": _delay,
    "status": _status,
    "redirect": _redirect,
    "garbage": _garbage,
    "html": _html,
    "empty": _empty,
    "truncated": _truncated,
    "drip": _drip,
    "oversize": _oversize,
}


def _success(answer: Answer) -> int:
    """An answer without a body cannot be spoilt, so 204 becomes 200."""
    return 200 if answer.status in {0, 204} else answer.status


def _whole(wire: Wire, answer: Answer) -> None:
    _send(wire, answer.status, encoded(answer.body), answer.headers)


def _send(wire: Wire, status: int, body: bytes, headers: dict[str, str], kind: str = _JSON) -> None:
    if status in {204, 304}:
        wire.write(_head(wire, status, headers))
        return
    lines = _framed(len(body), kind) if body else {"Content-Length": "0"}
    head = _head(wire, status, lines | headers)
    wire.write(head if wire.head_only else head + body)


def _framed(length: int, kind: str = _JSON) -> dict[str, str]:
    return {"Content-Type": kind, "Content-Length": str(length)}


def _head(wire: Wire, status: int, lines: dict[str, str]) -> bytes:
    wire.announce(status)
    try:
        reason = HTTPStatus(status).phrase
    except ValueError:
        reason = "Unknown"
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} {reason}\r\n{text}\r\n".encode("latin-1", "replace")
