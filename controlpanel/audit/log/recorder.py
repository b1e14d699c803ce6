"""Writes one event: no record, no act. The head of the chain is locked last and briefly."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from django.db import DatabaseError, InterfaceError, transaction

from controlpanel.audit import hashing
from controlpanel.audit.events import registry
from controlpanel.audit.log import append, content, read_only_state
from controlpanel.audit.log.append import PURPOSE, ChainState, Changed, Place
from controlpanel.audit.log.content import JSON, Said, Target
from controlpanel.audit.models import AuditEvent, ChainHead
from controlpanel.keys import macs, ring
from controlpanel.lib import clock
from controlpanel.lib.scope import Actor, Origin, Scope

__all__ = [
    "PANEL",
    "AuditUnavailable",
    "Result",
    "Target",
    "hold",
    "record",
    "record_by",
    "record_now",
]

Result = Literal["success", "failure", "denied", "unknown", "pending"]

# Chain of what belongs to no team.
PANEL: Final = "panel"


class AuditUnavailable(Exception):
    """The event could not be written, so what it is about must not happen.

    Whoever raises it has made the panel read-only: see `readonly`.
    """


def record(
    event: str,
    *,
    chain: str,
    actor: Actor,
    origin: Origin,
    target: Target,
    result: Result,
    reason: str = "",
    labels: Iterable[str] = (),
    data: Mapping[str, JSON] | None = None,
    rows: Iterable[Said] = (),
) -> AuditEvent:
    """Writes an event at the end of `chain`, within the transaction of what it is about.

    `rows`: what it says of rows beside the log (`projections`), as the transaction leaves them.
    `labels`: those of the server it is about, as of now: they decide who may read it later.
    Call it last: from here to the end of the transaction nobody else writes to this chain.
    Raises AuditUnavailable; let it end the transaction.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("An event is recorded within the transaction of what it is about.")
    data = data or {}
    registry.check(event, data)
    try:
        keys = ring.current()
        built = content.build(
            event, clock.now(), actor, origin, target, result, reason, labels, data, rows
        )
        place = Place(chain, built["target"]["kind"], built["target"]["id"])
        return _go_on(place, built, keys)
    except Changed as error:
        raise _changed(chain, str(error)) from error
    except (DatabaseError, InterfaceError, ring.KeysNotReady) as error:
        read_only_state.close_for(error, chain)
        raise AuditUnavailable(str(error)) from error


def record_by(
    scope: Scope,
    event: str,
    target: Target,
    *,
    reason: str = "",
    labels: Iterable[str] = (),
    rows: Iterable[Said] = (),
    **data: JSON,
) -> AuditEvent:
    """The same for what somebody did in their team, and did: chain and actor are the scope's."""
    return record(
        event,
        chain=str(scope.team_id),
        actor=scope.actor,
        origin=scope.origin,
        target=target,
        result="success",
        reason=reason,
        labels=labels,
        data=data,
        rows=rows,
    )


def record_now(
    event: str,
    *,
    chain: str,
    actor: Actor,
    origin: Origin,
    target: Target,
    result: Result,
    reason: str = "",
    data: Mapping[str, JSON] | None = None,
) -> AuditEvent:
    """The same, in a transaction of its own: for what changes nothing, such as a refusal."""
    try:
        with transaction.atomic():
            return record(
                event,
                chain=chain,
                actor=actor,
                origin=origin,
                target=target,
                result=result,
                reason=reason,
                data=data,
            )
    except (DatabaseError, InterfaceError) as error:
        read_only_state.close_for(error, chain)
        raise AuditUnavailable(str(error)) from error


def hold(chain: str) -> None:
    """Nobody else writes to this chain until the transaction ends. Raises AuditUnavailable."""
    if not ChainHead.objects.filter(chain=chain).exists():
        return
    try:
        seq = append.hold(chain, ring.current()).seq
    except Changed as error:
        raise _changed(chain, str(error)) from error
    if AuditEvent.objects.filter(chain=chain, seq__gt=seq).exists():
        raise _changed(chain, f"The head of the chain {chain} was put back.")


def _changed(chain: str, words: str) -> AuditUnavailable:
    """Somebody wrote to the database past the panel."""
    read_only_state.close(read_only_state.CHANGED, chain)
    return AuditUnavailable(words)


def _go_on(place: Place, built: dict[str, Any], keys: ring.KeyRing) -> AuditEvent:
    known = append.remembered(place, keys)
    if known:
        try:
            return _append(place, known, built)
        except append.Moved:
            append.forget(place.chain)
    try:
        return _append(place, append.read(place, keys), built)
    except append.Moved:
        raise Changed(f"The head of the chain {place.chain} moved meanwhile.") from None


def _append(place: Place, state: ChainState, built: dict[str, Any]) -> AuditEvent:
    at = clock.now()  # again: it may have waited for others
    head, target = state.head, state.target(place)
    key = state.keys.active(PURPOSE, at)
    built["at"] = hashing.time_text(at)
    content.place_in_history(built, target.seq + 1, target.hash)
    text = hashing.canonical(built)
    seq = head.seq + 1
    this = hashing.event_hash(place.chain, seq, head.hash, text)
    columns = {
        **content.columns(built),
        "chain": place.chain,
        "seq": seq,
        "canonical": text,
        "prev_hash": head.hash,
        "hash": this,
        "mac_key_id": key.id,
        "mac": macs.digest(key, hashing.event_message(this)),
    }
    append.write(
        place,
        state,
        columns,
        head_mac=macs.digest(key, hashing.head_message(place.chain, seq, this)),
        target_mac=macs.digest(key, hashing.target_message(*place, target.seq + 1, this)),
    )
    return append.event_of(columns)
