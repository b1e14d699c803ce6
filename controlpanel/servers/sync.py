"""Brings what the provider showed into the mirror. Makes no call and knows no operation:
it is told what is in flight."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from controlpanel.accounts.models import Account
from controlpanel.lib import clock
from controlpanel.servers import catalogue
from controlpanel.servers.models import AccountSync, Server
from controlpanel.vpsorg.errors import ApiError
from controlpanel.vpsorg.wire import ServerList, ServerSeen

CLAIM = timedelta(seconds=30)
# A complete list may lose this share of the known servers before it is suspicious.
BELIEVABLE_LOSS = 0.3
MISSES_UNTIL_GONE = 2
# A list from before a deletion may still arrive for this long.
STALE_LIST = timedelta(minutes=2)
CALM_SECONDS, BUSY_SECONDS, LONGEST_SECONDS = 30.0, 8.0, 300.0


@dataclass(frozen=True, slots=True)
class Applied:
    believed: bool
    moving: bool


def claim(account: Account, *, at_least: timedelta) -> bool:
    """True for exactly one caller, if nobody asked within `at_least` and no back-off runs."""
    now = clock.now()
    AccountSync.objects.get_or_create(account=account)
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    due = Q(tried_at=None) | Q(tried_at__lte=now - at_least)
    calm = Q(failures=0) | Q(next_at__lte=now)
    claimed = AccountSync.objects.filter(free, due, calm, account=account)
    return claimed.update(claimed_until=now + CLAIM, tried_at=now) == 1


def apply_list(account: Account, listing: ServerList, *, in_flight: frozenset[str]) -> Applied:
    """`in_flight`: ids that a running operation creates or deletes; their absence says nothing."""
    with transaction.atomic():
        if not _hold(account):
            return Applied(believed=False, moving=False)
        known = {
            server.provider_id: server
            for server in Server.objects.select_for_update().filter(account=account)
        }
        trouble = _suspicion(listing, known, in_flight)
        _write_seen(account, listing.servers, known)
        if not trouble:
            _count_misses(listing, known, in_flight)
        catalogue.learn_from_servers(account, listing.servers)
        moving = any(seen.status in Server.MOVING for seen in listing.servers)
        _settle(account, trouble, moving=moving or bool(in_flight))
    return Applied(believed=not trouble, moving=moving)


def apply_seen(account: Account, seen: ServerSeen, *, detail: bool) -> Server | None:
    """One server as a create, update or detail call showed it. None if the account was
    disconnected meanwhile."""
    with transaction.atomic():
        if not _hold(account):
            return None
        known = {
            server.provider_id: server
            for server in Server.objects.select_for_update().filter(
                account=account, provider_id=seen.id
            )
        }
        _write_seen(account, [seen], known, detail=detail)
        catalogue.learn_from_servers(account, [seen])
    return Server.objects.get(account=account, provider_id=seen.id)


def apply_status(account: Account, provider_id: str, status: str) -> None:
    """The word that a power call answered with."""
    now = clock.now()
    Server.objects.filter(account=account, provider_id=provider_id, gone_at=None).update(
        status=status, seen_at=now, changed_at=now
    )


def mark_gone(account: Account, provider_id: str) -> None:
    """The provider answered 404 for this server itself."""
    now = clock.now()
    Server.objects.filter(account=account, provider_id=provider_id, gone_at=None).update(
        gone_at=now, changed_at=now
    )


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


def want_detail(server: Server) -> None:
    """Somebody looks at this server: workers fill what only the detail call carries."""
    Server.objects.filter(id=server.id).update(wanted_at=clock.now())


def note_trouble(account: Account, code: str, words: str = "", wait: float | None = None) -> None:
    """Why the mirror is not being refreshed; says when to try again."""
    now = clock.now()
    sync, _made = AccountSync.objects.get_or_create(account=account)
    failures = sync.failures + 1
    pause = _jitter(min(LONGEST_SECONDS, BUSY_SECONDS * 2 ** min(failures - 1, 6)))
    if wait:
        pause = wait * random.uniform(1.0, 1.1)  # noqa: S311 never sooner than was asked for
    AccountSync.objects.filter(account=account).update(
        claimed_until=None,
        trouble=code,
        trouble_words=words[:300],
        trouble_since=sync.trouble_since or now,
        failures=failures,
        next_at=now + timedelta(seconds=pause),
    )


def note_error(account: Account, error: ApiError) -> None:
    note_trouble(account, error.code, error.words, error.retry_after)


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


def _write_seen(
    account: Account,
    servers: Iterable[ServerSeen],
    known: dict[str, Server],
    *,
    detail: bool = False,
) -> None:
    now = clock.now()
    new, changed, names = [], [], {"seen_at", "misses", "changed_at", "gone_at", "detail_at"}
    for seen in servers:
        server = known.get(seen.id)
        values = _values(seen)
        if server is None:
            new.append(
                Server(
                    account=account,
                    provider_id=seen.id,
                    seen_at=now,
                    first_seen_at=now,
                    changed_at=now,
                    detail_at=now if detail else None,
                    **values,
                )
            )
            continue
        if server.gone_at and not detail and now - server.gone_at < STALE_LIST:
            continue
        different = {
            name: value for name, value in values.items() if getattr(server, name) != value
        }
        if not (different or server.gone_at or server.misses or detail):
            continue  # the account's sync time says that it was seen
        for name, value in different.items():
            setattr(server, name, value)
        names |= different.keys()
        if different or server.gone_at:
            server.changed_at = now
        server.seen_at, server.misses, server.gone_at = now, 0, None
        if detail:
            server.detail_at = now
        changed.append(server)
    # Another look, or the answer to a create, may have brought the same one in meanwhile.
    Server.objects.bulk_create(new, ignore_conflicts=True)
    Server.objects.bulk_update(changed, sorted(names), batch_size=200)


def _values(seen: ServerSeen) -> dict[str, Any]:
    """Fields that this answer told: a list must not blank what only a detail carries."""
    plan, system, usage = seen.plan, seen.os, seen.usage
    told: dict[str, Any] = {
        "name": seen.name or None,
        "hostname": seen.hostname or None,
        "status": seen.status or None,
        "ip_address": seen.ip_address,
        "ipv6_address": seen.ipv6_address,
        "location": seen.location,
        "backups_enabled": seen.backups_enabled,
        "created_at": seen.created_at,
        "updated_at": seen.updated_at,
    }
    if plan:
        told |= {
            "plan_id": plan.id,
            "plan_name": plan.name or None,
            "vcpus": plan.vcpus,
            "memory": plan.memory,
            "storage": plan.storage,
            "bandwidth": plan.bandwidth,
        }
    if system:
        told |= {"os_id": system.id, "os_name": system.name or None}
    if usage:
        told |= {
            "cpu_percent": usage.cpu_percent,
            "memory_used": usage.memory_used,
            "disk_used": usage.disk_used,
            "bandwidth_used": usage.bandwidth_used,
        }
    return {name: value for name, value in told.items() if value is not None}


def _count_misses(listing: ServerList, known: dict[str, Server], in_flight: frozenset[str]) -> None:
    now = clock.now()
    listed = {seen.id for seen in listing.servers}
    for key, server in known.items():
        if key in listed or key in in_flight or server.gone_at is not None:
            continue
        server.misses += 1
        fields = ["misses"]
        if server.misses >= MISSES_UNTIL_GONE:
            server.gone_at = server.changed_at = now
            fields += ["gone_at", "changed_at"]
        server.save(update_fields=fields)


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
        trouble_since=None,
        failures=0,
        next_at=now + timedelta(seconds=pause),
    )


def _jitter(seconds: float) -> float:
    return seconds * random.uniform(0.9, 1.1)  # noqa: S311 spreads load, guards nothing
