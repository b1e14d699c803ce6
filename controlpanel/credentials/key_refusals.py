"""Panel keys that were not accepted, on record: the first of an address one by one.

A flood of them does not fill the log. What goes beyond the first ones is counted in this process,
and told as one event a minute.
"""

import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Final

import structlog
from django.db import DatabaseError, InterfaceError

from controlpanel.audit import chain as chains
from controlpanel.audit import unrecorded
from controlpanel.audit.recorder import PANEL, AuditUnavailable, Target, record_now
from controlpanel.credentials.models import PanelKey
from controlpanel.lib import clock, request_id
from controlpanel.lib.scope import Actor, Origin

log = structlog.get_logger(__name__)

EVERY: Final = timedelta(minutes=1)
# Within that time: for one address and key, and for one chain altogether.
ONE_BY_ONE, ALTOGETHER = 5, 60
_ADDRESSES: Final = 50


@dataclass
class _LeftOut:
    since: datetime
    until: datetime
    why: Counter[str] = field(default_factory=Counter)
    addresses: set[str] = field(default_factory=set)


@dataclass
class _Minute:
    """What this process saw since then."""

    begun: datetime | None = None
    seen: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    by_chain: Counter[str] = field(default_factory=Counter)
    left_out: dict[str, _LeftOut] = field(default_factory=dict)


class _Own:
    minute = _Minute()


_lock: Final = threading.Lock()


def record(why: str, origin: Origin, key: PanelKey | None) -> None:
    """In the team's chain where the key is known, else in the panel's."""
    tell()
    chain = str(key.team_id) if key else PANEL
    place = (chain, str(key.id) if key else "", _network(origin.address))
    if not _is_among_the_first(chain, place, why):
        return
    try:
        record_now(
            "panel_key.refused",
            chain=chain,
            # Who shows a key that is not accepted may be anybody.
            actor=Actor("nobody", str(key.id) if key else "", key.name if key else ""),
            origin=origin,
            target=Target("panel_key", str(key.id) if key else "", key.name if key else ""),
            result="denied",
            data={
                "phase": why,
                "account": key.account.name if key else "",
                "owner": key.user.email if key else "",
            },
        )
    except (AuditUnavailable, DatabaseError, InterfaceError):
        # It is refused all the same: that nothing can be recorded lets nobody in.
        unrecorded.note("panel_key.refused", key.name if key else "", origin.address)


def tell(*, at_once: bool = False) -> None:
    """Records how many were left out, once the minute is over. At the end of the process, or from
    a worker, `at_once`."""
    now = clock.now()
    with _lock:
        over = _Own.minute
        if over.begun is not None and not at_once and over.begun <= now < over.begun + EVERY:
            return
        _Own.minute = _Minute(now)
    for chain, found in over.left_out.items():
        _tell(chain, found)


def tell_in_passing() -> None:
    """The same for whoever comes by with a key that is accepted; costs nothing if there is
    nothing to tell."""
    if _Own.minute.left_out:
        tell()


def forget() -> None:
    """For tests."""
    _Own.minute = _Minute()


def _is_among_the_first(chain: str, place: tuple[str, str, str], why: str) -> bool:
    now = clock.now()
    with _lock:
        minute = _Own.minute
        if minute.seen[place] < ONE_BY_ONE and minute.by_chain[chain] < ALTOGETHER:
            minute.seen[place] += 1
            minute.by_chain[chain] += 1
            return True
        found = minute.left_out.setdefault(chain, _LeftOut(now, now))
        found.until = now
        found.why[why] += 1
        if len(found.addresses) < _ADDRESSES:
            found.addresses.add(place[2])
        return False


def _tell(chain: str, found: _LeftOut) -> None:
    count = found.why.total()
    log.warning("panel_key.refusals_left_out", chain=chain, count=count, why=dict(found.why))
    try:
        record_now(
            "panel_key.many_refused",
            chain=chain,
            actor=Actor(kind="nobody", id="", name=""),
            origin=Origin(via="gateway", request_id=request_id.current()),
            target=Target("panel_key", "", ""),
            result="denied",
            data={
                "count": count,
                "since": chains.time_text(found.since),
                "until": chains.time_text(found.until),
                "why": dict(found.why),
                "addresses": sorted(found.addresses),
            },
        )
    except (AuditUnavailable, DatabaseError, InterfaceError):
        unrecorded.note("panel_key.many_refused", "", "")


def _network(address: str) -> str:
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
