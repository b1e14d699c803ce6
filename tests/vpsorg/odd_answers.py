"""Answers whose beginning or end is odd: what a broken provider, or a proxy before it, might say.

Each is made for one request and says whose that was, told from the token in it.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.vpsorg.rawserver import answer

ACME: Final = "vps_acme_0000000000000001"
BOLT: Final = "vps_bolt_0000000000000001"
_NUMBER: Final = re.compile(rb'/servers/([0-9]+)/|"name": "new-([0-9]+)"')


def whose(request: bytes) -> str:
    return ACME if ACME.encode() in request else BOLT


def own(request: bytes, extra: str = "") -> bytes:
    """A right answer to this request, which says whose it is."""
    status = "201 Created" if request.startswith(b"POST") else "200 OK"
    mark = "acme" if whose(request) == ACME else "bolt"
    return answer(json.dumps({"id": _id(request), "name": mark + extra}).encode(), status)


def _id(request: bytes) -> int:
    """The one in its address; of a new server, that in its name."""
    found = _NUMBER.search(request)
    return int(found[1] or found[2]) if found else 12345


def head(request: bytes, *headers: str) -> bytes:
    status = "201 Created" if request.startswith(b"POST") else "200 OK"
    return "\r\n".join([f"HTTP/1.1 {status}", *headers]).encode() + b"\r\n\r\n"


def body(request: bytes) -> bytes:
    return own(request).partition(b"\r\n\r\n")[2]


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


OTHER: Final = b'{"id": 1, "name": "poison"}'
POISON: Final = answer(OTHER, "200 OK")
DONE: Final = "done"


@dataclass(frozen=True)
class Odd:
    """What is said to the first request, and what it may come out as; "done": with its own answer.

    `ends`: the provider ends the connection after it. `keeps`: the panel uses it again.
    """

    name: str
    say: Callable[[bytes], bytes]
    outcomes: set[str]
    ends: bool = False
    keeps: bool = False


def hints(count: int, status: str = "103 Early Hints") -> bytes:
    return f"HTTP/1.1 {status}\r\nLink: </a.css>; rel=preload\r\n\r\n".encode() * count


UNREADABLE: Final = {"unreadable"}
CUT: Final = {"truncated", "connection_lost"}
ODD: Final = [
    # Interim answers
    Odd("100 first", lambda one: hints(1, "100 Continue") + own(one), {DONE}, keeps=True),
    Odd("102 first", lambda one: hints(1, "102 Processing") + own(one), {DONE}, keeps=True),
    Odd("103 first", lambda one: hints(1) + own(one), {DONE}, keeps=True),
    Odd("199 first", lambda one: hints(1, "199 Whatever") + own(one), {DONE}, keeps=True),
    Odd("eight interim answers", lambda one: hints(8) + own(one), {DONE}, keeps=True),
    Odd("nine interim answers", lambda one: hints(9) + own(one), UNREADABLE),
    Odd("nine times 100", lambda one: hints(9, "100 Continue") + own(one), UNREADABLE),
    Odd("101", lambda one: hints(1, "101 Switching Protocols") + own(one), {"unexpected_status"}),
    Odd("103 and then 101", lambda one: hints(1) + hints(1, "101 No") + own(one),
        {"unexpected_status"}),
    Odd("103 and then the end", lambda _: hints(1), CUT, ends=True),
    Odd("103 that is cut", lambda _: hints(1)[:-2], CUT, ends=True),
    Odd("103 with a body", lambda one: b"HTTP/1.1 103 Hi\r\nContent-Length: 2\r\n\r\n{}" + own(one),
        UNREADABLE),
    # More than was asked for
    Odd("twice", lambda one: own(one) + POISON, {DONE}),
    Odd("twice, the second cut", lambda one: own(one) + POISON[:20], {DONE}),
    Odd("a line too much", lambda one: own(one) + b"\r\n", {DONE}),
    Odd("a hint behind", lambda one: own(one) + hints(1), {DONE}),
    Odd("longer than it says", lambda one: own(one) + b"{}", {DONE}),
    Odd("204 with a body", lambda _: b"HTTP/1.1 204 No\r\nContent-Length: 27\r\n\r\n" + OTHER,
        {"unexpected_status", "unreadable"}),
    Odd("304 with chunks",
        lambda _: b"HTTP/1.1 304 No\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(OTHER),
        {"redirect"}),
    # Less
    Odd("no answer", lambda _: b"", {"connection_lost"}, ends=True),
    Odd("a cut status line", lambda _: b"HTTP/1.1 201", CUT, ends=True),
    Odd("cut headers", lambda one: own(one).partition(b"\r\n\r\n")[0], CUT, ends=True),
    Odd("a header cut in two", lambda _: b"HTTP/1.1 201 Created\r\nContent-Le", CUT, ends=True),
    Odd("a cut body", lambda one: own(one)[:-3], {"truncated"}, ends=True),
    Odd("a body without an end", lambda one: head(one, "Transfer-Encoding: chunked") + b"5\r\n{}",
        {"truncated"}, ends=True),
    Odd("chunks without the last", lambda one: head(one, "Transfer-Encoding: chunked")
        + chunk(body(one)), {"truncated"}, ends=True),
    Odd("a head alone", lambda one: own(one).partition(b"{")[0], {"truncated"}, ends=True),
    Odd("a body alone", body, CUT, ends=True),
    # Lengths
    Odd("no length", lambda one: head(one) + body(one), {DONE}, ends=True),
    Odd("two lengths", lambda one: head(one, "Content-Length: 2", "Content-Length: 27") + OTHER,
        UNREADABLE),
    Odd("two lengths in one", lambda one: head(one, "Content-Length: 2, 27") + OTHER, UNREADABLE),
    Odd("one length twice", lambda one: head(one, *[f"Content-Length: {len(body(one))}"] * 2)
        + body(one), {DONE}),
    Odd("a length below zero", lambda one: head(one, "Content-Length: -1") + OTHER, UNREADABLE),
    Odd("a length with a plus", lambda one: head(one, "Content-Length: +27") + OTHER, UNREADABLE),
    Odd("a length in Python's way", lambda one: head(one, "Content-Length: 2_7") + OTHER,
        UNREADABLE),
    Odd("an empty length", lambda one: head(one, "Content-Length:") + OTHER, UNREADABLE),
    Odd("a length in words", lambda one: head(one, "Content-Length: many") + OTHER, UNREADABLE),
    Odd("a space before the colon", lambda one: head(one, "Content-Length : 27") + OTHER,
        UNREADABLE),
    Odd("a folded header", lambda one: head(one, "X-A: b", " Content-Length: 27") + OTHER,
        UNREADABLE),
    Odd("a line that is no header", lambda one: head(one, "hello", "Content-Length: 27") + OTHER,
        UNREADABLE),
    Odd("a bare return", lambda one: head(one, "X-A: b\rContent-Length: 2") + OTHER, UNREADABLE),
    # Chunks
    Odd("chunks", lambda one: head(one, "Transfer-Encoding: chunked")
        + chunk(body(one)[:9]) + chunk(body(one)[9:]) + b"0\r\n\r\n", {DONE}, keeps=True),
    Odd("chunks with extras", lambda one: head(one, "Transfer-Encoding: Chunked")
        + b"%X;a=b\r\n%s\r\n" % (len(body(one)), body(one)) + b"0\r\nX-After: 1\r\n\r\n", {DONE},
        keeps=True),
    Odd("chunks and a length", lambda one: head(one, "Transfer-Encoding: chunked",
        "Content-Length: 5") + chunk(body(one)) + b"0\r\n\r\n", {DONE}),
    Odd("chunks in chunks", lambda one: head(one, "Transfer-Encoding: chunked, chunked")
        + chunk(OTHER) + b"0\r\n\r\n", UNREADABLE),
    Odd("chunks by another name", lambda one: head(one, "Transfer-Encoding: xchunked")
        + chunk(OTHER) + b"0\r\n\r\n", UNREADABLE),
    Odd("a chunk below zero", lambda one: head(one, "Transfer-Encoding: chunked")
        + b"-1\r\n" + OTHER, UNREADABLE),
    Odd("a chunk in Python's way", lambda one: head(one, "Transfer-Encoding: chunked")
        + b"0x1b\r\n" + OTHER + b"\r\n0\r\n\r\n", UNREADABLE),
    Odd("a chunk that is longer", lambda one: head(one, "Transfer-Encoding: chunked")
        + b"2\r\n{}{}\r\n0\r\n\r\n", UNREADABLE),
    Odd("chunks and more", lambda one: head(one, "Transfer-Encoding: chunked")
        + chunk(body(one)) + b"0\r\n\r\n" + POISON, {DONE}),
    # Others
    Odd("a header too long", lambda one: head(one, "X-A: " + 70_000 * "a",
        f"Content-Length: {len(body(one))}") + body(one), UNREADABLE),
    Odd("headers too many", lambda one: head(one, *101 * ["X-A: a"],
        f"Content-Length: {len(body(one))}") + body(one), UNREADABLE),
    Odd("HTTP/1.0 that promises to stay open", lambda one: head(one, "Connection: keep-alive",
        f"Content-Length: {len(body(one))}").replace(b"/1.1", b"/1.0", 1) + body(one), {DONE}),
    Odd("an end between two calls", own, {DONE}, ends=True),
    Odd("HTTP/1.0", lambda one: own(one).replace(b"/1.1", b"/1.0", 1), {DONE}, ends=True),
    Odd("HTTP/1.0 that stays open", lambda one: own(one).replace(b"/1.1", b"/1.0", 1), {DONE}),
    Odd("HTTP/2", lambda one: own(one).replace(b"HTTP/1.1", b"HTTP/2", 1), UNREADABLE),
    Odd("a status in Python's way", lambda one: own(one).replace(b" 20", b" 2_0", 1), UNREADABLE),
    Odd("a close that stays open", lambda one: head(one, "Connection: x, CLOSE",
        f"Content-Length: {len(body(one))}") + body(one), {DONE}),
    Odd("an empty line first", lambda one: b"\r\n" + own(one), UNREADABLE),
]  # fmt: skip
