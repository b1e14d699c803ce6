"""Checks every chain from its first event to its head: what was changed behind the panel's back.

Memory stays flat: rows are streamed, one chain after the other, while the panel goes on writing.
"""

import hmac
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from controlpanel.audit import hashing
from controlpanel.audit.log import content, triggers
from controlpanel.audit.log.append import PURPOSE
from controlpanel.audit.models import AuditEvent, ChainHead, CheckpointChain, TargetHead
from controlpanel.audit.verification import checkpoint_check, other_checks
from controlpanel.audit.verification.target_histories import Histories, Problem
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
    checkpoints: checkpoint_check.Checked = field(default_factory=checkpoint_check.Checked)

    @property
    def sound(self) -> bool:
        return self.wrong is None


class Found(Exception):
    def __init__(self, wrong: Wrong) -> None:
        super().__init__(wrong.sentence)
        self.wrong = wrong


@dataclass(slots=True)
class ChainPass:
    """Where the check of one chain stands."""

    chain: str
    stood: checkpoint_check.Stood
    histories: Histories
    seq: int = 0
    hash: str = hashing.GENESIS
    key_id: str = ""


def verify() -> Report:
    """Checks triggers, checkpoints and all chains; stops at the first place that is wrong."""
    checked, events, points = 0, 0, checkpoint_check.Checked()
    try:
        check_triggers()
        points = _check_checkpoints()
        for chain in _chains():
            events += _check_chain(chain, points.number)
            checked += 1
        check_others()
    except Found as found:
        return Report(checked, events, found.wrong, points)
    return Report(checked, events, None, points)


def check_triggers() -> None:
    gone = triggers.missing()
    if gone:
        raise Found(
            Wrong(
                "triggers",
                "",
                None,
                _("The database does not keep the log append-only: %(names)s missing or changed.")
                % {"names": ", ".join(gone)},
            )
        )


def check_others() -> None:
    problem = other_checks.first_problem()
    if problem:
        raise Found(Wrong(problem.kind, "", None, problem.sentence))


def _check_checkpoints() -> checkpoint_check.Checked:
    try:
        return checkpoint_check.check()
    except checkpoint_check.Broken as broken:
        raise Found(of_checkpoint(broken)) from None


def of_checkpoint(broken: checkpoint_check.Broken) -> Wrong:
    sentence = _("Checkpoint #%(number)s: %(what)s.") % {
        "number": broken.number,
        "what": broken.what,
    }
    return Wrong(broken.kind, "", broken.number, sentence)


def _chains() -> Iterator[str]:
    missing, with_head = heads_of_chains()
    for chain in missing:
        raise Found(head_missing(chain))
    yield from with_head


def heads_of_chains() -> tuple[list[str], list[str]]:
    """The chains whose head row is missing, and the others."""
    # First events and targets, then the heads: a chain begun in between has all of them.
    with_events = set(AuditEvent.objects.order_by().values_list("chain", flat=True).distinct())
    with_events |= set(TargetHead.objects.order_by().values_list("chain", flat=True).distinct())
    with_events |= set(CheckpointChain.objects.values_list("chain", flat=True).distinct())
    with_head = set(ChainHead.objects.values_list("chain", flat=True))
    return sorted(with_events - with_head), sorted(with_head)


def head_missing(chain: str) -> Wrong:
    return _wrong("head_missing", chain, None, _("its head row is missing"))


def _check_chain(chain: str, checkpoint: int) -> int:
    run = ChainPass(chain, checkpoint_check.Stood(chain, checkpoint), Histories(chain))
    while not run_to_end(run):
        pass
    return run.seq


def run_to_end(run: ChainPass, limit: int | None = None) -> bool:
    """Goes on to where the chain's head stands now. False if there is more: ask again.

    At most `limit` events at a time. Raises Found.
    """
    keys = ring.current()  # without any, nothing can be said
    head = _checked_head(run.chain)
    if _go_on(run, keys, head.seq, limit) == limit and run.seq < head.seq:
        return False
    _check_end(run, head)
    refuse(run.chain, run.histories.check_heads())
    if not AuditEvent.objects.filter(chain=run.chain, seq__gt=head.seq).exists():
        refuse(run.chain, run.histories.check_reached())
        refuse(run.chain, run.stood.left())
        return True
    if not ChainHead.objects.filter(chain=run.chain, seq__gt=head.seq).exists():
        raise Found(
            _wrong("beyond_head", run.chain, head.seq + 1, _("it stands beyond the chain's head"))
        )
    return False


def _go_on(run: ChainPass, keys: ring.KeyRing, until: int, limit: int | None) -> int:
    """How many events were checked."""
    checked = 0
    try:
        # Closed at once when something is found: not by whoever has the connection later.
        with closing(_rows(run.chain, after=run.seq, until=until, limit=limit)) as rows:
            for row in rows:
                _check_row(run, keys, dict(zip(_COLUMNS, row, strict=True)))
                checked += 1
    except _UNREADABLE:
        seq = _unreadable(run.chain, after=run.seq, until=until)
        raise Found(_wrong("unreadable", run.chain, seq, _("a column cannot be read"))) from None
    return checked


def refuse(chain: str, problem: Problem | None, seq: int | None = None) -> None:
    if problem:
        raise Found(_wrong(problem[0], chain, seq, problem[1]))


def _rows(
    chain: str,
    *,
    after: int,
    until: int,
    limit: int | None = None,
    at_once: int = _CHUNK,
) -> Generator[tuple[Any, ...], None, None]:
    rows: QuerySet[AuditEvent] = AuditEvent.objects.filter(chain=chain, seq__lte=until)
    if after:
        rows = rows.filter(seq__gt=after)
    found = rows.order_by("seq").values_list(*_COLUMNS)[:limit]
    yield from found.iterator(chunk_size=at_once)


def _unreadable(chain: str, *, after: int, until: int) -> int:
    """A whole chunk cannot be read for one row in it: read singly, they show which."""
    seq = after
    try:
        with closing(_rows(chain, after=after, until=until, at_once=1)) as rows:
            for row in rows:
                seq = row[0]
    except _UNREADABLE:
        return seq + 1
    return after + 1


def _checked_head(chain: str) -> ChainHead:
    head = ChainHead.objects.filter(chain=chain).first()
    if head is None:
        raise Found(head_missing(chain))
    if not _mac_fits(head.mac_key_id, _message(hashing.head_message, chain, head), head.mac):
        raise Found(_wrong("head_mac", chain, None, _("its head row was changed")))
    return head


def _message(make: Callable[[str, int, str], bytes], chain: str, head: ChainHead) -> bytes | None:
    try:
        return make(chain, head.seq, head.hash)
    except (ValueError, OverflowError):
        return None


def _check_row(run: ChainPass, keys: ring.KeyRing, row: dict[str, Any]) -> None:
    for kind, sentence, check in _CHECKS:
        if not check(run, keys, row):
            raise Found(_wrong(kind, run.chain, _place(run, kind, row), str(sentence())))
    run.seq, run.hash, run.key_id = row["seq"], row["hash"], row["mac_key_id"]
    run.histories.go_on(row)
    refuse(run.chain, run.stood.agrees(run.seq, run.hash, run.histories), run.seq)


def _place(run: ChainPass, kind: str, row: dict[str, Any]) -> int:
    return run.seq + 1 if kind == "missing" else int(row["seq"])


def _check_end(run: ChainPass, head: ChainHead) -> None:
    if run.seq != head.seq:
        raise Found(
            _wrong(
                "tail_cut",
                run.chain,
                run.seq + 1,
                _("the head row says that the chain goes on to #%(seq)s and the events are gone")
                % {"seq": head.seq},
            )
        )
    if run.hash != head.hash:
        raise Found(
            _wrong("head_hash", run.chain, run.seq, _("the head row names another last event"))
        )
    if run.key_id != head.mac_key_id:
        raise Found(
            _wrong("head_epoch", run.chain, run.seq, _("the head row was signed with another key"))
        )


_Check = Callable[[ChainPass, ring.KeyRing, dict[str, Any]], bool]


def _in_sequence(run: ChainPass, _keys: ring.KeyRing, row: dict[str, Any]) -> bool:
    return bool(row["seq"] <= run.seq + 1)


def _once(run: ChainPass, _keys: ring.KeyRing, row: dict[str, Any]) -> bool:
    return bool(row["seq"] == run.seq + 1)


def _linked(run: ChainPass, _keys: ring.KeyRing, row: dict[str, Any]) -> bool:
    return bool(row["prev_hash"] == run.hash)


def _hash_fits(run: ChainPass, _keys: ring.KeyRing, row: dict[str, Any]) -> bool:
    expected = hashing.event_hash(run.chain, row["seq"], run.hash, row["canonical"])
    return bool(row["hash"] == expected)


def _signed(_run: ChainPass, keys: ring.KeyRing, row: dict[str, Any]) -> bool:
    key = keys.get(row["mac_key_id"])
    if key is None or key.purpose != PURPOSE:
        return False
    return hmac.compare_digest(macs.digest(key, hashing.event_message(row["hash"])), row["mac"])


def _columns_fit(_run: ChainPass, _keys: ring.KeyRing, row: dict[str, Any]) -> bool:
    try:
        derived = content.columns(hashing.parse(row["canonical"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return False
    return all(row[name] == derived[name] for name in _DERIVED)


def _in_history(run: ChainPass, _keys: ring.KeyRing, row: dict[str, Any]) -> bool:
    return run.histories.follows(row)


def _epoch_fits(_run: ChainPass, keys: ring.KeyRing, row: dict[str, Any]) -> bool:
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
