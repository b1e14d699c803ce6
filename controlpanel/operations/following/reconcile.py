"""What became of an operation to which no clear answer came. Looks; never sends a change.

| operation | when no clear answer came |
| --- | --- |
| create | a new server of that name, plan, system and location: exactly one is adopted; |
|        | none for 10 minutes is "not seen"; several wait for a person, and so does one of |
|        | that name that differs: it may be the one, and a second would cost twice |
| update | the sent fields are there: done; not so after 2 minutes: "not seen" |
| delete | 404: done; still there after 2 minutes: "not seen" |
| start, stop | the state says so: done; not so after 2 minutes: "not seen", but not before 10 |
|        | minutes have passed since VPS.org last showed it under way |
| reboot | the end is no proof: what VPS.org shows is kept for 10 minutes, and a person says |
|        | from that whether it was done, or closes it |
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from controlpanel.accounts.models import Account
from controlpanel.lib import clock
from controlpanel.operations import new_server_labels, sightings
from controlpanel.operations.audit_events import record_later
from controlpanel.operations.following.observing import (
    each,
    has_fields,
    is_due,
    is_gone,
    later_if_due,
)
from controlpanel.operations.models import IS_OPEN, Operation
from controlpanel.operations.selectors import candidates, is_as_asked
from controlpanel.operations.states import FINAL, State
from controlpanel.operations.transitions import move
from controlpanel.vpsorg.client import Client
from controlpanel.vpsorg.errors import NotFound
from controlpanel.vpsorg.wire import ServerSeen

NOT_SEEN_AFTER = timedelta(minutes=2)
CREATE_NOT_SEEN_AFTER = timedelta(minutes=10)
# What was under way so lately may still come to its end.
UNDER_WAY_FOR = timedelta(minutes=10)
# So long after it was sent, what VPS.org shows may be a reboot's doing.
REBOOT_WATCHED_FOR = timedelta(minutes=10)


def reconcile(
    account: Account, client: Client, servers: Mapping[str, ServerSeen], asked_at: datetime
) -> None:
    """Looks after the unknown operations of the account. `servers`: a complete, believed list,
    asked for at `asked_at`: it says nothing about what was sent after that."""

    def one(operation: Operation) -> None:
        if operation.kind == "create":
            _create(operation, asked_at)
        elif operation.kind == "reboot":
            _reboot(operation, asked_at)
        else:
            _other(operation, client, servers.get(operation.provider_id), asked_at)

    unknown = Operation.objects.filter(IS_OPEN, account=account, state=State.UNKNOWN.value)
    each(unknown.exclude(answered_at__gte=asked_at), client, one)


def _create(operation: Operation, asked_at: datetime) -> None:
    found = list(candidates(operation))
    sure = [server for server in found if is_as_asked(operation, server)]
    if len(sure) == 1:
        _settle(
            operation,
            State.ACCEPTED,
            provider_id=sure[0].provider_id,
            next_poll_at=clock.now(),
            polls=0,
            note=_("No clear answer came; the server was found at VPS.org and adopted."),
        )
    elif sure:
        _say(
            operation,
            _("Several new servers match. Say on this receipt which one it is."),
        )
    elif found:
        _say(
            operation,
            _(
                "A new server of this name is there, but not quite as it was asked for. "
                "Say on this receipt whether it is the one."
            ),
        )
    elif _is_missing(operation, asked_at):
        _settle(
            operation,
            State.NOT_SEEN,
            note=_("Looked for until 10 minutes later, and not in VPS.org's list."),
        )
    else:
        later_if_due(operation)


def _is_missing(operation: Operation, asked_at: datetime) -> bool:
    """Not in this list nor in one before it: right after an outage a single one may be stale."""
    overdue = _is_older(operation, CREATE_NOT_SEEN_AFTER, asked_at)
    return overdue and operation.polls > 0 and is_due(operation)


def _reboot(operation: Operation, asked_at: datetime) -> None:
    """Never settled by looking; see `sightings`. After a while it waits for a person alone."""
    if operation.next_poll_at is None:
        return
    if not _is_older(operation, REBOOT_WATCHED_FOR, asked_at):
        later_if_due(operation)
        return
    open_still = Operation.objects.filter(id=operation.id, state=operation.state)
    open_still.update(next_poll_at=None)


def _other(
    operation: Operation, client: Client, seen: ServerSeen | None, asked_at: datetime
) -> None:
    overdue = _is_older(operation, NOT_SEEN_AFTER, asked_at)
    overdue = overdue and not sightings.is_under_way(operation, UNDER_WAY_FOR)
    if _is_done(operation, client, seen, ask=overdue):
        _settle(
            operation,
            State.OBSERVED,
            note=_("No clear answer came; VPS.org shows that it was done."),
        )
    elif overdue:
        _settle(
            operation,
            State.NOT_SEEN,
            note=_not_seen(operation),
        )
    else:
        later_if_due(operation)


def _not_seen(operation: Operation) -> str:
    """Read again: the last poll may have shown more."""
    operation.refresh_from_db(fields=["seen"])
    shown = sightings.words(operation)
    if sightings.signs(operation) and shown:
        return _("VPS.org showed the server as %(words)s. You may try again.") % {
            "words": sightings.one_after_another(shown)
        }
    return _("VPS.org shows no sign of it after 2 minutes. You may try again.")


def _is_done(operation: Operation, client: Client, seen: ServerSeen | None, *, ask: bool) -> bool:
    """`ask`: what the list does not show is asked of the server itself, since lists may be stale
    and this is the last word."""
    if operation.kind == "delete":
        return (seen is None or ask) and is_gone(operation, client)
    if operation.kind == "update":
        server = _shown(operation, client)
        return server is not None and has_fields(server, operation.body.items())
    wanted = FINAL[operation.kind]
    if ask and (seen is None or seen.status != wanted):
        seen = _shown(operation, client)
    return seen is not None and seen.status == wanted


def _shown(operation: Operation, client: Client) -> ServerSeen | None:
    try:
        return client.get_server(operation.provider_id).server
    except NotFound:
        return None


def _is_older(operation: Operation, age: timedelta, at: datetime) -> bool:
    return at - (operation.sending_at or operation.requested_at) > age


def _settle(operation: Operation, state: State, **fields: object) -> None:
    with transaction.atomic():
        if move(operation, state, **fields):
            new_server_labels.give(operation)
            record_later(operation, "reconciled")


def _say(operation: Operation, note: str) -> None:
    if operation.note != note:
        Operation.objects.filter(id=operation.id, state=operation.state).update(note=note)
    later_if_due(operation)
