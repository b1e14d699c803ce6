"""A verification that goes on where one left off: a slice of the chain, the targets' heads page by
page, the checkpoints. Nothing but a place is kept in between, so memory stays flat.
"""

import hmac
from typing import Any, Final

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from controlpanel.audit import hashing
from controlpanel.audit.checkpoints import checkpoint_file, checkpoints
from controlpanel.audit.log.append import PURPOSE
from controlpanel.audit.models import (
    AuditEvent,
    ChainHead,
    Checkpoint,
    CheckpointChain,
    TargetHead,
)
from controlpanel.audit.verification import checkpoint_check, full_check, target_histories
from controlpanel.audit.verification.checkpoint_check import Broken, Stood, Tree
from controlpanel.audit.verification.full_check import ChainPass, Found
from controlpanel.audit.verification.progress import Place, Points
from controlpanel.audit.verification.target_histories import HEAD_COLUMNS, START, Histories, Problem
from controlpanel.keys import ring
from controlpanel.keys.macs import digest

_CHUNK: Final = 2000
_EVENT: Final = ("seq", "target_seq", "hash", "prev_hash", "canonical", "mac_key_id", "mac")


class _Resumed(Histories):
    """Where a target's history stood is read from its last event before, if that is the panel's."""

    def __init__(self, chain: str, place: Place, *, heads: bool) -> None:
        super().__init__(chain)
        self.begun, self._since, self._heads = place.begun, place.seq, heads

    def check_heads(self) -> Problem | None:
        """Of the targets that the pass met; of all of them `heads_page` does."""
        if not self._heads:
            return None
        for kind, target in [known for known, (seq, _hash) in self.stand() if seq]:
            head = TargetHead.objects.filter(chain=self._chain, kind=kind, target=target)
            row = head.values_list(*HEAD_COLUMNS).first()
            if row is None:
                return target_histories.missing()
            if problem := self.check_head(dict(zip(HEAD_COLUMNS, row, strict=True))):
                return problem
        return None

    def check_reached(self) -> Problem | None:
        return None  # a head that is ahead is met by the next slice, or by the next pass

    def _stands(self, target: tuple[str, str]) -> tuple[int, str]:
        if target not in self._last:
            self._last[target] = _recorded(self._chain, target, self._since)
        return self._last[target]


def go_on(chain: str, place: Place, until: int, limit: int, *, heads: bool) -> tuple[Place, bool]:
    """Checks at most `limit` events after that place, against the checkpoints up to `until`.

    The place reached, and whether it is the end of the chain. Raises Found. `heads`: also those of
    the targets that it meets.
    """
    stood = Stood(chain, until, place.point)
    run = ChainPass(
        chain,
        stood,
        _Resumed(chain, place, heads=heads),
        place.seq,
        place.hash,
        place.key_id,
    )
    _refuse_shorter(run)
    full_check.refuse(run.chain, stood.agrees_so_far(place.seq))
    at_end = full_check.run_to_end(run, limit)
    begun = run.histories.begun
    return Place(run.seq, run.hash, run.key_id, stood.compared, begun), at_end


def heads_page(chain: str, after: list[str], limit: int) -> list[str] | None:
    """Checks the heads of targets that follow `after` (kind and id): the last of them, or None
    when there are no more. Raises Found."""
    rows = TargetHead.objects.filter(chain=chain)
    if after:
        kind, target = after
        rows = rows.filter(Q(kind__gt=kind) | Q(kind=kind, target__gt=target))
    last = None
    for row in rows.order_by("kind", "target").values_list(*HEAD_COLUMNS)[:limit]:
        head = dict(zip(HEAD_COLUMNS, row, strict=True))
        full_check.refuse(chain, _head_problem(chain, head))
        last = [head["kind"], head["target"]]
    return last


def all_heads_seen(chain: str, place: Place) -> bool:
    """Whether there is a head for each history that the pass saw begin.

    False if the chain has moved on since. Raises Found. Nobody writes to it meanwhile.
    """
    with transaction.atomic():
        head = ChainHead.objects.select_for_update().filter(chain=chain).first()
        if head is None:
            raise Found(full_check.head_missing(chain))
        if head.seq != place.seq:
            return False
        heads = TargetHead.objects.filter(chain=chain).count()
    full_check.refuse(chain, target_histories.missing() if heads < place.begun else None)
    return True


def targets_agree(chain: str, until: int) -> bool:
    """Holds the last checkpoint of the chain against its targets' histories.

    False if they moved while they were read. Raises Found.
    """
    rows = CheckpointChain.objects.filter(chain=chain, checkpoint__lte=until)
    row = rows.order_by("-checkpoint").first()
    if row is None:
        return True
    moved = _moved_since(row)
    leaves = [
        checkpoints.target_leaf(row.secret, chain, target, seq, last)
        for target in moved
        for seq, last in [_recorded(chain, target, row.seq)]
        if seq
    ]
    heads = TargetHead.objects.filter(chain=chain).values_list("kind", "target", "seq", "hash")
    for kind, target, seq, last in heads.iterator(chunk_size=_CHUNK):
        if (kind, target) not in moved:
            leaves.append(checkpoints.target_leaf(row.secret, chain, (kind, target), seq, last))
    if _moved_since(row) != moved:
        return False
    if (len(leaves), checkpoints.targets_root(leaves)) != (row.targets, row.targets_root):
        full_check.refuse(chain, checkpoint_check.other_targets(row))
    return True


def go_on_with_checkpoints(points: Points, limit: int) -> tuple[Points, bool]:
    """The same for the checkpoints and the lines of their file."""
    try:
        return _checkpoints(points, limit)
    except Broken as broken:
        raise Found(full_check.of_checkpoint(broken)) from None


def _checkpoints(points: Points, limit: int) -> tuple[Points, bool]:
    last = checkpoints.latest()
    newest = last.number if last else 0
    _refuse_gone(points, newest)
    number, at, previous = points.number, points.at, points.previous
    if newest > number:
        tree = Tree(number)
        found = Checkpoint.objects.filter(number__gt=number, number__lte=newest)
        for point in found.order_by("number")[:limit]:
            if point.number != number + 1:
                raise Broken(("checkpoint_missing", _("it is missing")), number + 1)
            checkpoint_check.check_statement(point, previous)
            checkpoint_check.check_root(point, tree)
            number, at = point.number, hashing.time_text(point.at)
            previous = checkpoints.statement_hash(point.statement)
    try:
        texts, offset = checkpoint_file.lines_from(points.offset, limit)
    except ValueError:
        what = _("the file outside the database is shorter than it was")
        raise Broken(("file", what), points.lines) from None
    lines = checkpoint_check.check_lines(texts, points.lines)
    at_end = number == newest and len(texts) < limit
    if at_end:
        checkpoint_check.check_written(lines, number)
        checkpoint_check.check_unfinished(checkpoint_file.unfinished(offset), lines + 1)
        checkpoint_check.check_beyond(number)
    return Points(number, at, previous, lines, offset), at_end


def _refuse_gone(points: Points, newest: int) -> None:
    if not points.number:
        return
    if newest < points.number:
        what = _("it was there when it was last verified, and is gone")
        raise Broken(("rolled_back", what), points.number)
    kept = Checkpoint.objects.filter(number=points.number).first()
    if kept is None or checkpoints.statement_hash(kept.statement) != points.previous:
        what = _("it is not the one that was verified")
        raise Broken(("checkpoint", what), points.number)


def _refuse_shorter(run: ChainPass) -> None:
    head = ChainHead.objects.filter(chain=run.chain).first()
    if head is not None and head.seq < run.seq:
        what = _("it was there when it was last verified, and the chain now ends before it")
        full_check.refuse(run.chain, ("rolled_back", what), run.seq)


def _head_problem(chain: str, head: dict[str, Any]) -> Problem | None:
    one = Histories(chain)
    target = (head["kind"], head["target"])
    one.stands_at(target, *_recorded(chain, target, None))
    problem = one.check_head(head) or one.check_reached()
    if problem is None:
        return None
    # It may have moved since it was read: only what stays wrong is.
    now = TargetHead.objects.filter(chain=chain, kind=head["kind"], target=head["target"])
    row = now.values_list(*HEAD_COLUMNS).first()
    if row is None or dict(zip(HEAD_COLUMNS, row, strict=True)) == head:
        return problem
    return _head_problem(chain, dict(zip(HEAD_COLUMNS, row, strict=True)))


def _moved_since(row: CheckpointChain) -> set[tuple[str, str]]:
    events = AuditEvent.objects.filter(chain=row.chain, seq__gt=row.seq, target_seq__gt=0)
    return set(events.order_by().values_list("target_kind", "target_id").distinct())


def _recorded(chain: str, target: tuple[str, str], until: int | None) -> tuple[int, str]:
    """Number and hash of the target's last event up to there. What is not the panel's fits
    nothing."""
    events = AuditEvent.objects.filter(
        chain=chain, target_kind=target[0], target_id=target[1], target_seq__gt=0
    )
    if until is not None:
        events = events.filter(seq__lte=until)
    row = events.order_by("-seq").values(*_EVENT).first()
    if row is None:
        return START
    return (row["target_seq"], row["hash"]) if _is_ours(chain, row) else (-1, "")


def _is_ours(chain: str, row: dict[str, Any]) -> bool:
    key = ring.current().get(row["mac_key_id"])
    if key is None or key.purpose != PURPOSE:
        return False
    try:
        expected = hashing.event_hash(chain, row["seq"], row["prev_hash"], row["canonical"])
        signed = digest(key, hashing.event_message(row["hash"]))
        said = hashing.parse(row["canonical"])["target"]
        return (
            row["hash"] == expected
            and hmac.compare_digest(signed, row["mac"])
            and said["seq"] == row["target_seq"]
        )
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return False
