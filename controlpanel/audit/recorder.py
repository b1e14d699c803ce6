"""Writes one event: no record, no act. The head of the chain is locked last and briefly."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from django.db import DatabaseError, InterfaceError, transaction

from controlpanel.audit import chain as chains
from controlpanel.audit import closure, content, events
from controlpanel.audit.content import JSON, Target
from controlpanel.audit.models import AuditEvent, ChainHead, TargetHead
from controlpanel.keys import macs, ring
from controlpanel.lib import clock
from controlpanel.lib.scope import Actor, Origin, Scope

__all__ = [
    "PANEL",
    "AuditUnavailable",
    "Result",
    "Target",
    "head_fits",
    "hold",
    "record",
    "record_by",
    "record_now",
]

Result = Literal["success", "failure", "denied", "unknown", "pending"]

# Chain of what belongs to no team.
PANEL: Final = "panel"
PURPOSE: Final = "audit-mac"


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
) -> AuditEvent:
    """Writes an event at the end of `chain`, within the transaction of what it is about.

    `labels`: those of the server it is about, as of now: they decide who may read it later.
    Call it last: from here to the end of the transaction nobody else writes to this chain.
    Raises AuditUnavailable; let it end the transaction.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("An event is recorded within the transaction of what it is about.")
    data = data or {}
    events.check(event, data)
    try:
        head = _locked_head(chain)
        at = clock.now()
        built = content.build(event, at, actor, origin, target, result, reason, labels, data)
        return _append(head, built)
    except (DatabaseError, InterfaceError, ring.KeysNotReady) as error:
        closure.close_for(error, chain)
        raise AuditUnavailable(str(error)) from error


def record_by(
    scope: Scope,
    event: str,
    target: Target,
    *,
    reason: str = "",
    labels: Iterable[str] = (),
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
        closure.close_for(error, chain)
        raise AuditUnavailable(str(error)) from error


def hold(chain: str) -> None:
    """Nobody else writes to this chain until the transaction ends. Raises AuditUnavailable."""
    if not ChainHead.objects.filter(chain=chain).exists():
        return
    head = _locked_head(chain)
    if AuditEvent.objects.filter(chain=chain, seq__gt=head.seq).exists():
        raise _changed(chain, f"The head of the chain {chain} was put back.")


def head_fits(head: ChainHead) -> bool:
    """Whether its MAC is right. KeysNotReady without the key it was made with."""
    try:
        return _head_mac(head, head.mac_key_id)[1] == head.mac
    except (ValueError, OverflowError):
        return False


def _locked_head(chain: str) -> ChainHead:
    """The head row, locked until the transaction ends. A new chain starts at 0."""
    locked = ChainHead.objects.select_for_update().filter(chain=chain)
    head = locked.first()
    if head is None:
        # Somebody else may be starting the same chain: then theirs stands, and this waits for it.
        fresh = ChainHead(chain=chain, seq=0, hash=chains.GENESIS)
        fresh.mac_key_id, fresh.mac = _head_mac(fresh)
        ChainHead.objects.bulk_create([fresh], ignore_conflicts=True)
        head = locked.get()
    if not head_fits(head):
        raise _changed(chain, f"The head of the chain {chain} was changed.")
    return head


def _append(head: ChainHead, built: dict[str, Any]) -> AuditEvent:
    target = _target_head(head.chain, built["target"]["kind"], built["target"]["id"])
    content.place_in_history(built, target.seq + 1, target.hash)
    columns = content.columns(built)
    key = ring.current().active(PURPOSE, columns["at"])
    text = chains.canonical(built)
    seq = head.seq + 1
    this = chains.event_hash(head.chain, seq, head.hash, text)
    event = AuditEvent.objects.create(
        chain=head.chain,
        seq=seq,
        canonical=text,
        prev_hash=head.hash,
        hash=this,
        mac_key_id=key.id,
        mac=macs.digest(key, chains.event_message(this)),
        **columns,
    )
    moved = ChainHead.objects.filter(chain=head.chain, seq=head.seq).update(
        seq=seq,
        hash=this,
        mac_key_id=key.id,
        mac=macs.digest(key, chains.head_message(head.chain, seq, this)),
    )
    if moved != 1:
        raise _changed(head.chain, f"The head of the chain {head.chain} moved meanwhile.")
    _move(target, this, key)
    return event


def _target_head(chain: str, kind: str, target: str) -> TargetHead:
    """No lock of its own: whoever moves it has locked the head of the chain."""
    head = TargetHead.objects.filter(chain=chain, kind=kind, target=target).first()
    if head is None:
        return TargetHead(chain=chain, kind=kind, target=target, seq=0, hash=chains.GENESIS)
    if not _target_fits(head):
        raise _changed(chain, f"The head of the history of {kind} {target} was changed.")
    return head


def _target_fits(head: TargetHead) -> bool:
    try:
        return macs.mac(PURPOSE, _target_message(head), head.mac_key_id)[1] == head.mac
    except (ValueError, OverflowError):
        return False


def _move(target: TargetHead, this: str, key: ring.Key) -> None:
    target.seq, target.hash, target.mac_key_id = target.seq + 1, this, key.id
    target.mac = macs.digest(key, _target_message(target))
    if target.seq == 1:
        target.save(force_insert=True)
        return
    moved = TargetHead.objects.filter(
        chain=target.chain, kind=target.kind, target=target.target, seq=target.seq - 1
    ).update(seq=target.seq, hash=target.hash, mac_key_id=target.mac_key_id, mac=target.mac)
    if moved != 1:
        words = f"The history of {target.kind} {target.target} moved meanwhile."
        raise _changed(target.chain, words)


def _changed(chain: str, words: str) -> AuditUnavailable:
    """Somebody wrote to the database past the panel."""
    closure.close(closure.CHANGED, chain)
    return AuditUnavailable(words)


def _target_message(head: TargetHead) -> bytes:
    return chains.target_message(head.chain, head.kind, head.target, head.seq, head.hash)


def _head_mac(head: ChainHead, key_id: str | None = None) -> tuple[str, str]:
    return macs.mac(PURPOSE, chains.head_message(head.chain, head.seq, head.hash), key_id)
