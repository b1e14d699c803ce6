"""The check of each target's own history within one chain, while the chain is walked.

Memory grows with the targets of one chain, not with its events.
"""

import hmac
from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.utils.translation import gettext as _

from controlpanel.audit import chain as chains
from controlpanel.audit.models import TargetHead
from controlpanel.audit.recorder import PURPOSE
from controlpanel.keys import ring
from controlpanel.keys.macs import digest

_CHUNK: Final = 2000
_COLUMNS: Final = ("kind", "target", "seq", "hash", "mac_key_id", "mac")
_START: Final = (0, chains.GENESIS)

Problem = tuple[str, str]


class Histories:
    def __init__(self, chain: str) -> None:
        self._chain = chain
        self._last: dict[tuple[str, str], tuple[int, str]] = {}
        # Heads that were ahead of the walk when they were read: the walk has to reach them.
        self._ahead: list[tuple[str, str, int]] = []
        self._heads_read = False

    def follows(self, row: Mapping[str, Any]) -> bool:
        """Whether the event continues its target's history, or is of format 1 before any did."""
        seq, before = self._last.get(_target(row), _START)
        if row["target_seq"] == 0:
            return bool(seq == 0 and row["target_prev"] == "")
        return bool(row["target_seq"] == seq + 1 and row["target_prev"] == before)

    def go_on(self, row: Mapping[str, Any]) -> None:
        if row["target_seq"]:
            self._last[_target(row)] = (row["target_seq"], row["hash"])

    def stand(self) -> Iterator[tuple[tuple[str, str], tuple[int, str]]]:
        """Each target with the number and hash of its last event so far."""
        yield from self._last.items()

    def check_heads(self) -> Problem | None:
        """Once, when the walk has reached the chain's head."""
        if self._heads_read:
            return None
        self._heads_read = True
        seen = 0
        for row in _heads(self._chain):
            problem = self._check_head(dict(zip(_COLUMNS, row, strict=True)))
            if problem:
                return problem
            seen += (row[0], row[1]) in self._last
        if seen < len(self._last):
            return ("target_missing", _("the head row of a target's history is missing"))
        return None

    def check_reached(self) -> Problem | None:
        """When no event is left: no head may name one that the walk did not meet."""
        for kind, target, seq in self._ahead:
            if self._last.get((kind, target), _START)[0] < seq:
                return _cut(kind, target)
        return None

    def _check_head(self, head: Mapping[str, Any]) -> Problem | None:
        name = {"kind": head["kind"], "target": head["target"]}
        if not _signed(self._chain, head):
            return (
                "target_mac",
                _("the head row of the history of %(kind)s %(target)s was changed") % name,
            )
        seq, last = self._last.get((head["kind"], head["target"]), _START)
        if head["seq"] > seq:
            self._ahead.append((head["kind"], head["target"], head["seq"]))
        elif (head["seq"], head["hash"]) != (seq, last):
            return (
                "target_head",
                _("the head row of %(kind)s %(target)s is not of its last event") % name,
            )
        return None


def _heads(chain: str) -> Iterator[tuple[Any, ...]]:
    rows = TargetHead.objects.filter(chain=chain).order_by("kind", "target")
    return rows.values_list(*_COLUMNS).iterator(chunk_size=_CHUNK)


def _cut(kind: str, target: str) -> Problem:
    what = _("the head row of %(kind)s %(target)s names an event that is not there")
    return ("target_ahead", what % {"kind": kind, "target": target})


def _signed(chain: str, head: Mapping[str, Any]) -> bool:
    key = ring.current().get(head["mac_key_id"])
    if key is None or key.purpose != PURPOSE:
        return False
    try:
        message = chains.target_message(
            chain, head["kind"], head["target"], head["seq"], head["hash"]
        )
        return hmac.compare_digest(digest(key, message), head["mac"])
    except (ValueError, OverflowError, TypeError, AttributeError):
        return False


def _target(row: Mapping[str, Any]) -> tuple[str, str]:
    return (row["target_kind"], row["target_id"])
