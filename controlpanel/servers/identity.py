"""Which rows of the mirror are one server: those of a team that bear the same id at one origin.

What a team puts on a server (its lock, its labels, and with them reasons and reach) hangs on team,
origin and the provider's id. It survives disconnecting and connecting again, and never crosses
teams. An id that comes back with another time of creation is another server and inherits nothing.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db.models import F, Q, QuerySet

from controlpanel.accounts import access
from controlpanel.accounts.models import Account
from controlpanel.audit.models import TableDifference
from controlpanel.audit.recorder import Target, record
from controlpanel.lib import request_id
from controlpanel.lib.scope import Origin
from controlpanel.servers import labels, projections
from controlpanel.servers.models import Server, ServerLabel, ServerLock

# Answers of the provider give the moment with and without fractions of a second.
_SAME_MOMENT: Final = timedelta(seconds=1)


def is_same_moment(one: datetime | None, other: datetime | None) -> bool:
    """Two times of creation; one that is not known contradicts none."""
    return one is None or other is None or abs(one - other) < _SAME_MOMENT


def copies(account: Account, provider_id: str) -> QuerySet[Server]:
    """The rows of this server in all connected accounts of the team, this account's too."""
    return Server.objects.filter(
        provider_id=provider_id,
        account__team_id=account.team_id,
        account__origin=account.origin,
        account__disconnected_at=None,
    ).select_related("lock", "account")


def binding_lock(account: Account, provider_id: str) -> ServerLock | None:
    """The strictest lock on any copy."""
    return strictest(copy.held_by for copy in copies(account, provider_id))


def is_lock_in_doubt(account: Account, provider_id: str) -> bool:
    """Whether the server's lock is not as the audit log says, by what verification last found: a
    lock that somebody took out of the database releases nothing."""
    return TableDifference.objects.filter(
        team=account.team_id,
        table=projections.TABLE,
        key=projections.key(account.origin, provider_id),
    ).exists()


def strictest(locks: Iterable[ServerLock | None]) -> ServerLock | None:
    held = [lock for lock in locks if lock]
    return max(held, key=lambda lock: lock.level == "changes", default=None)


def older_twin(account: Account) -> Account | None:
    """An account of the team, connected earlier, that shows servers of this one: then it is the
    same VPS.org account, and this one is only read until one of the two is disconnected."""
    earlier = Account.objects.filter(
        Q(created_at__lt=account.created_at) | Q(created_at=account.created_at, id__lt=account.id),
        team_id=account.team_id,
        origin=account.origin,
        disconnected_at=None,
    )
    mine = Server.objects.filter(account=account, gone_at=None).values("provider_id")
    shared = Server.objects.filter(
        account__in=earlier, gone_at=None, provider_id__in=mine
    ).select_related("account")
    found = shared.first()
    return found.account if found else None


def take_over(account: Account, servers: Iterable[Server]) -> None:
    """Gives servers that are new in the mirror what the team had put on them while they were in
    an account that was disconnected since. Within the transaction that brings them in."""
    new = {one.provider_id: one for one in servers}
    if not new:
        return
    kept = Server.objects.filter(
        account__team_id=account.team_id,
        account__origin=account.origin,
        account__disconnected_at__isnull=False,
        provider_id__in=new,
    ).select_related("lock", "account")
    for old in kept.order_by("first_seen_at"):
        _inherit(old, new[old.provider_id])
        old.delete()


def hand_over(account: Account) -> None:
    """Before its account is disconnected: another connected account that shows the same server
    keeps the stricter lock and all labels. Within the transaction that disconnects it."""
    leaving = Server.objects.filter(account=account).select_related("lock", "account")
    for old in leaving.filter(Q(lock__isnull=False) | Q(labels__isnull=False)).distinct():
        others = copies(account, old.provider_id).exclude(account=account)
        heir = others.order_by(F("gone_at").desc(nulls_first=True), "first_seen_at", "id").first()
        if heir is None:
            continue  # it waits, behind every page, for when it is connected again
        if is_same_moment(old.created_at, heir.created_at):
            _join(old, heir)
        else:
            _drop(old)


def forget_if_another(server: Server, created_at: datetime | None) -> None:
    """For an id that is shown, made at `created_at`: one that was gone may be another by now."""
    if server.gone_at is not None and not is_same_moment(server.created_at, created_at):
        _drop(server)


def _inherit(old: Server, new: Server) -> None:
    if not is_same_moment(old.created_at, new.created_at):
        _drop(old)
        return
    ServerLabel.objects.filter(server=new).delete()
    ServerLabel.objects.filter(server=old).update(server=new)
    if not ServerLock.objects.filter(server=new).exists():
        ServerLock.objects.filter(server=old).update(server=new)


def _join(old: Server, heir: Server) -> None:
    """Who saw either copy by its labels saw this server, and goes on seeing it."""
    labels.replace(heir, labels.of(heir) | labels.of(old))
    mine, theirs = old.held_by, heir.held_by
    if mine and strictest([theirs, mine]) is mine:
        ServerLock.objects.filter(server=heir).delete()
        ServerLock.objects.filter(server=old).update(server=heir)
    ServerLock.objects.filter(server=old).delete()
    ServerLabel.objects.filter(server=old).delete()


def _drop(server: Server) -> None:
    """Its lock and labels were another server's. That the lock ends is on record."""
    held = ServerLock.objects.filter(server=server).first()
    if held:
        held.delete()
        left = binding_lock(server.account, server.provider_id)
        worker = access.worker_scope(server.account.team).actor
        record(
            "server.unlocked",
            chain=str(server.account.team_id),
            actor=worker,
            origin=Origin(via="worker", request_id=request_id.current()),
            target=Target("server", server.provider_id, str(server)),
            result="success",
            reason="The id came back as another server.",
            labels=labels.of(server),
            rows=[projections.of_lock(left) if left else projections.no_lock(server)],
            data={"level": held.level, "locked_by": held.by_name},
        )
    ServerLabel.objects.filter(server=server).delete()
