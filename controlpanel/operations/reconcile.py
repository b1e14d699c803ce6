"""What became of an operation whose answer was lost. Looks; never sends a change.

| operation | when the answer was lost |
| --- | --- |
| create | a new server of that name, plan, system and location: exactly one is adopted; |
|        | none for 10 minutes is "not seen"; several wait for a person |
| update | the sent fields are there: done; not so after 2 minutes: "not seen" |
| delete | 404: done; still there after 2 minutes: "not seen" |
| start, stop | the state says so: done; not so after 2 minutes: "not seen" |
| reboot | cannot be observed: a person closes it |
"""

from collections.abc import Mapping
from datetime import timedelta

import structlog
from django.db import transaction
from django.utils.translation import gettext as _

from controlpanel.accounts.models import Account
from controlpanel.lib import clock
from controlpanel.operations.following import FINAL, has_fields, is_gone, later
from controlpanel.operations.models import Operation
from controlpanel.operations.moves import move
from controlpanel.operations.records import record_later
from controlpanel.operations.selectors import candidates
from controlpanel.operations.states import State
from controlpanel.vpsorg.client import Client
from controlpanel.vpsorg.errors import ApiError, NotFound
from controlpanel.vpsorg.wire import ServerSeen

log = structlog.get_logger(__name__)

NOT_SEEN_AFTER = timedelta(minutes=2)
CREATE_NOT_SEEN_AFTER = timedelta(minutes=10)


def reconcile(account: Account, client: Client, servers: Mapping[str, ServerSeen]) -> None:
    """Looks after every unknown operation of the account. `servers`: a complete, believed list."""
    unknown = Operation.objects.filter(account=account, state=State.UNKNOWN.value)
    for operation in unknown.exclude(kind="reboot").select_related("account"):
        if operation.kind == "create":
            _create(operation)
            continue
        try:
            _other(operation, client, servers.get(operation.provider_id))
        except ApiError as error:
            log.warning("reconcile.failed", operation=str(operation.id), code=error.code)
            later(operation)


def _create(operation: Operation) -> None:
    found = list(candidates(operation))
    if len(found) == 1:
        _settle(
            operation,
            State.ACCEPTED,
            provider_id=found[0].provider_id,
            next_poll_at=clock.now(),
            note=_("The answer was lost; the server was found at VPS.org and adopted."),
        )
    elif found:
        _say(
            operation,
            _("Several new servers match. Say on this receipt which one it is."),
        )
    elif _is_older(operation, CREATE_NOT_SEEN_AFTER):
        _settle(
            operation,
            State.NOT_SEEN,
            note=_("Looked for during 10 minutes and not there: no server was created."),
        )
    else:
        later(operation)


def _other(operation: Operation, client: Client, seen: ServerSeen | None) -> None:
    if _is_done(operation, client, seen):
        _settle(
            operation,
            State.OBSERVED,
            note=_("The answer was lost; VPS.org shows that it was done."),
        )
    elif _is_older(operation, NOT_SEEN_AFTER):
        _settle(
            operation,
            State.NOT_SEEN,
            note=_("VPS.org shows no sign of it after 2 minutes. You may try again."),
        )
    else:
        later(operation)


def _is_done(operation: Operation, client: Client, seen: ServerSeen | None) -> bool:
    if operation.kind == "delete":
        return seen is None and is_gone(operation, client)
    if operation.kind == "update":
        return _fields_are_there(operation, client)
    return seen is not None and seen.status == FINAL[operation.kind]


def _fields_are_there(operation: Operation, client: Client) -> bool:
    try:
        server = client.get_server(operation.provider_id).server
    except NotFound:
        return False
    return server is not None and has_fields(server, operation.body.items())


def _is_older(operation: Operation, age: timedelta) -> bool:
    return clock.now() - (operation.sending_at or operation.requested_at) > age


def _settle(operation: Operation, state: State, **fields: object) -> None:
    with transaction.atomic():
        if move(operation, state, **fields):
            record_later(operation, "reconciled")


def _say(operation: Operation, note: str) -> None:
    if operation.note != note:
        Operation.objects.filter(id=operation.id, state=operation.state).update(note=note)
    later(operation)
