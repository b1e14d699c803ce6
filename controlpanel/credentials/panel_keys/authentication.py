"""Where a panel key comes in: who it stands for, and what it may do at this very moment."""

import threading
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import F, Q, QuerySet

from controlpanel.accounts import access
from controlpanel.audit.log import read_only, refusals
from controlpanel.audit.log.recorder import record
from controlpanel.credentials.models import Credential, PanelKey
from controlpanel.credentials.panel_keys import digest as key_digest
from controlpanel.credentials.panel_keys import lookup as key_lookup
from controlpanel.credentials.panel_keys import networks, projections, rejections
from controlpanel.credentials.panel_keys.format import is_wellformed
from controlpanel.credentials.panel_keys.lookup import Found
from controlpanel.credentials.panel_keys.services import target
from controlpanel.lib import clock, request_id
from controlpanel.lib.scope import Actor, Origin, Scope
from controlpanel.lib.secret import Secret

# Uses are written down at most this often.
_NOTED_EVERY: Final = timedelta(minutes=1)


class KeyNotAccepted(Exception):
    """Already recorded. Whoever asks learns that much and no more: they are all alike.

    `why`, for the record: "missing", "malformed", "unknown", "expired", "revoked", "disconnected",
    "address", "team_closed", "person_gone", "second_step" or "differs".
    """

    def __init__(self, why: str) -> None:
        super().__init__("The panel key was not accepted.")
        self.why = why


@dataclass(frozen=True, slots=True)
class Entered:
    """`sync`: the token with which its account is read, where there is one."""

    key: PanelKey
    scope: Scope
    sync: Credential | None = None


def enter(text: str, origin: Origin) -> Entered:
    """What whoever shows this key may do. Raises KeyNotAccepted."""
    shown = Secret(text)
    del text  # an error's report may show what stands in a frame
    origin = replace(origin, via="gateway")
    if not is_wellformed(shown.reveal()):
        raise _refused("malformed" if shown.reveal() else "missing", origin)
    digests = key_digest.possible(shown)
    found = key_lookup.by_digest(digests)
    if found is None or not key_digest.is_of(found.key, digests):
        raise _refused("unknown", origin)
    key = found.key
    origin = replace(origin, key=key.name)
    if why := _why_not(key) or _why_not_from(key, origin.address) or _why_differs(found):
        raise _refused(why, origin, key)
    try:
        scope = _scope(found, origin)
    except access.NotAtWork as gone:
        raise _refused(gone.why, origin, key) from None
    if key_digest.is_old(key, digests):
        _renew(key, shown)
    rejections.tell_in_passing()
    return Entered(key, scope, found.sync)


def at_work(key_id: UUID, permission: str) -> Scope | None:
    """The same question asked again at the moment of sending; None when the right is gone."""
    found = key_lookup.by_id(key_id)
    if found is None or _why_not(found.key) or found.differs:
        return None
    origin = Origin(via="worker", request_id=request_id.current(), key=found.key.name)
    try:
        scope = _scope(found, origin)
    except access.NotAtWork:
        return None
    return scope if scope.allows(permission) else None


def note_use(key: PanelKey, address: str) -> None:
    """When, from where and how often it was used: written once a minute, and never in the way."""
    with _lock:
        _uses[key.id] += 1
    now = clock.now()
    if key.last_used_at is None or now - key.last_used_at >= _NOTED_EVERY:
        _write_use(key.id, address, now)


def flush_uses() -> None:
    """Writes what was only counted so far, refusals too: before the process ends."""
    rejections.tell(at_once=True)
    refusals.tally.tell(at_once=True)
    with _lock:
        waiting = list(_uses)
    for key_id in waiting:
        _write_count(key_id, PanelKey.objects.filter(id=key_id))


_uses: Final[Counter[UUID]] = Counter()
_lock: Final = threading.Lock()


def _scope(found: Found, origin: Origin) -> Scope:
    key = found.key
    return access.scope_of_key(
        found.membership,
        key.team,
        origin,
        key_id=key.id,
        permissions=frozenset(key.permissions),
        reach=key.reach,
    )


def _why_not(key: PanelKey) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.is_expired:
        return "expired"
    return "disconnected" if key.account.disconnected_at is not None else ""


def _why_differs(found: Found) -> str:
    return "differs" if found.differs else ""


def _why_not_from(key: PanelKey, address: str) -> str:
    return "" if networks.allow(key.addresses, address) else "address"


def _refused(why: str, origin: Origin, key: PanelKey | None = None) -> KeyNotAccepted:
    rejections.record(why, origin, key)
    return KeyNotAccepted(why)


def _renew(key: PanelKey, text: Secret) -> None:
    """The digest as the pepper in force makes it, so that earlier ones can be retired."""
    pepper_id, digest = key_digest.made(text)
    same = PanelKey.objects.filter(id=key.id, digest=key.digest)

    def write() -> None:
        if not same.update(pepper_id=pepper_id, digest=digest):
            return
        renewed = PanelKey.objects.get(id=key.id)
        record(
            "panel_key.rewrapped",
            chain=key.team.chain,
            actor=Actor(kind="worker", id="panel", name="panel"),
            origin=Origin(via="gateway", request_id=request_id.current()),
            target=target(key),
            result="success",
            data={"with": pepper_id},
            rows=[projections.of_key(renewed)],
        )

    read_only.if_possible(write)


def _write_use(key_id: UUID, address: str, now: datetime) -> None:
    due = Q(last_used_at=None) | Q(last_used_at__lte=now - _NOTED_EVERY)
    _write_count(
        key_id,
        PanelKey.objects.filter(due, id=key_id),
        last_used_at=now,
        last_address=address[:45],
    )


def _write_count(key_id: UUID, rows: QuerySet[PanelKey], **fields: Any) -> None:
    """What cannot be written, or is not due by another process's account, waits in this one."""
    with _lock:
        uses = _uses.pop(key_id, 0)
    written = 0

    def write() -> None:
        nonlocal written
        written = rows.update(uses=F("uses") + uses, **fields)

    read_only.if_possible(write)
    if not written:
        with _lock:
            _uses[key_id] += uses
