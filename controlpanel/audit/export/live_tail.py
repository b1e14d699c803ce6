"""The live tail: every event of all chains as a line in a file that a log shipper follows.

At least once: the cursor moves when the lines are on the disk. The file is only ever appended to;
at its size it gets another name, and a new one begins.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

import structlog
from django.conf import settings

from controlpanel.audit.export.lines import json_line
from controlpanel.audit.models import AuditEvent, ChainHead, TailCursor
from controlpanel.audit.reading.batches import iterate

log = structlog.get_logger(__name__)

# So many lines go to the disk together.
_BATCH: Final = 200
# A run ends after so long; the next one is on its way.
_SECONDS: Final = 20.0
# A full file rests for so long before it is renamed: whoever follows its name has read it by then.
REST: Final = 10.0
_PIECE: Final = 1 << 16


def catch_up() -> None:
    """Writes what is missing. Nothing if another worker is at it, or no tail is wanted."""
    path = _path()
    if path is None:
        return
    ends = time.monotonic() + _SECONDS
    with _alone(path) as alone:
        if not alone:
            return
        try:
            _finish_line(path)
            for chain, written in _behind():
                _write_chain(path, chain, written, ends)
        except _Resting:
            return
        except OSError as error:  # nothing is lost: the cursor stands where it stood
            log.error("audit.tail_not_written", file=str(path), error=error.strerror)  # noqa: TRY400


class _Resting(Exception):
    """The file is full, and about to be renamed."""


def _path() -> Path | None:
    return Path(settings.PANEL_AUDIT_TAIL_FILE) if settings.PANEL_AUDIT_TAIL_FILE else None


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(lock)


def _behind() -> list[tuple[str, int]]:
    """Chains with events that are not in the file yet, and how far it has them."""
    written = dict(TailCursor.objects.values_list("chain", "seq"))
    heads = ChainHead.objects.order_by("chain").values_list("chain", "seq")
    return [(chain, written.get(chain, 0)) for chain, seq in heads if seq > written.get(chain, 0)]


def _write_chain(path: Path, chain: str, written: int, ends: float) -> None:
    events = _missing(chain, written)
    while batch := list(islice(events, _BATCH)):
        if time.monotonic() > ends:
            return
        _append(path, b"".join(map(json_line, batch)))
        last = batch[-1].seq
        TailCursor.objects.get_or_create(chain=chain, defaults={"seq": 0})
        TailCursor.objects.filter(chain=chain, seq__lt=last).update(seq=last)


def _missing(chain: str, written: int) -> Iterator[AuditEvent]:
    """Numbers appear in order: whoever writes an event has locked the head of its chain."""
    head = ChainHead.objects.get(chain=chain).seq
    return iterate(AuditEvent.objects.filter(chain=chain), head, since=written + 1)


def _append(path: Path, lines: bytes) -> None:
    with _opened(path) as file:
        size = os.fstat(file).st_size
        full = size > 0 and size + len(lines) > settings.PANEL_AUDIT_TAIL_BYTES
        rested = time.time() - os.fstat(file).st_mtime >= REST
        if not full:
            _write(file, lines)
            return
    if not rested:
        raise _Resting
    _rotate(path)
    with _opened(path) as file:
        _write(file, lines)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        yield file
    finally:
        os.close(file)


def _write(file: int, lines: bytes) -> None:
    while lines:
        lines = lines[os.write(file, lines) :]
    os.fsync(file)


def _rotate(path: Path) -> None:
    """The name says when, sorts by it, and never changes again."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    path.rename(path.with_name(f"{path.stem}.{stamp}{path.suffix}"))
    old = sorted(path.parent.glob(f"{path.stem}.*Z{path.suffix}"))
    for one in old[: -settings.PANEL_AUDIT_TAIL_KEEP]:
        one.unlink(missing_ok=True)


def _finish_line(path: Path) -> None:
    """What a killed worker has begun is written to its end, never taken back.

    A shipper may have read the beginning. The event is among the missing ones, and comes again.
    """
    if not path.exists():
        return
    with _opened(path) as file:
        begun = _last_piece(file)
        if begun:
            log.warning("audit.tail_line_finished", file=str(path))
            _write(file, _rest_of(begun))


def _last_piece(file: int) -> bytes:
    """What stands after the last end of a line."""
    place, piece = os.fstat(file).st_size, b""
    while place > 0 and b"\n" not in piece:
        length = min(_PIECE, place)
        place -= length
        piece = os.pread(file, length, place) + piece
    return piece.rpartition(b"\n")[2]


def _rest_of(begun: bytes) -> bytes:
    for chain, written in _behind():
        for event in islice(_missing(chain, written), _BATCH):
            line = json_line(event)
            if line.startswith(begun):
                return line[len(begun) :]
    return b"\n"
