"""What somebody takes out of the audit log: which events, in which form, and the record of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import IO, Any, Final

from django.db import transaction
from django.utils.translation import ngettext

from controlpanel.audit.export import bundle, bundle_contents
from controlpanel.audit.export.bundle_contents import Histories, Wanted
from controlpanel.audit.export.lines import csv_lines, jsonl_lines
from controlpanel.audit.hashing import time_text
from controlpanel.audit.log.recorder import Target, record_by
from controlpanel.audit.models import AuditEvent, ChainHead
from controlpanel.audit.reading import selectors
from controlpanel.audit.reading.batches import Progress, iterate, quietly
from controlpanel.lib import clock
from controlpanel.lib.scope import Scope

# So many events are given at once; a worker prepares more.
AT_ONCE: Final = 5000
TYPES: Final[Mapping[str, str]] = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
    "bundle": "application/zip",
}
_ENDINGS: Final = {"csv": "csv", "jsonl": "jsonl", "bundle": "zip"}
_LINES: Final = {"csv": csv_lines, "jsonl": jsonl_lines}


@dataclass(frozen=True, slots=True)
class Wish:
    """`asked`: what selectors.events takes; `query`: the same as a person writes it; `at`: when
    they asked."""

    form: str
    asked: Mapping[str, Any]
    query: str = ""
    at: datetime = field(default_factory=clock.now)


@dataclass(frozen=True, slots=True)
class Taken:
    """Which records are in a file. `first` and `last` are 0 if there are none."""

    count: int
    first: int
    last: int
    sha256: str


def size(scope: Scope, wish: Wish) -> int:
    """How many events the wish finds; AT_ONCE + 1 stands for more."""
    return selectors.events(scope, **wish.asked).order_by()[: AT_ONCE + 1].count()


def is_long(scope: Scope, wish: Wish) -> bool:
    """Whether a worker has to prepare it."""
    if size(scope, wish) > AT_ONCE:
        return True
    wanted = _wanted(scope, wish) if wish.form == "bundle" else None
    return isinstance(wanted, Histories) and bundle_contents.size(wanted, AT_ONCE) > AT_ONCE


def file_name(scope: Scope, form: str) -> str:
    at = time_text(clock.now())[:16].replace(":", "")
    return f"audit-{scope.team_slug}-{at}.{_ENDINGS[form]}"


def write(file: IO[bytes], scope: Scope, wish: Wish, told: Progress = quietly) -> Taken:
    """Writes what the person of `scope` may read of it, oldest first. bundle.NoBundle."""
    if wish.form == "bundle":
        return write_bundle(file, _wanted(scope, wish), told, wish.at)
    seen = _Seen()
    events = seen.through(iterate(selectors.events(scope, **wish.asked), _head(scope), told=told))
    for line in _LINES[wish.form](events):
        file.write(line)
    return Taken(seen.count, seen.first, seen.last, _hash(file))


def write_bundle(
    file: IO[bytes], wanted: Wanted, told: Progress = quietly, at: datetime | None = None
) -> Taken:
    """`at` as bundle.write takes it. Raises bundle.NoBundle."""
    written = bundle.write(file, wanted, told, at)
    return Taken(written.count, written.first, written.last, _hash(file))


def record(scope: Scope, wish: Wish, taken: Taken) -> None:
    """Before the first byte is given: AuditUnavailable means that none may be."""
    what = ngettext("%(n)d event", "%(n)d events", taken.count) % {"n": taken.count}
    with transaction.atomic():
        record_by(
            scope,
            "audit.exported",
            Target("audit", "", "audit log"),
            format=wish.form,
            what=what,
            query=wish.query,
            count=taken.count,
            first=taken.first,
            last=taken.last,
            sha256=taken.sha256,
        )


def _wanted(scope: Scope, wish: Wish) -> Wanted:
    return bundle_contents.wanted(scope, wish.asked, wish.query, wish.at)


class _Seen:
    """Counts what goes through."""

    def __init__(self) -> None:
        self.count = self.first = self.last = 0

    def through(self, events: Iterator[AuditEvent]) -> Iterator[AuditEvent]:
        for event in events:
            self.count, self.last = self.count + 1, event.seq
            self.first = self.first or event.seq
            yield event


def _head(scope: Scope) -> int:
    """What is recorded while a file is written does not make it longer."""
    head = ChainHead.objects.filter(chain=str(scope.team_id)).values_list("seq", flat=True)
    return head.first() or 0


def _hash(file: IO[bytes]) -> str:
    digest = sha256()
    file.seek(0)
    for part in iter(lambda: file.read(1 << 16), b""):
        digest.update(part)
    file.seek(0)
    return digest.hexdigest()
