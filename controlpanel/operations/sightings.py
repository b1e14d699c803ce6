"""What VPS.org showed of a server after a change of it was sent.

Kept on the operation as `seen`, oldest first: `[{"shows": {"status": "rebooting"}, "at": …,
"until": …}]`, times in ISO 8601. For an update `shows` has the fields that were sent, as they are
at VPS.org. What was asked for before the change was sent says nothing about it and is not kept.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from controlpanel.accounts.models import Account
from controlpanel.lib import clock
from controlpanel.lib.text import clean
from controlpanel.operations.models import IS_OPEN, Operation
from controlpanel.operations.states import State
from controlpanel.servers.same import same
from controlpanel.vpsorg.wire import ServerSeen

# A server that keeps changing its mind fills no row: the first ones and the last one are kept.
MOST: Final = 20
# Words by which VPS.org shows that something is under way.
UNDER_WAY: Final[Mapping[str, frozenset[str]]] = {
    "start": frozenset({"starting"}),
    "stop": frozenset({"stopping"}),
    "reboot": frozenset({"rebooting", "stopping", "stopped", "starting"}),
    "delete": frozenset({"deleting"}),
}
_POWER: Final = ("start", "stop", "reboot")
_NEVER_DONE: Final = (State.REQUESTED.value, State.CANCELLED.value, State.FAILED.value)


class Sighting(NamedTuple):
    """`shows`: a status as one word, or the values of the fields that were sent."""

    shows: Mapping[str, Any]
    at: datetime
    until: datetime

    @property
    def status(self) -> str:
        return str(self.shows.get("status", ""))


def note(account: Account, servers: Mapping[str, ServerSeen], asked_at: datetime) -> None:
    """Keeps what these servers, asked for at `asked_at`, show, with the open operations on them."""
    sent = Operation.objects.filter(IS_OPEN, account=account, sending_at__lt=asked_at)
    for operation in sent.filter(provider_id__in=servers).exclude(kind="create"):
        shows = _shows(operation, servers[operation.provider_id])
        if shows:
            _keep(operation, shows)


def of(operation: Operation) -> list[Sighting]:
    """Oldest first."""
    return [
        Sighting(
            one["shows"], datetime.fromisoformat(one["at"]), datetime.fromisoformat(one["until"])
        )
        for one in operation.seen
    ]


def words(operation: Operation) -> list[str]:
    """The statuses that were shown, oldest first, as VPS.org wrote them."""
    return [clean(one.status, 64) for one in of(operation) if one.status]


def lines(operation: Operation) -> list[str]:
    """ "status rebooting 2026-11-30T21:34:07+00:00": for the record."""
    return [
        f"{name} {clean(value, 255)} {one.at.isoformat(timespec='seconds')}"
        for one in of(operation)
        for name, value in one.shows.items()
    ]


def one_after_another(shown: list[str]) -> str:
    """ "rebooting, then active" """
    return _(", then ").join(shown)


def signs(operation: Operation) -> list[Sighting]:
    """Those that look like this change at work."""
    if operation.kind == "update":
        return [one for one in of(operation) if _is_changed(operation, one.shows)]
    return [one for one in of(operation) if one.status in UNDER_WAY.get(operation.kind, ())]


def is_under_way(operation: Operation, within: timedelta) -> bool:
    """Whether a word that something is under way was shown so lately."""
    last = max((one.until for one in signs(operation)), default=None)
    return operation.kind != "update" and last is not None and clock.now() - last <= within


def speaks_for_it(operation: Operation) -> bool:
    """Whether a person can say, from what was seen, that VPS.org did it. A delete is never said to
    be done before the server's own address answers 404."""
    if operation.kind in {"create", "delete"} or not signs(operation):
        return False
    return operation.kind != "reboot" or of(operation)[-1].status == "active"


def can_be_confirmed(operation: Operation) -> bool:
    """Whether a person can say of this unknown change that it was done."""
    is_unknown = operation.state == State.UNKNOWN.value
    return is_unknown and speaks_for_it(operation) and not may_be_of_another(operation)


def may_be_of_another(operation: Operation) -> bool:
    """Whether another change of this server was on its way in the same time, so that what was seen
    may have come from that."""
    same = Q(kind="update") if operation.kind == "update" else Q(kind__in=_POWER)
    others = Operation.objects.filter(
        same, account_id=operation.account_id, provider_id=operation.provider_id
    ).exclude(Q(id=operation.id) | Q(state__in=_NEVER_DONE))
    sent_at = operation.sending_at or operation.requested_at
    ended_before = Q(ended_at__isnull=False, ended_at__lt=sent_at)
    return others.exclude(ended_before).exists()


def _shows(operation: Operation, seen: ServerSeen) -> dict[str, Any]:
    if operation.kind != "update":
        return {"status": seen.status} if seen.status else {}
    shown = {name: getattr(seen, name, None) for name in operation.body}
    return {name: value for name, value in shown.items() if value is not None}


def _is_changed(operation: Operation, shows: Mapping[str, Any]) -> bool:
    return any(
        same(name, operation.body.get(name), value)
        and not same(name, operation.before.get(name), value)
        for name, value in shows.items()
    )


def _keep(operation: Operation, shows: dict[str, Any]) -> None:
    """Several pages and a worker may look at the same time: none takes away what another saw."""
    now = clock.now().isoformat()
    with transaction.atomic():
        held = Operation.objects.select_for_update().filter(IS_OPEN, id=operation.id).first()
        if held is None:
            return
        seen = list(held.seen)
        if seen and seen[-1]["shows"] == shows:
            seen[-1] = {**seen[-1], "until": now}
        else:
            seen = [*seen[: MOST - 1], {"shows": shows, "at": now, "until": now}]
        Operation.objects.filter(id=operation.id).update(seen=seen)
