"""Brings what the provider showed into the mirror. Makes no call and knows no operation:
it is told what the panel itself did."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from controlpanel.accounts.models import Account
from controlpanel.audit.log import read_only
from controlpanel.lib import clock
from controlpanel.servers import catalogue, identity, outside_changes
from controlpanel.servers.mirror import Rows
from controlpanel.servers.models import AccountSync, Server
from controlpanel.servers.outside_changes import Own
from controlpanel.vpsorg.errors import ApiError
from controlpanel.vpsorg.wire import ServerList, ServerSeen

CLAIM = timedelta(seconds=30)
# A complete list may lose this share of the known servers before it is suspicious.
BELIEVABLE_LOSS = 0.3
# Codes of troubles that end by themselves: nobody asked for patience, and nobody has to mend them.
OUTAGES = frozenset(
    {
        "name_resolution", "connection_refused", "connect_timeout", "tls", "unreachable",
        "spoke_first", "timeout", "connection_lost", "server_error", "redirect",
        "unexpected_status", "unreadable", "truncated", "too_large",
    }
)  # fmt: skip
# While somebody looks on, an outage is asked about so often.
WATCHED_EVERY = timedelta(seconds=10)
CALM_SECONDS, BUSY_SECONDS, LONGEST_SECONDS = 30.0, 8.0, 300.0


@dataclass(frozen=True, slots=True)
class Applied:
    """`doubtful`: servers that the list shows otherwise, so soon after the panel changed them
    that it may be an old one: their own address tells."""

    believed: bool
    moving: bool
    in_flight: frozenset[str]
    doubtful: frozenset[str]


def claim(account: Account, *, at_least: timedelta, watched: bool = False) -> bool:
    """True for exactly one caller, if nobody asked within `at_least` and no back-off runs.

    `looked_at`: somebody waits for it. After an outage they need not wait for the back-off, which
    grows to minutes."""
    now = clock.now()
    AccountSync.objects.get_or_create(account=account)
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    due = Q(tried_at=None) | Q(tried_at__lte=now - at_least)
    calm = Q(failures=0) | Q(next_at__lte=now)
    if watched:
        calm |= Q(trouble__in=OUTAGES, tried_at__lte=now - WATCHED_EVERY)
    claimed = AccountSync.objects.filter(free, due, calm, account=account)
    return claimed.update(claimed_until=now + CLAIM, tried_at=now) == 1


def apply_list(account: Account, listing: ServerList, *, own: Own, asked_at: datetime) -> Applied:
    """What a list, asked for at `asked_at`, shows. One that is suspicious changes nothing."""
    with transaction.atomic():
        identity.hold_team(account, {seen.id: seen.created_at for seen in listing.servers})
        if not _hold(account):
            return Applied(
                believed=False, moving=False, in_flight=frozenset(), doubtful=frozenset()
            )
        known = _locked(account)
        in_flight = own.in_flight()
        trouble = _suspicion(listing, known, in_flight)
        state = AccountSync.objects.filter(account=account).first()
        is_first = state is None or state.ok_at is None
        rows = Rows(account, known, own, asked_at=asked_at, is_first=is_first)
        if not trouble or is_first:
            rows.show(listing.servers)
            catalogue.learn_from_servers(account, listing.servers)
        if not trouble:
            rows.miss(listing, in_flight)
        moving = any(seen.status in Server.MOVING for seen in listing.servers)
        busy = moving or bool(in_flight) or rows.is_full or bool(rows.doubtful)
        _settle(account, trouble, moving=busy)
        rows.write()
        _note_trust(account, state, trouble, known, listing)
    return Applied(not trouble, moving, in_flight, frozenset(rows.doubtful))


def apply_seen(account: Account, seen: ServerSeen, *, detail: bool, own: Own) -> Server | None:
    """One server as a create, update or detail call showed it. None if the account was
    disconnected meanwhile."""
    with transaction.atomic():
        identity.hold_team(account, {seen.id: seen.created_at})
        if not _hold(account):
            return None
        known = _locked(account, provider_id=seen.id)
        rows = Rows(account, known, own, is_detail=detail)
        rows.show([seen])
        catalogue.learn_from_servers(account, [seen])
        rows.write()
    return Server.objects.get(account=account, provider_id=seen.id)


def apply_status(account: Account, provider_id: str, status: str) -> None:
    """The word that a power call answered with."""
    now = clock.now()
    Server.objects.filter(account=account, provider_id=provider_id, gone_at=None).update(
        status=status, seen_at=now, changed_at=now
    )


def mark_gone(account: Account, provider_id: str, own: Own) -> None:
    """The provider answered 404 for this server itself."""
    with transaction.atomic():
        known = _locked(account, provider_id=provider_id, gone_at=None)
        rows = Rows(account, known, own)
        for server in known.values():
            rows.lose(server)
        rows.write()


def claim_detail(server: Server, *, at_least: timedelta) -> bool:
    """The same for one server's detail call."""
    now = clock.now()
    due = Q(asked_at=None) | Q(asked_at__lte=now - at_least)
    return Server.objects.filter(due, id=server.id).update(asked_at=now) == 1


def is_waiting(account: Account) -> bool:
    """The provider wants to be left alone, or does not answer: a back-off runs."""
    return AccountSync.objects.filter(
        account=account, failures__gt=0, next_at__gt=clock.now()
    ).exists()


def claim_catalogue(account: Account, *, at_least: timedelta) -> bool:
    now = clock.now()
    due = Q(catalogue_at=None) | Q(catalogue_at__lte=now - at_least)
    return AccountSync.objects.filter(due, account=account).update(catalogue_at=now) == 1


def try_again(account: Account) -> None:
    """Something was mended (a new token, say): ends any back-off."""
    AccountSync.objects.filter(account=account).update(
        failures=0, next_at=clock.now(), tried_at=None, catalogue_at=None
    )


def answered(account: Account) -> None:
    """VPS.org answered somebody: after an outage the list is asked for at once, by whoever looks
    or by a worker."""
    down = AccountSync.objects.filter(account=account, failures__gt=0, trouble__in=OUTAGES)
    read_only.if_possible(lambda: down.update(failures=0, next_at=clock.now(), tried_at=None))


def want_detail(server: Server) -> None:
    """Somebody looks at this server: workers fill what only the detail call carries."""
    watched = Server.objects.filter(id=server.id)
    read_only.if_possible(lambda: watched.update(wanted_at=clock.now()))


def note_trouble(
    account: Account,
    code: str,
    words: str = "",
    wait: float | None = None,
    status: int | None = None,
) -> None:
    """Why the mirror is not being refreshed; says when to try again."""
    now = clock.now()
    sync, _made = AccountSync.objects.get_or_create(account=account)
    failures = sync.failures + 1
    pause = _jitter(min(LONGEST_SECONDS, BUSY_SECONDS * 2 ** min(failures - 1, 6)))
    if wait:
        # Never sooner than was asked for.
        pause = wait + random.uniform(0.0, min(wait / 10, 30.0))  # noqa: S311
    AccountSync.objects.filter(account=account).update(
        claimed_until=None,
        trouble=code,
        trouble_words=words[:300],
        trouble_status=status,
        trouble_since=sync.trouble_since or now,
        failures=failures,
        next_at=now + timedelta(seconds=pause),
    )


def note_error(account: Account, error: ApiError) -> None:
    note_trouble(account, error.code, error.words, error.retry_after, error.status)


def _hold(account: Account) -> bool:
    """False for an account that was disconnected while VPS.org was asked: its servers have left
    the mirror and must not come back. Whoever disconnects it stands in line here."""
    same = Account.objects.select_for_update(no_key=True).filter(id=account.id)
    still = same.filter(disconnected_at=None)
    return still.first() is not None


def _suspicion(listing: ServerList, known: dict[str, Server], in_flight: frozenset[str]) -> str:
    """Code of what is wrong with a list, or empty. A list is never a reason for mass deletion."""
    if not listing.complete:
        return "list_truncated"
    listed = {seen.id for seen in listing.servers}
    present = {
        key for key, server in known.items() if server.gone_at is None and key not in in_flight
    }
    missing = present - listed
    if not missing:
        return ""
    if not listed or (len(missing) > 1 and len(missing) > BELIEVABLE_LOSS * len(present)):
        return "list_shrunk"
    return ""


def _locked(account: Account, **which: object) -> dict[str, Server]:
    rows = Server.objects.select_for_update().filter(account=account, **which)
    return {server.provider_id: server for server in rows}


def _note_trust(
    account: Account,
    state: AccountSync | None,
    trouble: str,
    known: dict[str, Server],
    listing: ServerList,
) -> None:
    """Once when lists stop being believed, and once when they are again."""
    since = state.suspicious_since if state else None
    if bool(trouble) == bool(since):
        return
    syncs = AccountSync.objects.filter(account=account)
    syncs.update(suspicious_since=clock.now() if trouble else None)
    if since:
        outside_changes.record_trust(account, "provider.trusted_again", since=since.isoformat())
    else:
        present = sum(server.gone_at is None for server in known.values())
        outside_changes.record_trust(
            account,
            "provider.suspicious",
            why=trouble,
            known=present,
            listed=len(listing.servers),
        )


def _settle(account: Account, trouble: str, *, moving: bool) -> None:
    if trouble:
        note_trouble(account, trouble)
        return
    now = clock.now()
    pause = _jitter(BUSY_SECONDS if moving else CALM_SECONDS)
    AccountSync.objects.filter(account=account).update(
        ok_at=now,
        claimed_until=None,
        trouble="",
        trouble_words="",
        trouble_status=None,
        trouble_since=None,
        failures=0,
        next_at=now + timedelta(seconds=pause),
    )


def _jitter(seconds: float) -> float:
    return seconds * random.uniform(0.9, 1.1)  # noqa: S311 spreads load, guards nothing
