"""Follows what the provider accepted until it is observed there."""

import random
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import QuerySet

from controlpanel.accounts.models import Account
from controlpanel.lib import clock
from controlpanel.operations import sightings
from controlpanel.operations.audit_events import record_later
from controlpanel.operations.following import unseen
from controlpanel.operations.models import IS_OPEN, Operation
from controlpanel.operations.own_changes import OwnChanges
from controlpanel.operations.states import FINAL, State
from controlpanel.operations.transitions import move
from controlpanel.servers import sync
from controlpanel.servers.models import Server
from controlpanel.servers.same import same
from controlpanel.vpsorg.client import Client
from controlpanel.vpsorg.errors import ApiError, NotFound, TooManyRequests, Unauthorized
from controlpanel.vpsorg.wire import ServerSeen

log = structlog.get_logger(__name__)

_SHORTEST, _LONGEST, _FACTOR = 5.0, 60.0, 1.5
_STEPS = 10  # then it is the longest; an operation may be followed for days


def follow(
    account: Account, client: Client, servers: Mapping[str, ServerSeen], asked_at: datetime
) -> None:
    """Holds the accepted operations of the account against a list that was asked for then."""
    accepted = Operation.objects.filter(IS_OPEN, account=account, state=State.ACCEPTED.value)
    each(
        # A list says nothing about what was accepted after it was asked for.
        accepted.exclude(answered_at__gte=asked_at),
        client,
        lambda operation: _follow(operation, client, servers.get(operation.provider_id)),
    )


def each(operations: QuerySet[Operation], client: Client, do: Callable[[Operation], None]) -> None:
    """One server that does not answer must not hold up the others. What there was no time left
    for stays due, and comes first the next time."""
    for operation in operations.select_related("account").order_by("next_poll_at"):
        try:
            do(operation)
        except (TooManyRequests, Unauthorized):
            raise  # true of the whole account
        except ApiError as error:
            if error.sent == "never" and client.seconds_left <= 0:
                continue
            log.warning("follow.failed", operation=str(operation.id), code=error.code)
            later(operation)


def _follow(operation: Operation, client: Client, seen: ServerSeen | None) -> None:
    if _is_observed(operation, client, seen):
        observed(operation)
    elif unseen.is_overdue(operation) and is_due(operation):
        _last_word(operation, client)
    else:
        later_if_due(operation)


def _last_word(operation: Operation, client: Client) -> None:
    """From the server's own address: a list may be stale."""
    account, asked_at = operation.account, clock.now()
    try:
        server = client.get_server(operation.provider_id).server
    except NotFound:
        sync.mark_gone(account, operation.provider_id, OwnChanges(account))
        if operation.kind == "delete":
            observed(operation)
        else:
            _not_seen(operation, None)
        return
    if server is None:
        later(operation)
        return
    sync.apply_seen(account, server, detail=True, own=OwnChanges(account))
    sightings.note(account, {server.id: server}, asked_at)
    if _shows(operation, server):
        observed(operation)
    elif unseen.is_under_way(operation, server):
        later(operation)
    else:
        _not_seen(operation, server)


def _shows(operation: Operation, server: ServerSeen) -> bool:
    if operation.kind == "update":
        return has_fields(server, operation.body.items())
    return server.status == FINAL.get(operation.kind)


def _not_seen(operation: Operation, server: ServerSeen | None) -> None:
    with transaction.atomic():
        if move(operation, State.NOT_SEEN, note=unseen.instead(operation, server)):
            record_later(operation, "observed")


def observed(operation: Operation) -> None:
    with transaction.atomic():
        if move(operation, State.OBSERVED):
            record_later(operation, "observed")


def later(operation: Operation) -> None:
    """Back off, with jitter, so that many operations do not ask in step."""
    pause = min(_LONGEST, _SHORTEST * _FACTOR ** min(operation.polls, _STEPS))
    pause *= random.uniform(0.8, 1.2)  # noqa: S311 spreads load, guards nothing
    Operation.objects.filter(id=operation.id, state=operation.state).update(
        polls=operation.polls + 1, next_poll_at=clock.now() + timedelta(seconds=pause)
    )


def later_if_due(operation: Operation) -> None:
    """However often pages look meanwhile."""
    if is_due(operation):
        later(operation)


def is_due(operation: Operation) -> bool:
    return operation.next_poll_at is None or operation.next_poll_at <= clock.now()


def _is_observed(operation: Operation, client: Client, seen: ServerSeen | None) -> bool:
    if operation.kind == "delete":
        return (seen is None or is_due(operation)) and is_gone(operation, client)
    if operation.kind == "update":
        return _shows_fields(operation, client, seen)
    if seen is None:
        return False
    if operation.kind == "create":
        return bool(seen.status) and seen.status not in Server.MOVING
    return seen.status == FINAL[operation.kind]


def is_gone(operation: Operation, client: Client) -> bool:
    """A list may be stale or cut, whether it shows it or not: only the server's own 404 counts."""
    try:
        client.get_server(operation.provider_id)
    except NotFound:
        sync.mark_gone(operation.account, operation.provider_id, OwnChanges(operation.account))
        return True
    return False


def _shows_fields(operation: Operation, client: Client, seen: ServerSeen | None) -> bool:
    """`backups_enabled` stands only in the detail."""
    if seen is None or not is_due(operation):
        return False
    server = client.get_server(operation.provider_id).server
    if server is None:
        return False
    sync.apply_seen(operation.account, server, detail=True, own=OwnChanges(operation.account))
    return has_fields(server, operation.body.items())


def has_fields(server: ServerSeen, fields: Iterable[tuple[str, object]]) -> bool:
    return all(same(name, getattr(server, name), value) for name, value in fields)
