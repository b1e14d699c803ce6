"""The workers' verification: what is new every minute, everything once a day, in slices.

What is new goes on from the place in each chain's row; the pass over everything begins again at the
first event, so that an old row changed later is found too. A wrong place stays until such a pass is
sound. What changes is an event, and each pass over everything is one.
"""

import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import structlog
from django.db.models import Exists, OuterRef

from controlpanel.audit import hashing
from controlpanel.audit.log.append import PURPOSE
from controlpanel.audit.log.recorder import PANEL, AuditUnavailable, Target, record_now
from controlpanel.audit.models import AuditEvent, ChainHead, CheckpointChain
from controlpanel.audit.verification import full_check, incremental, progress
from controlpanel.audit.verification.full_check import Found, Report, Wrong
from controlpanel.audit.verification.progress import COMMON, ChainProgress, Place, Points
from controlpanel.keys import macs, ring
from controlpanel.lib import clock, request_id
from controlpanel.lib.scope import Actor, Origin

log = structlog.get_logger(__name__)

EVERY: Final = timedelta(minutes=1)
FULL_EVERY: Final = timedelta(days=1)
# How soon the pass over everything begins again while something is wrong.
AGAIN_AFTER: Final = timedelta(minutes=10)
# Of one run. A slice is what is checked of one chain before the clock is asked again.
EVENTS: Final = 100_000
SECONDS: Final = 20.0
_SLICE: Final = 5_000
_HEADS: Final = 1_000

WORKER: Final = Actor(kind="worker", id="worker", name="worker")


@dataclass(slots=True)
class _Budget:
    events: int
    ends: float

    @property
    def spent(self) -> bool:
        return self.events <= 0 or time.monotonic() >= self.ends

    @property
    def slice(self) -> int:
        return max(min(_SLICE, self.events), 1)


@dataclass(slots=True)
class _Run:
    budget: _Budget
    known: dict[str, ChainProgress]
    moved: set[str] = field(default_factory=set)

    @property
    def common(self) -> ChainProgress:
        return self.of(COMMON)

    def of(self, chain: str) -> ChainProgress:
        return self.known.setdefault(chain, ChainProgress(chain))


def run(events: int = EVENTS, seconds: float = SECONDS) -> None:
    """One turn. Another process that does the same meanwhile does no harm: one of both is kept."""
    now = progress.now()
    work = _Run(_Budget(events, time.monotonic() + seconds), progress.everything())
    for one in list(work.known.values()):
        if one.forged:
            _keep(one, news=True)
    _check_common(work)
    _check_new(work)
    if work.common.sound:
        work.common.at = now
    progress.save(work.common)
    _check_all_again(work)


def take(report: Report, who: str) -> None:
    """What the command has found, which checks everything at once; and an event of it."""
    actor = Actor(kind="command", id="command", name="command line")
    origin = Origin(via="command", request_id=request_id.current())
    facts = {"how": "command", "who": who, "chains": report.chains, "events": report.events}
    if report.wrong:
        one = progress.load(report.wrong.chain)
        one.found(report.wrong)
        progress.save(one)
    else:
        began = progress.now()
        for one in ({COMMON: ChainProgress(COMMON)} | progress.everything()).values():
            one.wrong, one.full = None, began
            if one.chain == COMMON:
                one.ended, one.began = began, ""
            progress.save(one)
    _tell(PANEL, report.wrong, facts, actor, origin)


def _check_common(work: _Run) -> None:
    """Triggers, checkpoints and their file: as far as they are new."""
    common = work.common
    before = common.points.number
    try:
        full_check.check_triggers()
        if common.sound:
            common.points, _ = incremental.go_on_with_checkpoints(common.points, _SLICE)
    except Found as found:
        _found(common, found.wrong)
    rows = CheckpointChain.objects.filter(
        checkpoint__gt=before, checkpoint__lte=common.points.number
    )
    work.moved = set(rows.values_list("chain", flat=True).distinct())


def _check_new(work: _Run) -> None:
    """Every chain to its end, or as far as the budget goes."""
    beyond = AuditEvent.objects.filter(chain=OuterRef("chain"), seq__gt=OuterRef("seq"))
    heads = {head.chain: head for head in ChainHead.objects.annotate(beyond=Exists(beyond))}
    for chain in sorted(heads.keys() | work.known.keys() - {COMMON}):
        one = work.of(chain)
        if not one.sound or _is_still(one, heads.get(chain), work.moved):
            continue
        while not work.budget.spent:
            if _go_on(work, one):
                break
        else:
            _note_behind(one)


def _note_behind(one: ChainProgress) -> None:
    if not one.behind:
        one.behind = True
        progress.save(one)


def _is_still(one: ChainProgress, head: Any, moved: set[str]) -> bool:
    """Nothing is new, and the head row is the panel's."""
    if head is None:
        return one.place.seq == 0
    place = one.place
    same = (head.seq, head.hash, head.mac_key_id) == (place.seq, place.hash, place.key_id)
    if not same or head.beyond or one.chain in moved:
        return False
    try:
        message = hashing.head_message(head.chain, head.seq, head.hash)
        return hmac.compare_digest(macs.mac(PURPOSE, message, head.mac_key_id)[1], head.mac)
    except (ring.KeysNotReady, ValueError, TypeError):
        return False


def _go_on(work: _Run, one: ChainProgress) -> bool:
    """One slice of what is new. True at the end of the chain, or at a wrong place."""
    before = one.place.seq
    try:
        until = work.common.points.number
        one.place, at_end = incremental.go_on(
            one.chain, one.place, until, work.budget.slice, heads=True
        )
    except Found as found:
        _found(one, found.wrong)
        return True
    work.budget.events -= one.place.seq - before
    one.at, one.behind = progress.now(), not at_end
    return not progress.save(one) or at_end


def _check_all_again(work: _Run) -> None:
    """Goes on with the pass over everything, if one is due or under way."""
    common = work.common
    if not common.began:
        if not _is_due(work):
            return
        common.began, common.points_again = progress.now(), Points()
    while common.points_again is not None and not work.budget.spent:
        work.budget.events -= 1  # an empty log comes to its end, too
        try:
            common.points_again, at_end = incremental.go_on_with_checkpoints(
                common.points_again, work.budget.slice
            )
        except Found as found:
            _found(common, found.wrong)
            at_end = True
        if at_end:
            common.points_again = None
    if common.points_again is None and _all_chains_again(work):
        _end(work)
    progress.save(common)


def _is_due(work: _Run) -> bool:
    common = work.common
    wrong = any(not one.sound for one in work.known.values())
    ended = progress.time(common.ended)
    if ended is None:
        return True
    passed = clock.now() - ended
    return passed >= (AGAIN_AFTER if wrong else FULL_EVERY) or passed < timedelta(0)


def _all_chains_again(work: _Run) -> bool:
    """Whether all are done."""
    began = work.common.began
    missing, with_head = full_check.heads_of_chains()
    for chain in missing:
        one = work.of(chain)
        if one.done != began:
            one.done = began
            _found(one, full_check.head_missing(chain))
    for chain in with_head:
        one = work.of(chain)
        while one.done != began:
            if work.budget.spent:
                return False
            if not _once_more(work, one, began):
                return False
    return True


def _once_more(work: _Run, one: ChainProgress, began: str) -> bool:
    """The next slice of a chain, from its first event. False if somebody else is at it."""
    if one.began != began or one.again is None:
        one.began, one.again, one.heads = began, Place(), None
    before, until = one.again.seq, work.common.points.number
    try:
        one.again, at_end = incremental.go_on(
            one.chain, one.again, until, work.budget.slice, heads=False
        )
        work.budget.events -= one.again.seq - before + 1
        at_end = at_end and _heads_once_more(work, one) and _agree(one, one.again, until)
    except Found as found:
        one.again, one.done = None, began
        _found(one, found.wrong)
        return True
    if not at_end:
        return progress.save(one)
    if one.again.seq >= one.place.seq:
        one.place, one.at, one.behind = one.again, progress.now(), False
    one.again, one.heads, one.done, one.full = None, None, began, progress.now()
    _keep(one, news=one.found_sound(began))
    return True


def _heads_once_more(work: _Run, one: ChainProgress) -> bool:
    """The heads of all targets, page by page. Whether all were seen."""
    while not work.budget.spent:
        following = incremental.heads_page(one.chain, one.heads or [], _HEADS)
        work.budget.events -= _HEADS
        if following is None:
            return True
        one.heads = following
    return False


def _agree(one: ChainProgress, place: Place, until: int) -> bool:
    return incremental.targets_agree(one.chain, until) and incremental.all_heads_seen(
        one.chain, place
    )


def _end(work: _Run) -> None:
    """All has been seen again: what was wrong may be sound, and if all is, that is the day's event.
    If not, it was told when it was found."""
    common = work.common
    try:
        full_check.check_triggers()
        full_check.check_others()
    except Found as found:
        _found(common, found.wrong)
    recovered = common.found_sound(common.began)
    common.began, common.ended = "", progress.now()
    if any(not one.sound for one in work.known.values()):
        _keep(common, news=recovered)
        return
    common.full = common.ended
    checked = [one for one in work.known.values() if one.place.seq]
    events = sum(one.place.seq for one in checked)
    _tell(PANEL, None, {"how": "worker", "chains": len(checked), "events": events})


def _found(one: ChainProgress, wrong: Wrong) -> None:
    _keep(one, news=one.found(wrong))


def _keep(one: ChainProgress, *, news: bool) -> None:
    """Saves it; and tells it, once, if whether it is sound has changed."""
    if not progress.save(one) or not news:
        return
    if one.wrong:
        log.error("audit.wrong", chain=one.chain, kind=one.wrong.kind, sentence=one.wrong.sentence)
    for chain in sorted({PANEL, one.chain or PANEL}):
        _tell(chain, _as_wrong(one), {"how": "worker", "chains": 1, "events": one.place.seq})


def _as_wrong(one: ChainProgress | None) -> Wrong | None:
    if one is None or one.wrong is None:
        return None
    return Wrong(one.wrong.kind, one.chain, one.wrong.seq, one.wrong.sentence)


def _tell(
    chain: str,
    wrong: Wrong | None,
    facts: Mapping[str, Any],
    actor: Actor = WORKER,
    origin: Origin | None = None,
) -> None:
    """A damaged chain may take no event: then the rows and the log say it."""
    place = {"kind": wrong.kind, "place": wrong.sentence} if wrong else {"place": ""}
    try:
        record_now(
            "audit.verified",
            chain=chain,
            actor=actor,
            origin=origin or Origin(via="worker", request_id=request_id.current()),
            target=Target("audit", "", "audit log"),
            result="failure" if wrong else "success",
            data={**facts, **place},
        )
    except AuditUnavailable as error:
        log.warning("audit.verification_not_recorded", chain=chain, error=str(error))
