"""One poll of an account: one list call, whatever the number of servers, and all that follows
from it. Pages and workers poll the same way, and never two at once."""

import time
from collections.abc import Collection, Iterable
from datetime import timedelta
from itertools import islice

import structlog
from django.db.models import F

from controlpanel.accounts.models import Account
from controlpanel.accounts.selectors import is_connected
from controlpanel.audit.log import read_only
from controlpanel.audit.log.recorder import AuditUnavailable
from controlpanel.credentials.tokens import clients
from controlpanel.lib import clock
from controlpanel.operations import sightings
from controlpanel.operations.following import observing, reconcile
from controlpanel.operations.models import IS_OPEN, Operation
from controlpanel.operations.own_changes import OwnChanges
from controlpanel.operations.states import State
from controlpanel.servers import catalogue, sync
from controlpanel.servers.models import Server
from controlpanel.vpsorg.client import Client
from controlpanel.vpsorg.errors import ApiError, NotFound, TooManyRequests, Unauthorized
from controlpanel.vpsorg.wire import ServerSeen

log = structlog.get_logger(__name__)

DETAIL_FRESH = timedelta(seconds=10)
WANTED_FOR = timedelta(minutes=1)
DETAILS_PER_POLL = 10
# Few, so that a provider that is out of its mind does not empty a mirror in one go.
MISSING_PER_POLL = 3
# Seconds without which asking for the catalogue is not begun.
ENOUGH = 2.0
# And without which a page does not begin another call at all.
TOO_LATE = 1.0
CATALOGUE_FRESH = timedelta(hours=1)
_LONGEST_AGO = F("asked_at").asc(nulls_first=True)


def poll(account: Account, *, at_least: timedelta, seconds: float, watched: bool = False) -> bool:
    """Refreshes the mirror and moves operations on. False if somebody else just did or does.

    What goes wrong is written where the pages show it, not raised. `seconds` bounds all calls.
    `looked_at`: somebody waits for it.
    """
    if read_only.closed() or not sync.claim(account, at_least=at_least, watched=watched):
        return False
    try:
        with clients.sync_client(account, seconds) as client:
            _poll(account, client)
    except clients.NoClient as missing:
        sync.note_trouble(account, missing.code)
    except ApiError as error:
        sync.note_error(account, error)
    except AuditUnavailable:
        log.exception("poll.not_recorded", account=str(account.id))
        sync.note_trouble(account, "audit_unavailable")
    except Exception:
        log.exception("poll.failed", account=str(account.id))
        sync.note_trouble(account, "internal")
    return True


def poll_within_page(accounts: Iterable[Account], *, at_least: timedelta) -> None:
    """Looks at each in turn in a page's time; at none when all places are taken."""
    deadline = time.monotonic() + clients.PAGE_SECONDS
    try:
        with clients.page_slot():
            for account in accounts:
                left = deadline - time.monotonic()
                if is_connected(account) and left > TOO_LATE:
                    poll(account, at_least=at_least, seconds=left, watched=True)
    except clients.Busy:
        pass


def poll_server(server: Server, seconds: float) -> None:
    """Fills what only the detail call carries, unless that was done within the last seconds."""
    if read_only.closed() or sync.is_waiting(server.account):
        return
    if not sync.claim_detail(server, at_least=DETAIL_FRESH):
        return
    try:
        with clients.sync_client(server.account, seconds) as client:
            _fill(server, client)
    except clients.NoClient as missing:
        sync.note_trouble(server.account, missing.code)
    except (TooManyRequests, Unauthorized) as error:
        sync.note_error(server.account, error)
    except AuditUnavailable:
        log.exception("detail.not_recorded", server=server.provider_id)
    except ApiError as error:
        # Of this server: whether the account is well, its list tells.
        log.warning("detail.failed", server=server.provider_id, code=error.code)


def _poll(account: Account, client: Client) -> None:
    asked_at = clock.now()
    listing = client.list_servers()
    applied = sync.apply_list(account, listing, own=OwnChanges(account), asked_at=asked_at)
    servers = {seen.id: seen for seen in listing.servers}
    if applied.believed:
        sightings.note(account, servers, asked_at)
        observing.follow(account, client, servers, asked_at)
        reconcile.reconcile(account, client, servers, asked_at)
        _fill_each(_of(account, applied.doubtful), client)
    else:
        observing.follow(account, client, _ask_each(account, client), asked_at)
        if listing.complete:
            _fill_each(_missing(account, {*servers, *applied.in_flight}), client)
    _fill_each(_wanted(account), client)
    if client.seconds_left > ENOUGH and sync.claim_catalogue(account, at_least=CATALOGUE_FRESH):
        catalogue.learn_from_endpoints(account, client)


def _fill_each(servers: Iterable[Server], client: Client) -> None:
    for server in servers:
        if client.seconds_left <= 0:
            return
        if not sync.claim_detail(server, at_least=DETAIL_FRESH):
            continue
        try:
            _fill(server, client)
        except (TooManyRequests, Unauthorized):
            raise  # true of the whole account
        except ApiError as error:
            log.warning("detail.failed", server=server.provider_id, code=error.code)


def _missing(account: Account, shown: Collection[str]) -> list[Server]:
    """Some of those that a suspiciously short list lacks: their own 404 is believed, so that a
    mirror of servers that are really gone does not stay for ever."""
    present = Server.objects.filter(account=account, gone_at=None).order_by(_LONGEST_AGO)
    lacking = (server for server in present.iterator() if server.provider_id not in shown)
    return list(islice(lacking, MISSING_PER_POLL))


def _ask_each(account: Account, client: Client) -> dict[str, ServerSeen]:
    """Servers that something was accepted for, from their own addresses: the list is not
    believed."""
    followed = Operation.objects.filter(
        IS_OPEN, account=account, state=State.ACCEPTED.value, next_poll_at__lte=clock.now()
    ).exclude(provider_id="")
    due = followed.exclude(kind__in=["delete", "update"]).order_by("next_poll_at")
    found = {}
    for provider_id in due.values_list("provider_id", flat=True)[:DETAILS_PER_POLL]:
        if client.seconds_left <= 0:
            break
        asked_at = clock.now()
        try:
            seen = client.get_server(provider_id).server
        except (TooManyRequests, Unauthorized):
            raise
        except ApiError:
            continue
        if seen is not None and seen.id == provider_id:
            sync.apply_seen(account, seen, detail=True, own=OwnChanges(account))
            sightings.note(account, {seen.id: seen}, asked_at)
            found[provider_id] = seen
    return found


def _of(account: Account, provider_ids: Collection[str]) -> list[Server]:
    if not provider_ids:
        return []
    found = Server.objects.filter(account=account, provider_id__in=provider_ids)
    return list(found.select_related("account"))


def _wanted(account: Account) -> list[Server]:
    now = clock.now()
    watched = Server.objects.filter(account=account, gone_at=None, wanted_at__gte=now - WANTED_FOR)
    return list(watched.order_by(_LONGEST_AGO)[:DETAILS_PER_POLL])


def _fill(server: Server, client: Client) -> None:
    asked_at = clock.now()
    try:
        seen = client.get_server(server.provider_id).server
    except NotFound:
        sync.mark_gone(server.account, server.provider_id, OwnChanges(server.account))
        return
    if seen is not None:
        sync.apply_seen(server.account, seen, detail=True, own=OwnChanges(server.account))
        sightings.note(server.account, {seen.id: seen}, asked_at)
