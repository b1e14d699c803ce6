"""The checkpoints' part of the verification: the statements themselves, and the file outside."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from controlpanel.audit import hashing
from controlpanel.audit.checkpoints import checkpoint_file, checkpoints
from controlpanel.audit.models import AuditEvent, Checkpoint, CheckpointChain, SigningKey
from controlpanel.audit.verification.target_histories import Histories, Problem
from controlpanel.keys import ring, signatures

_CHUNK: Final = 500
# Longer without a checkpoint is told: nobody can say of that time what a later one can.
QUIET: Final = 2 * checkpoints.EVERY


@dataclass(frozen=True, slots=True)
class Gap:
    after: datetime
    length: timedelta


@dataclass(slots=True)
class Checked:
    """What the statements say, once they are known to be the panel's."""

    number: int = 0
    at: datetime | None = None
    gaps: list[Gap] = field(default_factory=list)


class Broken(Exception):
    def __init__(self, problem: Problem, number: int) -> None:
        super().__init__(problem[1])
        self.kind, self.what = problem
        self.number = number


class Stood:
    """What the checkpoints say of one chain, compared with it while it is read.

    `after`: the last one that was compared before, by a pass that this one goes on with. What they
    say of targets is then left alone: who goes on has not seen all of them.
    """

    def __init__(self, chain: str, until: int, after: int | None = None) -> None:
        self._chain = chain
        self.compared = after or 0
        rows = CheckpointChain.objects.filter(
            chain=chain, checkpoint__lte=until, checkpoint__gt=self.compared
        )
        self._last = rows.order_by("-checkpoint").first() if after is None else None
        self._rows = _in_slices(rows)
        self._next = next(self._rows, None)

    def agrees(self, seq: int, last_hash: str, histories: Histories) -> Problem | None:
        row = self._next
        if row is None or row.seq != seq:
            return None
        self._next = next(self._rows, None)
        self.compared = row.checkpoint
        if row.hash != last_hash:
            return _rewritten(row)
        if self._last and row.checkpoint == self._last.checkpoint:
            return self._targets(row, histories)
        return None

    def agrees_so_far(self, seq: int) -> Problem | None:
        """With the checkpoints that were made of what the pass has behind it."""
        while self._next is not None and self._next.seq <= seq:
            row, self._next = self._next, next(self._rows, None)
            self.compared = row.checkpoint
            if not AuditEvent.objects.filter(
                chain=self._chain, seq=row.seq, hash=row.hash
            ).exists():
                return _rewritten(row)
        return None

    def _targets(self, row: CheckpointChain, histories: Histories) -> Problem | None:
        leaves = [
            checkpoints.target_leaf(row.secret, self._chain, target, seq, last)
            for target, (seq, last) in histories.stand()
        ]
        if (len(leaves), checkpoints.targets_root(leaves)) == (row.targets, row.targets_root):
            return None
        return other_targets(row)

    def left(self) -> Problem | None:
        """At the end of the chain: what a checkpoint has seen must still be there."""
        if self._next is None:
            return None
        what = _("checkpoint #%(number)s saw the chain reach #%(seq)s, and those events are gone")
        return ("rolled_back", what % {"number": self._next.checkpoint, "seq": self._next.seq})


def _in_slices(rows: QuerySet[CheckpointChain]) -> Iterator[CheckpointChain]:
    """In the order of the checkpoints. Not through a cursor of the database's: where something is
    found to be wrong nobody reads on, and a later transaction would come to close it."""
    left = rows.order_by("checkpoint", "chain")
    while some := list(left[:_CHUNK]):
        yield from some
        last = some[-1]
        same = Q(checkpoint=last.checkpoint, chain__gt=last.chain)
        left = left.filter(same | Q(checkpoint__gt=last.checkpoint))


def other_targets(row: CheckpointChain) -> Problem:
    what = _("checkpoint #%(number)s says that the targets' histories stood elsewhere")
    return ("checkpoint_targets", what % {"number": row.checkpoint})


def _rewritten(row: CheckpointChain) -> Problem:
    what = _("checkpoint #%(number)s says that another event stood there")
    return ("rewritten", what % {"number": row.checkpoint})


def check() -> Checked:
    """Raises Broken at the first that is wrong."""
    last = checkpoints.latest()
    checked = Checked()
    previous, tree = checkpoints.GENESIS, Tree()
    for point in _until(last.number if last else 0):
        if point.number != checked.number + 1:
            raise Broken(("checkpoint_missing", _("it is missing")), checked.number + 1)
        check_statement(point, previous)
        check_root(point, tree)
        if checked.at and point.at - checked.at > QUIET:
            checked.gaps.append(Gap(checked.at, point.at - checked.at))
        checked.number, checked.at = point.number, point.at
        previous = checkpoints.statement_hash(point.statement)
    _check_file(checked.number)
    check_beyond(checked.number)
    return checked


def _until(number: int) -> Iterator[Checkpoint]:
    left = Checkpoint.objects.filter(number__lte=number).order_by("number")
    while some := list(left[:_CHUNK]):
        yield from some
        left = left.filter(number__gt=some[-1].number)


def check_statement(point: Checkpoint, previous: str) -> None:
    try:
        said = hashing.parse(point.statement)
        same = (
            said["number"] == point.number
            and hashing.time_from(said["at"]) == point.at
            and said["key"] == point.key_id
        )
    except (ValueError, KeyError, TypeError):
        same = False
    if not same:
        raise _broken(point, "checkpoint", _("its columns say something else than its statement"))
    if said["previous"] != previous:
        raise _broken(point, "checkpoint_link", _("it does not follow the one before it"))
    if not signatures.fits(_public(point), checkpoints.message(point.statement), point.signature):
        raise _broken(point, "checkpoint_signature", _("its signature does not fit"))


def _public(point: Checkpoint) -> str:
    """From the ring as long as it has the key: what stands in the database could be anybody's."""
    kept = SigningKey.objects.filter(key_id=point.key_id).first()
    if kept is None:
        raise _broken(point, "signing_key", _("the public key of its signature is not kept"))
    keys = ring.current()
    key = keys.get(point.key_id)
    if key and signatures.public(key) != kept.public:
        raise _broken(point, "signing_key", _("another public key is kept than the panel's"))
    if key and keys.active(signatures.PURPOSE, point.at) != key:
        raise _broken(point, "checkpoint_epoch", _("its key was not in force at its time"))
    return kept.public


class Tree:
    """What the checkpoints say of chains, in the order of the checkpoints.

    `after`: the last one that was checked before. What stood then is held against the next root.
    """

    def __init__(self, after: int = 0) -> None:
        self.stood = checkpoints.of_chains(after) if after else {}
        self.root = checkpoints.root(self.stood.values())
        self._rows = _in_slices(CheckpointChain.objects.filter(checkpoint__gt=after))
        self._next = next(self._rows, None)

    def go_on(self, number: int) -> bool:
        """To that checkpoint. False if a row is not as it was written."""
        begun = self._next
        while self._next is not None and self._next.checkpoint <= number:
            if self._next.checkpoint != number or not _sound(self._next):
                return False
            self.stood[self._next.chain] = self._next
            self._next = next(self._rows, None)
        if self._next is not begun:  # most checkpoints change little, and many nothing
            self.root = checkpoints.root(self.stood.values())
        return True


def _sound(row: CheckpointChain) -> bool:
    try:
        # Exactly as it was written: capital letters would give the same leaf.
        exact = bytes.fromhex(row.secret).hex() == row.secret
        return exact and checkpoints.chain_leaf(row).hash.hex() == row.leaf
    except ValueError:
        return False


def check_root(point: Checkpoint, tree: Tree) -> None:
    if not tree.go_on(point.number):
        raise _broken(point, "checkpoint_rows", _("what it says of a chain was changed"))
    said = hashing.parse(point.statement)
    if (len(tree.stood), tree.root) != (said["chains"], said["root"]):
        raise _broken(point, "checkpoint_rows", _("what it says of the chains does not add up"))


def _check_file(number: int) -> None:
    written = offset = 0
    while True:
        texts, offset = checkpoint_file.lines_from(offset, _CHUNK)
        if not texts:
            break
        written = check_lines(texts, written)
    check_unfinished(checkpoint_file.unfinished(offset), written + 1)
    check_written(written, number)


def check_lines(texts: Iterable[str], written: int) -> int:
    """Lines of the file that follow the first `written`; how many it has then."""
    for text in texts:
        written += 1
        point = Checkpoint.objects.filter(number=written).first()
        if point is None:
            if not _reads_as(text, written):
                raise Broken(("file", _("its line in the file was changed")), written)
            raise Broken(
                (
                    "rolled_back",
                    _("the file outside the database has it, and the database has not"),
                ),
                written,
            )
        if checkpoint_file.line(point) != text:
            raise Broken(("file", _("the file outside the database says something else")), written)
    return written


def check_written(written: int, number: int) -> None:
    # The last one may be on its way to the file.
    if written < number - 1:
        raise Broken(("file", _("the file outside the database lacks it")), written + 1)


def check_unfinished(text: str, number: int) -> None:
    """The begin of a line that is being written."""
    point = Checkpoint.objects.filter(number=number).first() if text else None
    if text and (point is None or not checkpoint_file.line(point).startswith(text)):
        raise Broken(("file", _("its line in the file was changed")), number)


def check_beyond(number: int) -> None:
    """Rows of no checkpoint. One taken meanwhile came with its own, in one transaction."""
    if SigningKey.objects.exclude(key_id__in=Checkpoint.objects.values("key_id")).exists():
        what = _("beside it a public key is kept with which no checkpoint was signed")
        raise Broken(("signing_key", what), number)
    beyond = CheckpointChain.objects.filter(checkpoint__gt=number)
    stray = beyond.exclude(checkpoint__in=Checkpoint.objects.values("number"))
    first = stray.order_by("checkpoint").first()
    if first is not None:
        what = _("it says where a chain stood, and is missing itself")
        raise Broken(("checkpoint_missing", what), first.checkpoint)


def _reads_as(text: str, number: int) -> bool:
    try:
        return bool(json.loads(json.loads(text)["statement"])["number"] == number)
    except (ValueError, KeyError, TypeError):
        return False


def _broken(point: Checkpoint, kind: str, what: str) -> Broken:
    return Broken((kind, what), point.number)
