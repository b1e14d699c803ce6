"""The checkpoints' second home: a file outside the database, only ever appended to, mode 0600.

It shows what a database cannot say of itself: that it was rolled back as a whole.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from controlpanel.audit.hashing import canonical
from controlpanel.audit.models import Checkpoint

# A line is a few hundred bytes.
_TAIL: Final = 4096


class RolledBack(Exception):
    """The file knows of checkpoints that the database has not, or cannot be understood."""


def path() -> Path:
    return Path(settings.PANEL_CHECKPOINTS_FILE)


def line(checkpoint: Checkpoint) -> str:
    return canonical(
        {
            "key": checkpoint.key_id,
            "signature": checkpoint.signature,
            "statement": checkpoint.statement,
        }
    )


def refuse_if_ahead(number: int) -> None:
    """`number`: of the database's last checkpoint."""
    written = last_written()
    if written > number:
        raise RolledBack(
            f"{path()} holds checkpoint #{written}, and the database only #{number}: it was "
            "rolled back. Run `manage.py verify_audit`, and find out who did that."
        )


def catch_up() -> None:
    """Appends what the file lacks: also what a process that died before could not."""
    with _opened() as file:
        written = _last_number(file)
        for checkpoint in Checkpoint.objects.filter(number__gt=written).order_by("number"):
            os.write(file, (line(checkpoint) + "\n").encode())
        os.fsync(file)


def last_written() -> int:
    """Number of the last checkpoint in the file; 0 if there is none."""
    if not path().exists():
        return 0
    with path().open("rb") as file:
        return _last_number(file.fileno())


def lines_from(offset: int, most: int) -> tuple[list[str], int]:
    """At most so many whole lines from a place in the file on, and the place after them.

    ValueError if the file does not reach that far.
    """
    found: list[str] = []
    if not path().exists():
        if offset:
            raise ValueError("shorter than before")
        return found, 0
    with path().open("rb") as file:
        if os.fstat(file.fileno()).st_size < offset:
            raise ValueError("shorter than before")
        file.seek(offset)
        for text in file:
            if len(found) == most or not text.endswith(b"\n"):  # one is being written
                break
            offset += len(text)
            found.append(text.decode(errors="replace").removesuffix("\n"))
    return found, offset


def unfinished(offset: int) -> str:
    """What stands after the last whole line, which ends there: a line that is being written."""
    if not path().exists():
        return ""
    with path().open("rb") as file:
        file.seek(offset)
        rest = file.read(_TAIL)
    return "" if b"\n" in rest else rest.decode(errors="replace")  # it was finished meanwhile


@contextmanager
def _opened() -> Iterator[int]:
    path().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.open(path(), os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)


def _last_number(file: int) -> int:
    size = os.fstat(file).st_size
    tail = os.pread(file, _TAIL, max(0, size - _TAIL))
    if not tail:
        return 0
    try:
        if not tail.endswith(b"\n"):
            raise ValueError("a line that was not finished")  # noqa: TRY301
        found: dict[str, Any] = json.loads(tail.rstrip(b"\n").rpartition(b"\n")[2])
        return int(json.loads(found["statement"])["number"])
    except (ValueError, KeyError, TypeError):
        raise RolledBack(f"The end of {path()} cannot be read.") from None
