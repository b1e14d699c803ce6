"""What the panel itself did lately, for telling apart what somebody did without it."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final, NamedTuple

from django.db.models import Q

from controlpanel.accounts.models import Account
from controlpanel.lib import clock
from controlpanel.operations.models import IS_OPEN, Operation
from controlpanel.operations.states import FINAL, STUCK, State
from controlpanel.servers import mirror
from controlpanel.servers.models import Server
from controlpanel.servers.same import same

# What had no visible effect when its operation ended may still have one for this long.
AFTERMATH: Final = timedelta(minutes=10)
# Further back nothing is looked for that has ended since: few run for so long.
_ASKED: Final = timedelta(days=1)
_UNDER_WAY: Final = {"start": "starting", "stop": "stopping"}
# Never done: cancelled ones were not sent, and to failed ones VPS.org said no.
_NOT_DONE: Final = (State.REQUESTED.value, State.CANCELLED.value, State.FAILED.value)


class _OwnChange(NamedTuple):
    kind: str
    provider_id: str
    name: str
    body: dict[str, Any]
    state: str
    requested_at: datetime
    ended_at: datetime | None

    @property
    def is_open(self) -> bool:
        return self.ended_at is None

    @property
    def is_fresh(self) -> bool:
        """What takes unusually long is no excuse any more."""
        return self.is_open and clock.now() - self.requested_at <= STUCK

    @property
    def is_at_work(self) -> bool:
        """Its effect may still come. What was observed has had its effect."""
        if self.kind == "reboot" and self.state == State.UNKNOWN.value:
            return self.is_fresh  # waits for a person, for days perhaps
        return self.state != State.OBSERVED.value


class OwnChanges:
    """`servers.outside_changes.Own` from the operations of one account.

    Read at the first question, which comes when the rows of the mirror are locked: nothing that was
    sent before is missed then.
    """

    def __init__(self, account: Account) -> None:
        self._account = account

    def in_flight(self) -> frozenset[str]:
        making = (change for change in self._all if change.kind in {"create", "delete"})
        return frozenset(change.provider_id for change in making if change.is_fresh) - {""}

    def made(self, provider_ids: Collection[str]) -> frozenset[str]:
        creates = Operation.objects.filter(
            account=self._account, kind="create", provider_id__in=provider_ids
        )
        return frozenset(creates.values_list("provider_id", flat=True))

    def may_have_made(self, name: str) -> bool:
        return any(
            change.kind == "create"
            and change.is_open
            and not change.provider_id
            and change.name == name
            for change in self._all
        )

    def deletes(self, provider_id: str) -> bool:
        return any(
            change.kind == "delete" and change.is_at_work for change in self._of[provider_id]
        )

    def explains(self, provider_id: str, name: str, after: object) -> bool:
        return any(_explains(change, name, after) for change in self._of[provider_id])

    def ended_lately(self, provider_id: str) -> bool:
        since = clock.now() - mirror.STALE_LIST
        return any(change.ended_at and change.ended_at >= since for change in self._of[provider_id])

    @cached_property
    def _all(self) -> list[_OwnChange]:
        now = clock.now()
        running = Operation.objects.filter(IS_OPEN, account=self._account)
        ended = Operation.objects.filter(
            Q(ended_at__gte=now - AFTERMATH),
            team_id=self._account.team_id,
            account=self._account,
            requested_at__gte=now - _ASKED,
        )
        columns = ("kind", "provider_id", "server_name", "body", "state")
        times = ("requested_at", "ended_at")
        rows = [
            found.order_by().exclude(state__in=_NOT_DONE).values_list(*columns, *times)
            for found in (running, ended)
        ]
        return [_OwnChange(*row) for row in rows[0].union(rows[1], all=True)]

    @cached_property
    def _of(self) -> defaultdict[str, list[_OwnChange]]:
        found: defaultdict[str, list[_OwnChange]] = defaultdict(list)
        for change in self._all:
            found[change.provider_id].append(change)
        return found


def _explains(change: _OwnChange, name: str, after: object) -> bool:
    if not change.is_at_work:
        return False
    if change.kind == "create":
        return True  # it is being made: an address comes, the status moves
    if change.kind == "update":
        # While it is open, whatever comes of its fields is its own.
        return name in change.body and (change.is_open or same(name, after, change.body[name]))
    if name != "status":
        return False
    if change.kind == "delete":
        return True
    if change.is_fresh:
        return True  # not begun, under way, done, or in a word that nobody knows
    if change.kind == "reboot":
        return after in Server.MOVING
    return after in {FINAL[change.kind], _UNDER_WAY[change.kind]}
