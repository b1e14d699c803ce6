"""Checks every chain from its first event to its head: what was changed behind the panel's back.

Memory stays flat: rows are streamed, one chain after the other, while the panel goes on writing.
"""

import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from controlpanel.audit import chain as chains
from controlpanel.audit import content, triggers, verify_checkpoints
from controlpanel.audit.histories import Histories, Problem
from controlpanel.audit.models import AuditEvent, ChainHead, CheckpointChain, TargetHead
from controlpanel.audit.recorder import PURPOSE
from controlpanel.keys import macs, ring

_CHUNK: Final = 2000
# What comes of a value that is not even of its column's type.
_UNREADABLE: Final = (ValueError, TypeError, AttributeError)
_DERIVED: Final = (
    "at",
    "event",
    "actor_kind",
    "actor_id",
    "actor_name",
    "actor_role",
    "target_kind",
    "target_id",
    "target_name",
    "target_seq",
    "target_prev",
    "result",
    "via",
    "address",
    "request_id",
    "operation_id",
    "labels",
)
_COLUMNS: Final = ("seq", "canonical", "prev_hash", "hash", "mac_key_id", "mac", *_DERIVED)


@dataclass(frozen=True, slots=True)
class Wrong:
    """The first place that is wrong. `kind` is a stable slug, `seq` is None for no single event."""

    kind: str
    chain: str
    seq: int | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Report:
    chains: int
    events: int
    wrong: Wrong | None = None
    checkpoints: verify_checkpoints.Checked = field(default_factory=verify_checkpoints.Checked)

    @property
    def sound(self) -> bool:
        return self.wrong is None


class _Found(Exception):
    def __init__(self, wrong: Wrong) -> None:
        super().__init__(wrong.sentence)
        self.wrong = wrong


@dataclass(slots=True)
class _Walk:
    """Where the check of one chain stands."""

    chain: str
    stood: verify_checkpoints.Stood
    seq: int = 0
    hash: str = chains.GENESIS
    key_id: str = ""
    histories: Histories = field(init=False)

    def __post_init__(self) -> None:
        self.histories = Histories(self.chain)


def verify() -> Report:
    """Checks triggers, checkpoints and all chains; stops at the first place that is wrong."""
    checked, events, points = 0, 0, verify_checkpoints.Checked()
    try:
        _check_triggers()
        points = _check_checkpoints()
        for chain in _chains():
            events += _check_chain(chain, points.number)
            checked += 1
    except _Found as found:
        return Report(checked, events, found.wrong, points)
    return Report(checked, events, None, points)


def _check_triggers() -> None:
    gone = triggers.missing()
    if gone:
        raise _Found(
            Wrong(
                "triggers",
                "",
                None,
                _("The database does not keep the log append-only: %(names)s missing or changed.")
                % {"names": ", ".join(gone)},
            )
        )


def _check_checkpoints() -> verify_checkpoints.Checked:
    try:
        return verify_checkpoints.check()
    except verify_checkpoints.Broken as broken:
        sentence = _("Checkpoint #%(number)s: %(what)s.") % {
            "number": broken.number,
            "what": broken.what,
        }
        raise _Found(Wrong(broken.kind, "", broken.number, sentence)) from None


def _chains() -> Iterator[str]:
    # First events and targets, then the heads: a chain begun in between has all of them.
    with_events = set(AuditEvent.objects.order_by().values_list("chain", flat=True).distinct())
    with_events |= set(TargetHead.objects.order_by().values_list("chain", flat=True).distinct())
    with_events |= set(CheckpointChain.objects.values_list("chain", flat=True).distinct())
    with_head = set(ChainHead.objects.values_list("chain", flat=True))
    for chain in sorted(with_events - with_head):
        raise _Found(_wrong("head_missing", chain, None, _("its head row is missing")))
    yield from sorted(with_head)


def _check_chain(chain: str, checkpoint: int) -> int:
    walk, keys = _Walk(chain, verify_checkpoints.Stood(chain, checkpoint)), ring.current()
    while True:
        head = _checked_head(chain)
        try:
            for row in _rows(chain, after=walk.seq, until=head.seq):
                _check_row(walk, keys, dict(zip(_COLUMNS, row, strict=True)))
        except _UNREADABLE:
            seq = _unreadable(chain, after=walk.seq, until=head.seq)
            raise _Found(_wrong("unreadable", chain, seq, _("a column cannot be read"))) from None
        _check_end(walk, head)
        _refuse(walk, walk.histories.check_heads())
        if not AuditEvent.objects.filter(chain=chain, seq__gt=head.seq).exists():
            _refuse(walk, walk.histories.check_reached())
            _refuse(walk, walk.stood.left())
            return walk.seq
        if not ChainHead.objects.filter(chain=chain, seq__gt=head.seq).exists():
            raise _Found(
                _wrong("beyond_head", chain, head.seq + 1, _("it stands beyond the chain's head"))
            )


def _refuse(walk: _Walk, problem: Problem | None, seq: int | None = None) -> None:
    if problem:
        raise _Found(_wrong(problem[0], walk.chain, seq, problem[1]))


def _rows(
    chain: str, *, after: int, until: int, at_once: int = _CHUNK
) -> Iterator[tuple[Any, ...]]:
    rows: QuerySet[AuditEvent] = AuditEvent.objects.filter(chain=chain, seq__lte=until)
    if after:
        rows = rows.filter(seq__gt=after)
    return rows.order_by("seq").values_list(*_COLUMNS).iterator(chunk_size=at_once)


def _unreadable(chain: str, *, after: int, until: int) -> int:
    """A whole chunk cannot be read for one row in it: read singly, they show which."""
    seq = after
    try:
        for row in _rows(chain, after=after, until=until, at_once=1):
            seq = row[0]
    except _UNREADABLE:
        return seq + 1
    return after + 1


def _checked_head(chain: str) -> ChainHead:
    head = ChainHead.objects.filter(chain=chain).first()
    if head is None:
        raise _Found(_wrong("head_missing", chain, None, _("its head row is missing")))
    if not _mac_fits(head.mac_key_id, _message(chains.head_message, chain, head), head.mac):
        raise _Found(_wrong("head_mac", chain, None, _("its head row was changed")))
    return head


def _message(make: Callable[[str, int, str], bytes], chain: str, head: ChainHead) -> bytes | None:
    try:
        return make(chain, head.seq, head.hash)
    except (ValueError, OverflowError):
        return None


def _check_row(walk: _Walk, keys: ring.KeyRing, row: dict[str, Any]) -> None:
    for kind, sentence, check in _CHECKS:
        if not check(walk, keys, row):
            raise _Found(_wrong(kind, walk.chain, _place(walk, kind, row), str(sentence())))
    walk.seq, walk.hash, walk.key_id = row["seq"], row["hash"], row["mac_key_id"]
    walk.histories.go_on(row)
    _refuse(walk, walk.stood.agrees(walk.seq, walk.hash, walk.histories), walk.seq)


def _place(walk: _Walk, kind: str, row: dict[str, Any]) -> int:
    return walk.seq + 1 if kind == "missing" else int(row["seq"])


def _check_end(walk: _Walk, head: ChainHead) -> None:
    if walk.seq != head.seq:
        raise _Found(
            _wrong(
                "tail_cut",
                walk.chain,
                walk.seq + 1,
                _("the head row says that the chain goes on to #%(seq)s and the events are gone")
                % {"seq": head.seq},
            )
        )
    if walk.hash != head.hash:
        raise _Found(
            _wrong("head_hash", walk.chain, walk.seq, _("the head row names another last event"))
        )
    if walk.key_id != head.mac_key_id:
        raise _Found(
            _wrong(
                "head_epoch", walk.chain, walk.seq, _("the head row was signed with another key")
            )
        )


_Check = Callable[[_Walk, ring.KeyRing, dict[str, Any]], bool]


def _in_sequence(walk: _Walk, _keys: ring.KeyRing, row: dict[str, Any]) -> bool:
    return bool(row["seq"] <= walk.seq + 1)


def _once(walk: _Walk, _keys: ring.KeyRing, row: dict[str, Any]) -> bool:
    return bool(row["seq"] == walk.seq + 1)


def _linked(walk: _Walk, _keys: ring.KeyRing, row: dict[str, Any]) -> bool:
    return bool(row["prev_hash"] == walk.hash)


def _hash_fits(walk: _Walk, _keys: ring.KeyRing, row: dict[str, Any]) -> bool:
    expected = chains.event_hash(walk.chain, row["seq"], walk.hash, row["canonical"])
    return bool(row["hash"] == expected)


def _signed(_walk: _Walk, keys: ring.KeyRing, row: dict[str, Any]) -> bool:
    key = keys.get(row["mac_key_id"])
    if key is None or key.purpose != PURPOSE:
        return False
    return hmac.compare_digest(macs.digest(key, chains.event_message(row["hash"])), row["mac"])


def _columns_fit(_walk: _Walk, _keys: ring.KeyRing, row: dict[str, Any]) -> bool:
    try:
        derived = content.columns(chains.parse(row["canonical"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return False
    return all(row[name] == derived[name] for name in _DERIVED)


def _in_history(walk: _Walk, _keys: ring.KeyRing, row: dict[str, Any]) -> bool:
    return walk.histories.follows(row)


def _epoch_fits(_walk: _Walk, keys: ring.KeyRing, row: dict[str, Any]) -> bool:
    return bool(keys.active(PURPOSE, row["at"]).id == row["mac_key_id"])


_CHECKS: Final[tuple[tuple[str, Callable[[], str], _Check], ...]] = (
    ("missing", lambda: _("it is missing"), _in_sequence),
    ("duplicate", lambda: _("it stands there twice, or out of order"), _once),
    ("link", lambda: _("it does not follow the event before it"), _linked),
    ("hash", lambda: _("what it records was changed, or its hash was"), _hash_fits),
    ("mac", lambda: _("it was not signed with the panel's key"), _signed),
    ("columns", lambda: _("a column says something else than what was recorded"), _columns_fit),
    ("target", lambda: _("it does not continue its target's history"), _in_history),
    ("epoch", lambda: _("its key was not in force at its time"), _epoch_fits),
)


def _mac_fits(key_id: str, message: bytes | None, mac: str) -> bool:
    if message is None:
        return False
    try:
        return hmac.compare_digest(macs.mac(PURPOSE, message, key_id)[1], mac)
    except (ring.KeysNotReady, TypeError):
        return False


def _wrong(kind: str, chain: str, seq: int | None, what: str) -> Wrong:
    if seq is None:
        sentence = _("Chain %(chain)s: %(what)s.") % {"chain": chain, "what": what}
    else:
        sentence = _("Chain %(chain)s, event #%(seq)s: %(what)s.") % {
            "chain": chain,
            "seq": seq,
            "what": what,
        }
    return Wrong(kind, chain, seq, sentence)
