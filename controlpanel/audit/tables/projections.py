"""Tables beside the log: the rows that its events say should be there, and those that differ.

Each package registers what it keeps that grants or withholds something. Every event that changes
such a row names it, with a digest of what the row grants from then on; the latest word counts. What
differs is named, never rewritten: `differences` keeps who holds no rights meanwhile.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, TypeVar

from controlpanel.audit import hashing
from controlpanel.audit.log.content import JSON, Said
from controlpanel.audit.models import AuditEvent

# The row that every team has. Once an event names it, all rows of that team must be explained.
TEAM: Final = "team"
# A row that changes while it is compared shows only once.
_PASSES: Final = 3
_MOST_KNOWN: Final = 500
# Rows that one event names; each takes about 120 bytes of it.
AT_ONCE: Final = 200

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Row:
    """`state`: what it grants or withholds. `words`: which it is, for people."""

    state: Mapping[str, JSON]
    words: str


@dataclass(frozen=True, slots=True)
class Projection:
    """One table of a package. `rows`: those of a chain's team, by their keys as events name them.

    `label`: what one of its rows is, for people. `events`: the names of those that change one.
    """

    table: str
    label: Any
    events: frozenset[str]
    rows: Callable[[str], Mapping[str, Row]]


@dataclass(frozen=True, slots=True)
class Difference:
    """`seq`: number of the event that last named the row, 0 for none. `found`: digest of the row
    as it is, empty if it is not there."""

    chain: str
    table: str
    key: str
    words: str
    seq: int
    found: str


@dataclass(slots=True)
class _Told:
    """What the events of a chain say, up to one of them: by "table key", the digest and the
    event's number."""

    seq: int = 0
    hash: str = ""
    rows: dict[str, tuple[str | None, int]] = field(default_factory=dict)
    is_whole: bool = False


_registered: Final[dict[str, Projection]] = {}
_known: Final[dict[str, _Told]] = {}
_lock: Final = threading.Lock()


def register(projection: Projection) -> None:
    _registered[projection.table] = projection


def registered() -> list[Projection]:
    return [_registered[table] for table in sorted(_registered)]


def says(table: str, key: object, state: Mapping[str, JSON]) -> Said:
    """For an event: the row is so from now on."""
    return Said(table, str(key), digest(table, str(key), state))


def gone(table: str, key: object) -> Said:
    """For an event: there is no such row from now on."""
    return Said(table, str(key), None)


def in_parts(rows: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """As many at a time as one event names."""
    for start in range(0, len(rows), AT_ONCE):
        yield rows[start : start + AT_ONCE]


def digest(table: str, key: str, state: Mapping[str, JSON]) -> str:
    text = hashing.canonical({"table": table, "key": key, "state": dict(state)})
    return sha256(text.encode()).hexdigest()


def as_they_are(chain: str) -> list[Said]:
    """All rows of a team, for the events that begin with what is found there."""
    return [says(table, key, row.state) for (table, key), row in _found(chain).items()]


def is_whole(chain: str) -> bool:
    """Whether all rows of this team must be explained: its founding, or a baseline, named them."""
    return _told(chain).is_whole


def explains(chain: str, said: Said) -> bool:
    """Whether the events say just this of a row. What a team's events do not have to explain, and
    never named, is explained."""
    told = _told(chain)
    last = told.rows.get(f"{said.table} {said.key}")
    return not told.is_whole if last is None else last[0] == said.digest


def compare(chain: str) -> list[Difference]:
    """The rows of a team that are not as its events say; the most important tables last.

    What others change meanwhile is no difference: it has to show in every look.
    """
    found = _compare(chain)
    for _ in range(_PASSES - 1):
        if not found:
            break
        again = set(_compare(chain))
        found = [one for one in found if one in again]
    return found


def _compare(chain: str) -> list[Difference]:
    rows = _found(chain)  # before the events: what explains a row is there when the row is
    told = _told(chain)
    found = []
    for (table, key), row in rows.items():
        said, seq = told.rows.get(f"{table} {key}", (None, 0))
        is_there = digest(table, key, row.state)
        if said != is_there and (seq or told.is_whole):
            found.append(Difference(chain, table, key, row.words, seq, is_there))
    for name, (said, seq) in told.rows.items():
        table, _, key = name.partition(" ")
        if said is not None and table in _registered and (table, key) not in rows:
            words = f"{_registered[table].label} {key}"
            found.append(Difference(chain, table, key, words, seq, ""))
    return found


def _found(chain: str) -> dict[tuple[str, str], Row]:
    return {(one.table, key): row for one in registered() for key, row in one.rows(chain).items()}


def _told(chain: str) -> _Told:
    """Goes on from what this process has read before: most chains stand still between two looks."""
    with _lock:
        told = _known.get(chain, _Told())
        before = _Told(told.seq, told.hash, dict(told.rows), told.is_whole)
    if before.seq and not _stands(chain, before):
        before = _Told()
    after = _read_on(chain, before)
    with _lock:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        _known[chain] = after
    return _Told(after.seq, after.hash, dict(after.rows), after.is_whole)


def _stands(chain: str, told: _Told) -> bool:
    """The database may be another one, or an older state of it."""
    return AuditEvent.objects.filter(chain=chain, seq=told.seq, hash=told.hash).exists()


def _read_on(chain: str, told: _Told) -> _Told:
    events = AuditEvent.objects.filter(chain=chain, seq__gt=told.seq, event__in=_names())
    columns = events.order_by("seq").values_list("seq", "hash", "canonical")
    for seq, this, text in columns.iterator(chunk_size=500):
        told.seq, told.hash = seq, this
        for name, said in _rows_of(text).items():
            told.rows[name] = (said, seq)
            told.is_whole = told.is_whole or name.startswith(f"{TEAM} ")
    return told


def _rows_of(text: str) -> Mapping[str, str | None]:
    """Nothing of an event that cannot be read: verifying the chain finds that."""
    try:
        rows = hashing.parse(text).get("rows")
    except ValueError:
        return {}
    return rows if isinstance(rows, dict) else {}


def _names() -> Iterable[str]:
    names = {name for one in _registered.values() for name in one.events}
    return sorted(names | {BASELINE, CONFIRMED})


BASELINE: Final = "tables.baseline"
CONFIRMED: Final = "tables.confirmed"
