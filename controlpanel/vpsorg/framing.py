"""Where an answer begins and ends, read strictly.

`http.client` takes an interim answer (102, 103) for the answer itself, the end of a connection for
the end of the headers, and lengths that no two programs read alike. What comes behind such an
answer would be read by whoever asks next on that connection. So framing that can be read in two
ways is an error here, and what is merely odd closes the connection after the answer.
"""

import io
import re
from http.client import (
    BadStatusLine,
    HTTPException,
    HTTPMessage,
    HTTPResponse,
    IncompleteRead,
    RemoteDisconnected,
)
from http.client import LineTooLong as LineTooLong
from typing import Any, Final

MOST_INTERIM: Final = 8
_MOST_LINES: Final = 100
_MOST_LINE: Final = 1 << 16
_MOST_SIZE_LINE: Final = 1 << 10
_MOST_CHUNKS: Final = 1 << 14
_SWITCHING: Final = 101
_BUFFER: Final = 1 << 15

_STATUS: Final = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: ([^\r\n\0]*))?\r?\n")
_HEADER: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*?)[ \t]*\r?\n")
_LENGTH: Final = re.compile(r"[0-9]{1,18}")
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")


class Reader(io.BufferedReader):
    """Reads ahead; `rest` tells what has been read and is not yet asked for."""

    def __init__(self, raw: io.RawIOBase) -> None:
        super().__init__(_Tap(raw), _BUFFER)

    def rest(self) -> bytes:
        """Waits for nothing."""
        tap = self.raw
        assert isinstance(tap, _Tap)
        tap.is_shut = True
        return self.peek()


class _Tap(io.RawIOBase):
    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw
        self.is_shut = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        return None if self.is_shut else self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class Answer(HTTPResponse):
    """The answer behind at most eight interim ones. 101 is no interim answer: nobody asked for it.

    `is_whole`: it has been read to its end, and nothing came behind it. Besides what a socket
    raises, reading raises HTTPException: IncompleteRead for what ends too early.
    """

    fp: Reader
    is_whole = False
    _left: int | None = None  # of the body, or of its present chunk; None: until the end
    _chunks = 0

    def begin(self) -> None:
        for _ in range(MOST_INTERIM + 1):
            minor, status, reason = self._status_line()
            headers = self._headers()
            if status >= 200 or status == _SWITCHING:
                break
        else:
            raise HTTPException("Too many interim answers.")
        self.version = 10 + minor
        self.code = self.status = status
        self.reason = reason
        self.headers = self.msg = headers
        self._frame()

    def read(self, amt: int | None = None) -> bytes:
        """At most `amt` bytes of the body, none at its end."""
        if self.isclosed():
            return b""
        if self.chunked and not self._left:
            self._left = self._next_chunk()
        if self._left == 0:
            return self._end()
        wanted = _MOST_LINE if amt is None else amt
        part = self.fp.read(wanted if self._left is None else min(wanted, self._left))
        if self._left is None:
            return part or self._end()
        if not part:
            raise IncompleteRead(b"", self._left)
        self._left -= len(part)
        return part

    def _status_line(self) -> tuple[int, int, str]:
        line = self.fp.readline(_MOST_LINE + 1)
        if not line:
            raise RemoteDisconnected("It ended without an answer.")
        found = _STATUS.fullmatch(_whole_line(line, _MOST_LINE))
        if found is None:
            raise BadStatusLine("It begins like no answer.")
        return int(found[1]), int(found[2]), (found[3] or b"").decode("latin-1").strip()

    def _headers(self) -> HTTPMessage:
        headers = HTTPMessage()
        for line in self._lines():
            found = _HEADER.fullmatch(line)
            if found is None:
                raise HTTPException("A header has no form.")
            headers[found[1].decode("latin-1")] = found[2].decode("latin-1")
        return headers

    def _lines(self) -> list[bytes]:
        """Of headers or trailers, up to the empty one."""
        lines: list[bytes] = []
        while (line := _whole_line(self.fp.readline(_MOST_LINE + 1), _MOST_LINE)).strip(b"\r\n"):
            lines.append(line)
            if len(lines) > _MOST_LINES:
                raise HTTPException("Too many headers.")
        return lines

    def _frame(self) -> None:
        """How long the body is, and whether the connection may serve again after it."""
        codings = _listed(self.headers, "transfer-encoding")
        lengths = _listed(self.headers, "content-length")
        if codings and [one.lower() for one in codings] != ["chunked"]:
            raise HTTPException("A transfer coding that nobody asked for.")
        if len(set(lengths)) > 1 or any(not _LENGTH.fullmatch(one) for one in lengths):
            raise HTTPException("Its length is not one number.")
        has_body = self.status >= 200 and self.status not in (204, 304)
        self.chunked = bool(codings) and has_body
        self.length = None
        if self.chunked or not has_body:
            self._left = 0
        elif lengths:
            self._left = int(lengths[0])
        closing = [one.lower() for one in _listed(self.headers, "connection")]
        self.will_close = (
            self.version != 11
            or "close" in closing
            or self._left is None
            or len(lengths) + len(codings) > 1
            or (not has_body and self._names_a_body(lengths, codings))
        )

    def _names_a_body(self, lengths: list[str], codings: list[str]) -> bool:
        return bool(codings) or any(int(one) for one in lengths)

    def _next_chunk(self) -> int:
        if self._chunks and _whole_line(self.fp.readline(3), 2).strip(b"\r\n"):
            raise HTTPException("A chunk is longer than it says.")
        self._chunks += 1
        if self._chunks > _MOST_CHUNKS:
            raise HTTPException("Too many chunks.")
        line = _whole_line(self.fp.readline(_MOST_SIZE_LINE + 1), _MOST_SIZE_LINE)
        found = _CHUNK.fullmatch(line)
        if found is None:
            raise HTTPException("A chunk has no size.")
        size = int(found[1], 16)
        if not size:
            self._lines()
        return size

    def _end(self) -> bytes:
        self.is_whole = not self.fp.rest()
        self.close()
        return b""


def _whole_line(line: bytes, most: int) -> bytes:
    if len(line) > most:
        raise LineTooLong("line")
    if not line.endswith(b"\n"):
        raise IncompleteRead(b"")
    return line


def _listed(headers: HTTPMessage, name: str) -> list[str]:
    """All that is listed under one name, in however many lines."""
    values = headers.get_all(name, [])
    return [one.strip() for value in values for one in value.split(",")]
