"""A long audit log made quickly: the same rows that the recorder would write, many at once."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from django.db import connection, transaction

from controlpanel.audit import hashing
from controlpanel.audit.log import append, content
from controlpanel.audit.log.content import Target
from controlpanel.audit.models import AuditEvent, ChainHead, TargetHead
from controlpanel.keys import macs, ring
from controlpanel.lib import clock
from controlpanel.lib.scope import Actor, Origin

BATCH = 5000
SERVERS, PEOPLE, NEEDLES = 200, 20, 5
_COLUMNS = tuple(field.attname for field in AuditEvent._meta.local_concrete_fields)
_NAMES = ("server.reboot", "server.start", "server.stop", "server.update")
_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


class Filler:
    """Writes one team's chain, and where it and its targets then stand."""

    def __init__(self, chain: str, count: int) -> None:
        self._chain, self._count = chain, count
        self._key = ring.current().active(append.PURPOSE)
        self._begin = clock.now() - timedelta(days=1)
        self._last: dict[Target, tuple[int, str]] = {}
        self._hash = hashing.GENESIS

    def fill(self) -> None:
        """NEEDLES of its events hold the word "needle"."""
        rows = self._rows()
        while batch := list(islice(rows, BATCH)):
            with transaction.atomic():
                _insert(batch)
        with transaction.atomic():
            self._write_heads()

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        for seq in range(1, self._count + 1):
            row = self._row(seq)
            yield tuple(row[name] for name in _COLUMNS)

    def _row(self, seq: int) -> dict[str, Any]:
        target = Target("server", str(12_345 + seq % SERVERS), f"web-{seq % SERVERS:03}")
        number, before = self._last.get(target, (0, hashing.GENESIS))
        built = self._content(seq, target)
        content.place_in_history(built, number + 1, before)
        text = hashing.canonical(built)
        this = hashing.event_hash(self._chain, seq, self._hash, text)
        row = {
            **content.columns(built),
            "chain": self._chain,
            "seq": seq,
            "canonical": text,
            "prev_hash": self._hash,
            "hash": this,
            "mac_key_id": self._key.id,
            "mac": macs.digest(self._key, hashing.event_message(this)),
        }
        self._last[target] = (number + 1, this)
        self._hash = this
        return row

    def _content(self, seq: int, target: Target) -> dict[str, Any]:
        person = f"person-{seq * 7 % PEOPLE:02}"
        needle = seq % (self._count // NEEDLES) == self._count // NEEDLES // 2
        return content.build(
            _NAMES[seq % len(_NAMES)] if seq % 997 else "server.delete",
            self._at(seq),
            Actor("user", str(uuid5(NAMESPACE_URL, person)), f"{person}@example.com", "operator"),
            Origin("page", f"192.0.2.{seq % 250}", _AGENT, f"request-{seq:09x}"),
            target,
            "denied" if seq % 503 == 0 else "success",
            "Asked for by the people who use it" if seq % 10 == 0 else "",
            (),
            {
                "phase": "outcome",
                "operation": str(uuid5(NAMESPACE_URL, str(seq))),
                "account": "main",
                "note": "needle in a haystack" if needle else "",
            },
        )

    def _at(self, seq: int) -> datetime:
        return self._begin + timedelta(days=1) * seq / (self._count + 1)

    def _write_heads(self) -> None:
        key = self._key
        message = hashing.head_message(self._chain, self._count, self._hash)
        ChainHead.objects.create(
            chain=self._chain,
            seq=self._count,
            hash=self._hash,
            mac_key_id=key.id,
            mac=macs.digest(key, message),
        )
        TargetHead.objects.bulk_create(
            TargetHead(
                chain=self._chain,
                kind=target.kind,
                target=target.id,
                seq=seq,
                hash=last,
                mac_key_id=key.id,
                mac=macs.digest(
                    key, hashing.target_message(self._chain, target.kind, target.id, seq, last)
                ),
            )
            for target, (seq, last) in self._last.items()
        )


def settle() -> None:
    """What a database does by itself in time."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE" if connection.vendor == "sqlite" else "VACUUM ANALYZE")


def _insert(batch: list[tuple[Any, ...]]) -> None:
    table = AuditEvent._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({', '.join(_COLUMNS)}) FROM STDIN") as copy:
                for row in batch:
                    copy.write_row(row)
            return
        places = ", ".join(["%s"] * len(_COLUMNS))
        cursor.executemany(
            f"INSERT INTO {table} ({', '.join(_COLUMNS)}) VALUES ({places})",  # noqa: S608
            batch,
        )
