"""Refusals on record: the first of one actor within a minute one by one, what follows as a number.

A flood of them does not fill the log. They are counted in this process, and told as one event for
each actor and chain once the minute is over.
"""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Final

import structlog
from django.db import DatabaseError, InterfaceError

from controlpanel.audit import hashing
from controlpanel.audit.log import unrecorded_sign_ins
from controlpanel.audit.log.recorder import AuditUnavailable, Target, record_now
from controlpanel.lib import clock, request_id
from controlpanel.lib.scope import Actor, Origin

log = structlog.get_logger(__name__)

EVERY: Final = timedelta(minutes=1)
# Within that time: of one person or panel key, or of one address that nobody is known by; and of
# all such addresses in one chain.
ONE_BY_ONE, OF_STRANGERS = 30, 60
_ADDRESSES: Final = 50
# Of actors who are told of one by one in a minute.
_ACTORS: Final = 1000


@dataclass
class LeftOut:
    """What was counted only."""

    since: datetime
    until: datetime
    why: Counter[str] = field(default_factory=Counter)
    addresses: set[str] = field(default_factory=set)

    @property
    def data(self) -> dict[str, object]:
        return {
            "count": self.why.total(),
            "since": hashing.time_text(self.since),
            "until": hashing.time_text(self.until),
            "why": dict(self.why),
            "addresses": sorted(self.addresses),
        }


@dataclass
class _Minute:
    """What this process saw since then."""

    begun: datetime | None = None
    seen: Counter[object] = field(default_factory=Counter)
    by_chain: Counter[str] = field(default_factory=Counter)
    left_out: dict[tuple[str, Actor], LeftOut] = field(default_factory=dict)


class Tally:
    """`tell(chain, actor, left_out)` records it; it runs outside transactions."""

    def __init__(self, tell: Callable[[str, Actor, LeftOut], None]) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._minute = _Minute()

    def is_among_the_first(
        self, chain: str, actor: Actor, why: str, address: str, *, place: object, most: int,
        altogether: int | None = None,
    ) -> bool:  # fmt: skip
        """Whether it is recorded by itself; else it is counted. `place`: what `most` is meant
        for; `altogether`: how many in this chain."""
        now = clock.now()
        with self._lock:
            minute = self._minute
            is_first = minute.seen[chain, place] < most
            if altogether is not None:
                is_first = is_first and minute.by_chain[chain] < altogether
            if is_first:
                minute.seen[chain, place] += 1
                minute.by_chain[chain] += altogether is not None
                return True
            key = (chain, actor)
            if key not in minute.left_out and len(minute.left_out) >= _ACTORS:
                key = (chain, Actor("nobody", "", ""))
            found = minute.left_out.setdefault(key, LeftOut(now, now))
            found.until = now
            found.why[why] += 1
            if len(found.addresses) < _ADDRESSES:
                found.addresses.add(network(address))
            return False

    def tell(self, *, at_once: bool = False) -> None:
        """Records how many were left out, once the minute is over. At the end of the process, or
        from a worker, `at_once`. Outside transactions."""
        now = clock.now()
        with self._lock:
            over = self._minute
            if over.begun is not None and not at_once and over.begun <= now < over.begun + EVERY:
                return
            self._minute = _Minute(now)
        for (chain, actor), found in over.left_out.items():
            self._tell(chain, actor, found)

    def tell_in_passing(self) -> None:
        """The same for whoever comes by; costs nothing if there is nothing to tell."""
        if self._minute.left_out:
            self.tell()

    def forget(self) -> None:
        """For tests."""
        self._minute = _Minute()


def is_recorded(event: str, chain: str, actor: Actor, origin: Origin) -> bool:
    """Whether this refusal is recorded by itself. If not it is counted, and told later."""
    known = bool(actor.id)
    return tally.is_among_the_first(
        chain,
        actor if known else Actor("nobody", "", ""),
        event,
        origin.address,
        place=(actor.kind, actor.id) if known else network(origin.address),
        most=ONE_BY_ONE,
        altogether=None if known else OF_STRANGERS,
    )


def network(address: str) -> str:
    """One who has an IPv6 network has all its addresses."""
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    if found.version == 4:
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return f"{':'.join(found.exploded.split(':')[:4])}::/64"


def _tell(chain: str, actor: Actor, found: LeftOut) -> None:
    log.warning("refusals.left_out", chain=chain, count=found.why.total(), why=dict(found.why))
    try:
        record_now(
            "authz_many_refused",
            chain=chain,
            actor=actor,
            origin=Origin(via="worker", request_id=request_id.current()),
            target=Target("user", actor.id, actor.name),
            result="denied",
            data=found.data,  # type: ignore[arg-type]  # JSON, by what it is made of
        )
    except (AuditUnavailable, DatabaseError, InterfaceError):
        unrecorded_sign_ins.note("authz_many_refused", actor.name, "")


tally: Final = Tally(_tell)
