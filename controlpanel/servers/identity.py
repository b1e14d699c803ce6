"""Which rows of the mirror are one server: those of a team that bear the same id at one origin.

What a team puts on a server (its lock, its labels, and with them reasons and reach) hangs on team,
origin and the provider's id, and so does reach that names it. It survives disconnecting and
connecting again, and never crosses teams. An id that was away and comes back with another time of
creation is another server and inherits nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet

from controlpanel.accounts import access
from controlpanel.accounts.models import Account, Team
from controlpanel.audit.log.recorder import Target, record
from controlpanel.audit.models import TableDifference
from controlpanel.lib import request_id
from controlpanel.lib.scope import Origin
from controlpanel.servers import chosen, labels, projections
from controlpanel.servers.models import Server, ServerLabel, ServerLock

# Answers of the provider give the moment with and without fractions of a second.
_SAME_MOMENT: Final = timedelta(seconds=1)
# Rows whose server left the mirror.
_LEFT: Final = Q(gone_at__isnull=False) | Q(account__disconnected_at__isnull=False)
# And those of which nobody saw throughout that they were the same server: it was missed once, or
# its time of creation was not told.
_AWAY: Final = _LEFT | Q(misses__gt=0) | Q(untold__has_key="created_at")
# More ids than this are not named in a query.
_FEW: Final = 100


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


def bind(servers: Sequence[Server]) -> None:
    """Puts at each of these rows, all of one team and origin, the lock that binds it."""
    if not servers:
        return
    locks: dict[str, list[ServerLock]] = {}
    account, ids = servers[0].account, {one.provider_id for one in servers}
    of_copies = ServerLock.objects.filter(
        server__in=_of_team(account).filter(account__disconnected_at=None, provider_id__in=ids)
    )
    for lock in of_copies.select_related("server"):
        locks.setdefault(lock.server.provider_id, []).append(lock)
    for one in servers:
        one.held_by = ServerLock.strictest(locks.get(one.provider_id, []))


def others_of(server: Server) -> list[Account]:
    """The other connected accounts that show this server now."""
    rows = copies(server.account, server.provider_id).filter(gone_at=None)
    others = rows.exclude(account=server.account_id).order_by("account__name", "account__id")
    return [one.account for one in others]


def is_lock_in_doubt(account: Account, provider_id: str) -> bool:
    """Whether the server's lock is not as the audit log says, by what verification last found: a
    lock that somebody took out of the database releases nothing."""
    return TableDifference.objects.filter(
        team=account.team_id,
        table=projections.TABLE,
        key=projections.key(account.origin, provider_id),
    ).exists()


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


def older_twins(accounts: Sequence[Account]) -> dict[UUID, Account | None]:
    """The same for all connected accounts of a team, in two queries; by id."""
    found: dict[UUID, Account | None] = {one.id: None for one in accounts}
    if len(accounts) < 2:
        return found
    rows = Server.objects.filter(account__in=found, gone_at=None).order_by()
    shared = rows.values("provider_id").annotate(copies=Count("id")).filter(copies__gt=1)
    if not shared.exists():
        return found
    by_age = sorted(accounts, key=lambda one: (one.created_at, one.id))
    first: dict[str, Account] = {}
    of_each: dict[UUID, list[str]] = {}
    pairs = rows.filter(provider_id__in=shared.values("provider_id"))
    for account_id, provider_id in pairs.values_list("account_id", "provider_id"):
        of_each.setdefault(account_id, []).append(provider_id)
    for account in by_age:
        for provider_id in of_each.get(account.id, []):
            other = first.setdefault(provider_id, account)
            if other is not account:
                found[account.id] = found[account.id] or other
    return found


def hold_team(account: Account, shown: Mapping[str, datetime | None]) -> None:
    """First in the transaction that brings in what is shown (times of creation by id): where an id
    may be another server's, nobody else changes meanwhile whom servers are for."""
    away = _of_team(account).filter(_AWAY)
    if len(shown) <= _FEW:
        away = away.filter(provider_id__in=shown)
    rows = away.values_list("provider_id", "created_at").distinct()
    if any(not is_same_moment(created, shown.get(one)) for one, created in rows):
        Team.objects.select_for_update(no_key=True).get(id=account.team_id)


def take_over(account: Account, servers: Iterable[Server]) -> None:
    """Gives servers that are new in the mirror what the team had put on them while they were in
    an account that was disconnected since. Within the transaction that brings them in."""
    new = {one.provider_id: one for one in servers}
    if not new:
        return
    same_ids = Server.objects.filter(account__team_id=account.team_id, provider_id__in=new)
    others = same_ids.exclude(account=account).select_related("lock", "account__team")
    here = Q(account__origin=account.origin)
    known_here = set(others.filter(here).values_list("provider_id", flat=True))
    for old in others.exclude(here).exclude(provider_id__in=known_here):
        # Reach names no origin: while the id was unknown here, it meant the server there.
        chosen.take_out(old.account.team, _target(old), labels.of(old))
    for old in others.filter(here, _LEFT).order_by("first_seen_at"):
        heir = new[old.provider_id]
        if not is_same_moment(old.created_at, heir.created_at):
            _drop(old)
        elif old.account.disconnected_at:
            _inherit(old, heir)
        if old.account.disconnected_at:
            old.delete()


def hand_over(account: Account) -> None:
    """Before its account is disconnected: another connected account that shows the same server
    keeps the stricter lock and all labels. Within the transaction that disconnects it."""
    for old in marked(account).select_related("lock", "account__team"):
        others = copies(account, old.provider_id).exclude(account=account)
        heir = others.order_by(F("gone_at").desc(nulls_first=True), "first_seen_at", "id").first()
        if heir is None:
            continue  # it waits, behind every page, for when it is connected again
        if is_same_moment(old.created_at, heir.created_at):
            _join(old, heir)
        else:
            _drop(old)


def marked(account: Account) -> QuerySet[Server]:
    """Its servers on which the team has put something, or which anybody's reach names."""
    bears = Q(lock__isnull=False) | Q(labels__isnull=False)
    ids = Server.objects.filter(bears, account=account).values("id")
    names = Q(provider_id__in=chosen.named(account.team_id))
    return Server.objects.filter(names | Q(id__in=ids), account=account)


def forget_if_another(server: Server, created_at: datetime | None) -> None:
    """For an id that is shown, made at `created_at`: one that was away may be another by now."""
    is_away = server.gone_at or server.misses or "created_at" in server.untold
    if not is_away or is_same_moment(server.created_at, created_at):
        return
    _drop(server)
    copies_left = _of_team(server.account).filter(_LEFT, provider_id=server.provider_id)
    for old in copies_left.exclude(id=server.id).select_related("lock", "account__team"):
        if not is_same_moment(old.created_at, created_at):
            _drop(old)


def _of_team(account: Account) -> QuerySet[Server]:
    """Rows of its disconnected accounts too."""
    return Server.objects.filter(account__team_id=account.team_id, account__origin=account.origin)


def _inherit(old: Server, new: Server) -> None:
    if new.created_at is None and old.created_at is not None:
        # As of a row that stays: it is compared once it is told.
        Server.objects.filter(id=new.id).update(created_at=old.created_at)
    ServerLabel.objects.filter(server=new).delete()
    ServerLabel.objects.filter(server=old).update(server=new)
    if not ServerLock.objects.filter(server=new).exists():
        ServerLock.objects.filter(server=old).update(server=new)


def _join(old: Server, heir: Server) -> None:
    """Who saw either copy by its labels saw this server, and goes on seeing it."""
    labels.replace(heir, labels.of(heir) | labels.of(old))
    mine, theirs = old.own_lock, heir.own_lock
    if mine and ServerLock.strictest([theirs, mine]) is mine:
        ServerLock.objects.filter(server=heir).delete()
        ServerLock.objects.filter(server=old).update(server=heir)
    ServerLock.objects.filter(server=old).delete()
    ServerLabel.objects.filter(server=old).delete()


def _drop(server: Server) -> None:
    """Its lock and labels, and reach that names it, were another server's. That a lock or reach
    ends is on record."""
    borne = labels.of(server)
    chosen.take_out(server.account.team, _target(server), borne)
    held = ServerLock.objects.filter(server=server).first()
    if held:
        held.delete()
        left = ServerLock.binding(server.account, server.provider_id)
        worker = access.worker_scope(server.account.team).actor
        record(
            "server.unlocked",
            chain=str(server.account.team_id),
            actor=worker,
            origin=Origin(via="worker", request_id=request_id.current()),
            target=_target(server),
            result="success",
            reason="The id came back as another server.",
            labels=borne,
            rows=[projections.of_lock(left) if left else projections.no_lock(server)],
            data={"level": held.level, "locked_by": held.by_name},
        )
    ServerLabel.objects.filter(server=server).delete()


def _target(server: Server) -> Target:
    return Target("server", server.provider_id, str(server))
