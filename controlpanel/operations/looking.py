"""One look at an account: one list call, whatever the number of servers, and all that follows
from it. Pages and workers look the same way, and never two at once."""

from datetime import timedelta

import structlog

from controlpanel.accounts.models import Account
from controlpanel.credentials import clients
from controlpanel.lib import clock
from controlpanel.operations import following, reconcile
from controlpanel.operations.models import Operation
from controlpanel.operations.states import OPEN, State
from controlpanel.servers import catalogue, sync
from controlpanel.servers.models import Server
from controlpanel.vpsorg.client import Client
from controlpanel.vpsorg.errors import ApiError, NotFound

log = structlog.get_logger(__name__)

DETAIL_FRESH = timedelta(seconds=10)
WANTED_FOR = timedelta(minutes=1)
DETAILS_A_LOOK = 10
CATALOGUE_FRESH = timedelta(hours=1)


def look(account: Account, *, at_least: timedelta, seconds: float) -> bool:
    """Refreshes the mirror and moves operations on. False if somebody else just did or does.

    What goes wrong is written where the pages show it, not raised.
    """
    if not sync.claim(account, at_least=at_least):
        return False
    try:
        with clients.sync_client(account, seconds) as client:
            _look(account, client)
    except clients.NoClient as missing:
        sync.note_trouble(account, missing.code)
    except ApiError as error:
        sync.note_error(account, error)
    except Exception:
        log.exception("look.failed", account=str(account.id))
        sync.note_trouble(account, "internal")
        raise
    return True


def look_at(server: Server, seconds: float) -> None:
    """Fills what only the detail call carries, unless that was done within the last seconds."""
    if not sync.claim_detail(server, at_least=DETAIL_FRESH):
        return
    try:
        with clients.sync_client(server.account, seconds) as client:
            _fill(server, client)
    except clients.NoClient as missing:
        sync.note_trouble(server.account, missing.code)
    except ApiError as error:
        sync.note_error(server.account, error)


def _look(account: Account, client: Client) -> None:
    listing = client.list_servers()
    applied = sync.apply_list(account, listing, in_flight=_in_flight(account))
    servers = {seen.id: seen for seen in listing.servers}
    following.follow(account, client, servers)
    if applied.believed:
        reconcile.reconcile(account, client, servers)
    _fill_what_is_looked_at(account, client)
    if sync.claim_catalogue(account, at_least=CATALOGUE_FRESH):
        catalogue.learn_from_endpoints(account, client)


def _fill_what_is_looked_at(account: Account, client: Client) -> None:
    for server in _wanted(account):
        if sync.claim_detail(server, at_least=DETAIL_FRESH):
            _fill(server, client)


def _in_flight(account: Account) -> frozenset[str]:
    """Servers whose absence from a list says nothing: one is being made or deleted."""
    running = Operation.objects.filter(
        account=account, state__in=OPEN, kind__in=["create", "delete"]
    ).exclude(state=State.REQUESTED.value)
    return frozenset(running.exclude(provider_id="").values_list("provider_id", flat=True))


def _wanted(account: Account) -> list[Server]:
    now = clock.now()
    looked_at = Server.objects.filter(
        account=account, gone_at=None, wanted_at__gte=now - WANTED_FOR
    )
    return list(looked_at.order_by("asked_at")[:DETAILS_A_LOOK])


def _fill(server: Server, client: Client) -> None:
    try:
        seen = client.get_server(server.provider_id).server
    except NotFound:
        sync.mark_gone(server.account, server.provider_id)
        return
    if seen is not None:
        sync.apply_seen(server.account, seen, detail=True)
