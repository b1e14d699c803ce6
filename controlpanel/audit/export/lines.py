"""Events as lines of CSV or JSON, one after the other, for files of any length."""

import codecs
import csv
from collections.abc import Iterable, Iterator
from typing import Final

from controlpanel.audit import hashing
from controlpanel.audit.events import sentences
from controlpanel.audit.models import AuditEvent

COLUMNS: Final = (
    "seq", "at", "event", "sentence", "result", "actor_kind", "actor_id", "actor", "actor_role",
    "target_kind", "target_id", "target", "via", "key", "address", "user_agent", "request_id",
    "operation_id", "reason", "labels", "hash",
)  # fmt: skip
# What a spreadsheet takes for the beginning of a formula, and what it turns into one of these.
_FORMULA: Final = frozenset("=+-@＝＋－＠\t\r\n")


def csv_lines(events: Iterable[AuditEvent]) -> Iterator[bytes]:
    """RFC 4180, a header first; times in UTC. The mark at its beginning is what spreadsheets know
    UTF-8 by: without it they show names of people as garbage."""
    write = csv.writer(_Echo()).writerow
    yield codecs.BOM_UTF8 + str(write(COLUMNS)).encode()
    for event in events:
        yield str(write(_cells(event))).encode()


def jsonl_lines(events: Iterable[AuditEvent]) -> Iterator[bytes]:
    for event in events:
        yield json_line(event)


def json_line(event: AuditEvent) -> bytes:
    """All that was recorded, with its place: `id` is the same wherever an event is shipped."""
    place = {
        "chain": event.chain,
        "hash": event.hash,
        "id": f"{event.chain}:{event.seq}",
        "prev": event.prev_hash,
        "seq": event.seq,
    }
    # Both are JSON objects with something in them: the exact text that was hashed stays as it is.
    return f"{hashing.canonical(place)[:-1]},{event.canonical[1:]}\n".encode()


def guarded(text: str) -> str:
    """An apostrophe before what a spreadsheet would run: it shows the rest as it is."""
    return f"'{text}" if text.lstrip()[:1] in _FORMULA or text[:1] in _FORMULA else text


def _cells(event: AuditEvent) -> tuple[str, ...]:
    texts = (
        event.event,
        sentences.sentence(event),
        event.result,
        event.actor_kind,
        event.actor_id,
        event.actor_name,
        event.actor_role,
        event.target_kind,
        event.target_id,
        event.target_name,
        event.via,
        event.key,
        event.address,
        event.user_agent,
        event.request_id,
        event.operation_id,
        event.reason,
        ", ".join(event.content.get("labels", [])),
        event.hash,
    )
    return (str(event.seq), hashing.time_text(event.at), *map(guarded, texts))


class _Echo:
    """csv.writer gives back what this does."""

    def write(self, text: str) -> str:
        return text
