"""Whether somebody profits from an event, so that its second look is somebody else's.

Told from the event itself, from who the reviewer is now, and from what they did afterwards. A panel
key acts in its creator's name, and what it gains its creator gains.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from controlpanel.audit.models import AuditEvent
from controlpanel.lib.scope import Scope


def profits(scope: Scope, event: AuditEvent) -> bool:
    """A promotion, a wider reach, an invitation, a token or a lock that was released: for them."""
    if scope.actor.id in event.data.get("gains", ()):
        return True
    if event.target_kind == "user" and event.target_id == scope.actor.id:
        return True
    return any(asked(scope, event) for asked in _BY_EVENT.get(event.event, ()))


def _is_invited(scope: Scope, event: AuditEvent) -> bool:
    """By the address they have, or had when they accepted."""
    accepted = AuditEvent.objects.filter(
        chain=event.chain, event="invitation.accepted", target_id=scope.actor.id
    )
    addresses = {scope.actor.name, *accepted.values_list("target_name", flat=True)}
    return event.target_name.lower() in {address.lower() for address in addresses}


def _has_the_role(scope: Scope, event: AuditEvent) -> bool:
    """Now, or when it was changed."""
    if event.target_id == scope.actor.role:
        return True
    later = AuditEvent.objects.filter(
        chain=event.chain, event="member.changed", target_id=scope.actor.id, seq__gt=event.seq
    ).order_by("seq")
    first = later.first()
    before = first.data.get("before") if first else None
    return isinstance(before, dict) and before.get("role") == event.target_id


def _owns_the_key(scope: Scope, event: AuditEvent) -> bool:
    owner = event.data.get("owner")
    return isinstance(owner, str) and owner.lower() == scope.actor.name.lower()


def _used_the_release(scope: Scope, event: AuditEvent) -> bool:
    """They, or a key of theirs, asked for a change of the server since it was unlocked."""
    since = AuditEvent.objects.filter(
        chain=event.chain,
        target_kind=event.target_kind,
        target_id=event.target_id,
        actor_kind="user",
        actor_id=scope.actor.id,
        seq__gt=event.seq,
    )
    return since.filter(event__in=_CHANGES).exists()


def _sees_it_since(scope: Scope, event: AuditEvent) -> bool:
    before, after = event.data.get("before"), event.data.get("after")
    if scope.reach.is_all or not isinstance(before, list) or not isinstance(after, list):
        return False
    return _sees(scope, event, after) and not _sees(scope, event, before)


def _sees(scope: Scope, event: AuditEvent, labels: list[Any]) -> bool:
    return all(
        any(part.covers(str(label)) for label in labels)
        if part.kind == "labels"
        else event.target_id in part.servers
        for part in scope.reach.parts
    )


_CHANGES: Final = tuple(
    f"server.{kind}" for kind in ("update", "delete", "start", "stop", "reboot")
)
_BY_EVENT: Final[Mapping[str, tuple[Callable[[Scope, AuditEvent], bool], ...]]] = {
    "invitation.sent": (_is_invited,),
    "role.added": (_has_the_role,),
    "role.changed": (_has_the_role,),
    "panel_key.issued": (_owns_the_key,),
    "panel_key.rotated": (_owns_the_key,),
    "account.service_token_chosen": (_owns_the_key,),
    "server.unlocked": (_used_the_release,),
    "server.labelled": (_sees_it_since,),
}
