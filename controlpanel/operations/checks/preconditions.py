"""When an action makes no sense, and the sentence that says so. Buttons ask the same question."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from controlpanel.accounts.models import Account, TeamPolicy
from controlpanel.accounts.teams import team_policies
from controlpanel.lib import clock
from controlpanel.lib.scope import Reach, Scope
from controlpanel.servers import identity, label_access, labels
from controlpanel.servers.models import Server, ServerLock

# An older sighting may be wrong: then the provider decides.
FRESH = timedelta(seconds=90)
_STOPPED = {"stopped"}
_RUNNING = {"active"}
_SUSPENDED = {"suspended"}
_REASON: Final[Mapping[str, Promise]] = {
    "create": _l("Your team asks for a reason before a server is created."),
    "update": _l("Your team asks for a reason before a server is changed."),
    "delete": _l("Your team asks for a reason before a server is deleted."),
    "start": _l("Your team asks for a reason before a server is started."),
    "stop": _l("Your team asks for a reason before a server is stopped."),
    "reboot": _l("Your team asks for a reason before a server is rebooted."),
}


def illegal(
    kind: str, server: Server, *, by_status: bool = True, is_unsettled: bool = False
) -> str:
    """Why this action cannot be done to this server now, or an empty string.

    `is_unsettled`: nobody knows how an earlier change of it ended, so that VPS.org has to say
    whether it runs.
    """
    if server.gone_at is not None:
        return _("This server no longer exists at VPS.org.")
    if server.held_by and server.held_by.refuses(kind):
        return locked(server.held_by)
    if not by_status or kind in {"update", "delete"} or not _is_fresh(server):
        return ""
    return _by_status(kind, server.status, is_unsettled=is_unsettled)


def locked(lock: ServerLock) -> str:
    return _("%(name)s locked this server on %(date)s: “%(reason)s”. Release the lock first.") % {
        "name": lock.by_name,
        "date": timezone.localtime(lock.at).date().isoformat(),
        "reason": lock.reason,
    }


def lock_in_doubt(kind: str, account: Account, provider_id: str) -> str:
    """Why nothing that a lock can refuse is done to this server, or empty."""
    if not ServerLock(level="changes").refuses(kind):
        return ""
    if not identity.is_lock_in_doubt(account, provider_id):
        return ""
    return _(
        "The lock of this server is not as the audit log says: somebody changed it in the "
        "database, past the panel. An owner confirms it first, under Rows that differ."
    )


def being_deleted(*, is_unknown: bool) -> str:
    if is_unknown:
        return _(
            "Nobody knows yet whether this server is being deleted. Its receipt says what is known."
        )
    return _("This server is being deleted.")


def out_of_reach(reach: Reach, given: Iterable[str]) -> str:
    """Why somebody with this reach cannot create a server with these labels, or empty."""
    if any(part.kind == "servers" for part in reach.parts):
        return _("You work with chosen servers only, so a new one would be out of your reach.")
    lacking = labels.missing(reach, frozenset(given))
    if lacking is not None:
        return _("Give the server one of your labels, or you would not see it: %(labels)s.") % {
            "labels": ", ".join(sorted(lacking))
        }
    return ""


def decides_access(scope: Scope, given: Iterable[str]) -> str:
    """Why somebody cannot create a server with these labels, which decide others' access, or
    empty."""
    beyond = label_access.beyond(scope, frozenset(given))
    return label_access.refusal(beyond) if beyond else ""


def reason(policy: TeamPolicy, kind: str, of_server: Iterable[str]) -> str:
    """Why this cannot be done to a server with these labels without a reason, or empty."""
    return str(_REASON[kind]) if team_policies.needs_reason(policy, kind, of_server) else ""


def _by_status(kind: str, status: str, *, is_unsettled: bool) -> str:
    if status in Server.MOVING:
        return _("The server is %(status)s; wait until that is over.") % {"status": status}
    if status in _SUSPENDED:
        return _("VPS.org has suspended this server; only VPS.org can lift that.")
    if is_unsettled:
        return ""
    if kind == "start" and status in _RUNNING:
        return _("The server is already running.")
    if kind == "stop" and status in _STOPPED:
        return _("The server is already stopped.")
    if kind == "reboot" and status in _STOPPED:
        return _("The server is stopped; start it instead.")
    return ""


def _is_fresh(server: Server) -> bool:
    seen = server.seen_at
    sync = getattr(server.account, "sync", None)
    if sync and sync.trouble:
        return False
    if sync and sync.ok_at and sync.ok_at > seen:
        seen = sync.ok_at
    return clock.now() - seen < FRESH


def no_token() -> str:
    return _(
        "You have no API token of your own for this account. Add one under API tokens, "
        "then try again."
    )


def second_of(first: Account) -> str:
    return _(
        "This account shows servers of “%(account)s”, which was connected earlier: both are one "
        "VPS.org account, so changes are made there. Disconnect one of the two."
    ) % {"account": first.name}


def second_dialect() -> str:
    return _(
        "This account's API answers in a shape that the panel can read but not safely change, "
        "so changes are switched off."
    )
