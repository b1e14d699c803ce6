"""How VPS.org is doing and how old the mirror is, account by account: in the frame of every page.

From the mirror alone: drawing a page asks VPS.org nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from controlpanel.accounts import selectors
from controlpanel.accounts.models import Account
from controlpanel.lib.scope import Scope
from controlpanel.lib.text import clean
from controlpanel.servers.models import AccountSync
from controlpanel.web.servers import freshness

# In as few words as a pill holds; an answer's code says more than any of them.
_TROUBLES: Final[Mapping[str, Promise]] = {
    "timeout": _l("no answer in time"),
    "connect_timeout": _l("not reached"),
    "name_resolution": _l("not reached"),
    "connection_refused": _l("not reached"),
    "unreachable": _l("not reached"),
    "connection_lost": _l("connection broke"),
    "tls": _l("no secure connection"),
    "list_shrunk": _l("incomplete list"),
    "list_truncated": _l("incomplete list"),
    "no_sync_token": _l("no sync token"),
    "token_unreadable": _l("sync token unreadable"),
    "audit_unavailable": _l("record not writable"),
    "internal": _l("panel error"),
}


@dataclass(frozen=True, slots=True)
class AccountState:
    """`tone`: "good", "warn", or "" while nothing is known. `trouble` has been so since `since`;
    `seen_at`: when VPS.org last showed all servers of this account."""

    name: str
    colour: str
    tone: str
    trouble: str
    since: datetime | None
    seen_at: datetime | None

    @property
    def is_old(self) -> bool:
        return not self.trouble and self.tone == "warn"


@dataclass(frozen=True, slots=True)
class ProviderState:
    """`worst` is the one that the pill shows; of several that are well, the oldest. `accounts`
    is empty for somebody who may not see servers: they hear no names."""

    accounts: tuple[AccountState, ...]
    worst: AccountState
    in_trouble: int


def of(scope: Scope, known: Iterable[Account] | None = None) -> ProviderState | None:
    """None for a team without a connected account. `known`: its connected accounts with their
    sync, where the page has read them already."""
    found = known
    if found is None:
        found = selectors.connected_accounts(scope).select_related("sync").order_by("name", "id")
    states = tuple(_state(account) for account in found)
    if not states:
        return None
    return ProviderState(
        states if scope.allows("servers.view") else (),
        min(states, key=_rank),
        in_trouble=sum(state.tone == "warn" for state in states),
    )


def _rank(state: AccountState) -> tuple[bool, bool, float]:
    """In trouble before well, those that were never seen before others, then the oldest."""
    at = state.seen_at.timestamp() if state.seen_at else 0.0
    return state.tone != "warn", not state.trouble, at


def _state(account: Account) -> AccountState:
    sync: AccountSync | None = getattr(account, "sync", None)
    trouble = _trouble(sync) if sync else ""
    seen_at = sync.ok_at if sync else None
    is_old = seen_at is not None and freshness.is_old(seen_at)
    return AccountState(
        name=clean(account.name, 120),
        colour=account.colour,
        tone="warn" if trouble or is_old else "good" if seen_at else "",
        trouble=trouble,
        since=sync.trouble_since if sync and trouble else None,
        seen_at=seen_at,
    )


def _trouble(sync: AccountSync) -> str:
    if not sync.trouble:
        return ""
    if sync.trouble_status:
        return str(sync.trouble_status)
    return str(_TROUBLES.get(sync.trouble, _("unusable answer")))
