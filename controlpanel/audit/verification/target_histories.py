"""The check of each target's own history within one chain, while the chain is read.

Memory grows with the targets of one chain, not with its events.
"""

import hmac
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from typing import Any, Final

from django.utils.translation import gettext as _

from controlpanel.audit import hashing
from controlpanel.audit.log.append import PURPOSE
from controlpanel.audit.models import TargetHead
from controlpanel.keys import ring
from controlpanel.keys.macs import digest

_CHUNK: Final = 2000
HEAD_COLUMNS: Final = ("kind", "target", "seq", "hash", "mac_key_id", "mac")
START: Final = (0, hashing.GENESIS)

Problem = tuple[str, str]


class Histories:
    def __init__(self, chain: str) -> None:
        self._chain = chain
        self._last: dict[tuple[str, str], tuple[int, str]] = {}
        # How many histories have begun so far, those of format 1 not counted.
        self.begun = 0
        # Heads that were ahead of the pass when they were read: the pass has to reach them.
        self._ahead: list[tuple[str, str, int]] = []
        self._heads_read = False

    def follows(self, row: Mapping[str, Any]) -> bool:
        """Whether the event continues its target's history, or is of format 1 before any did."""
        seq, before = self._stands(_target(row))
        if row["target_seq"] == 0:
            return bool(seq == 0 and row["target_prev"] == "")
        return bool(row["target_seq"] == seq + 1 and row["target_prev"] == before)

    def go_on(self, row: Mapping[str, Any]) -> None:
        if row["target_seq"]:
            self._last[_target(row)] = (row["target_seq"], row["hash"])
            self.begun += row["target_seq"] == 1

    def stands_at(self, target: tuple[str, str], seq: int, last_hash: str) -> None:
        """What is known of a target from elsewhere."""
        self._last[target] = (seq, last_hash)

    def stand(self) -> Iterator[tuple[tuple[str, str], tuple[int, str]]]:
        """Each target with the number and hash of its last event so far."""
        yield from self._last.items()

    def check_heads(self) -> Problem | None:
        """Once, when the pass has reached the chain's head."""
        if self._heads_read:
            return None
        self._heads_read = True
        seen = 0
        with closing(_heads(self._chain)) as heads:
            for row in heads:
                problem = self.check_head(dict(zip(HEAD_COLUMNS, row, strict=True)))
                if problem:
                    return problem
                seen += (row[0], row[1]) in self._last
        return missing() if seen < len(self._last) else None

    def check_reached(self) -> Problem | None:
        """When no event is left: no head may name one that the pass did not meet."""
        for kind, target, seq in self._ahead:
            if self._last.get((kind, target), START)[0] < seq:
                return _cut(kind, target)
        return None

    def _stands(self, target: tuple[str, str]) -> tuple[int, str]:
        return self._last.get(target, START)

    def check_head(self, head: Mapping[str, Any]) -> Problem | None:
        name = {"kind": head["kind"], "target": head["target"]}
        if not signed(self._chain, head):
            return (
                "target_mac",
                _("the head row of the history of %(kind)s %(target)s was changed") % name,
            )
        seq, last = self._stands((head["kind"], head["target"]))
        if head["seq"] > seq:
            self._ahead.append((head["kind"], head["target"], head["seq"]))
        elif (head["seq"], head["hash"]) != (seq, last):
            return (
                "target_head",
                _("the head row of %(kind)s %(target)s is not of its last event") % name,
            )
        return None


def _heads(chain: str) -> Generator[tuple[Any, ...], None, None]:
    rows = TargetHead.objects.filter(chain=chain).order_by("kind", "target")
    yield from rows.values_list(*HEAD_COLUMNS).iterator(chunk_size=_CHUNK)


def missing() -> Problem:
    return ("target_missing", _("the head row of a target's history is missing"))


def _cut(kind: str, target: str) -> Problem:
    what = _("the head row of %(kind)s %(target)s names an event that is not there")
    return ("target_ahead", what % {"kind": kind, "target": target})


def signed(chain: str, head: Mapping[str, Any]) -> bool:
    key = ring.current().get(head["mac_key_id"])
    if key is None or key.purpose != PURPOSE:
        return False
    try:
        message = hashing.target_message(
            chain, head["kind"], head["target"], head["seq"], head["hash"]
        )
        return hmac.compare_digest(digest(key, message), head["mac"])
    except (ValueError, OverflowError, TypeError, AttributeError):
        return False


def _target(row: Mapping[str, Any]) -> tuple[str, str]:
    return (row["target_kind"], row["target_id"])
