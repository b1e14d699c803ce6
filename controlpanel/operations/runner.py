"""Does what an operation asks for: claims the row, checks once more, sends once, writes the answer.

No network I/O happens inside a transaction. Whatever this process does not live to write, the
sweeper turns into "unknown", and reconciliation looks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from django.db import transaction
from django.utils.translation import gettext as _

from controlpanel.accounts import access
from controlpanel.audit.log import read_only
from controlpanel.credentials.models import Credential
from controlpanel.credentials.panel_keys import authentication
from controlpanel.credentials.tokens import clients, service_tokens
from controlpanel.lib import clock, request_id
from controlpanel.lib.scope import Scope
from controlpanel.operations import new_server_labels
from controlpanel.operations.audit_events import can_record_outcome, record_later, record_outcome
from controlpanel.operations.checks import preconditions, target_check
from controlpanel.operations.models import Operation
from controlpanel.operations.own_changes import OwnChanges
from controlpanel.operations.states import PERMISSIONS, State
from controlpanel.operations.transitions import can_move, move
from controlpanel.outgoing.enqueue import enqueue
from controlpanel.servers import identity, labels, sync
from controlpanel.servers.models import Server
from controlpanel.servers.selectors import is_within
from controlpanel.vpsorg.client import Client
from controlpanel.vpsorg.errors import Ambiguous, ApiError
from controlpanel.vpsorg.wire import Answer, PowerAnswer, ServerAnswer, ServerSeen

log = structlog.get_logger(__name__)

FIRST_POLL = timedelta(seconds=2)


class OutcomeNotWritten(Exception):
    """The call was made and what came of it could not be written: for the person, unknown."""

    def __init__(self, operation: Operation) -> None:
        super().__init__(str(operation.id))
        self.operation = operation


@dataclass(frozen=True, slots=True)
class _Outcome:
    state: State
    fields: Mapping[str, Any] = field(default_factory=dict)
    # Brings into the mirror what the answer showed.
    mirror: Callable[[], object] | None = None


def send_within_page(
    operation: Operation, seconds: float | None = None, *, wait: float = 0.0
) -> Operation:
    """Sends now, in the request; leaves the row to a worker when too many requests wait.

    `seconds`: what is left of the page's time, when some of it was used already. `wait`: so long
    for a place among those that wait.
    """
    try:
        with clients.page_slot(wait):
            return _send(operation, seconds or clients.PAGE_SECONDS)
    except clients.Busy:
        enqueue("operations.tasks.send", str(operation.id), request_id.current())
        return operation


def send(operation_id: UUID) -> Operation:
    """Sends from a worker, if what comes of it could be written: the wish was, a while ago."""
    operation = Operation.objects.select_related("account").get(id=operation_id)
    if operation.state != State.REQUESTED.value or not can_record_outcome(operation):
        return operation
    return _send(operation, clients.WORKER_SECONDS)


def _send(operation: Operation, seconds: float) -> Operation:
    if operation.state != State.REQUESTED.value or read_only.closed():
        return operation
    if not move(operation, State.SENDING):
        return Operation.objects.get(id=operation.id)
    with request_id.bound(operation.request_id or request_id.current()):
        try:
            _write(operation, _attempt(operation, seconds))
        except Exception as error:
            # The call may have been made: never "nothing was done". The sweeper takes it on.
            log.exception("operation.outcome_not_written", operation=str(operation.id))
            raise OutcomeNotWritten(operation) from error
        if operation.state == State.ACCEPTED.value:
            sync.answered(operation.account)
    return operation


def _attempt(operation: Operation, seconds: float) -> _Outcome:
    forbidden = _forbidden(operation)
    if forbidden:
        return forbidden
    assert operation.user_id is not None  # scope_at_work found the person

    def lent(credential: Credential) -> None:
        """Written before it is sent: whatever happens to this process, it is known with what."""
        operation.service_token = service_tokens.shown(credential)
        operation.save(update_fields=["service_token"])

    try:
        with clients.persons_client(operation.user_id, operation.account, seconds, lent) as client:
            return _CALLS[operation.kind](client, operation)
    except clients.NoClient as missing:
        return _cancelled(missing.code, _no_client_words(missing.code))
    except ApiError as error:
        return _from_error(error)


def _forbidden(operation: Operation) -> _Outcome | None:
    """Policy, membership, reach and lock, asked once more at the moment of sending."""
    scope = _scope_now(operation)
    gone = _cancelled(
        "right_gone",
        _(
            "The right to do this was withdrawn before it was sent, or the team asks for a second "
            "step at sign-in that is missing. See “What you may do” before you ask again."
        ),
    )
    if scope is None:
        return gone
    twin = identity.older_twin(operation.account)
    if twin:
        return _cancelled("read_only", preconditions.second_of(twin))
    if operation.kind == "create":
        wanted = labels.from_text(operation.labels)
        refused = preconditions.out_of_reach(scope.reach, wanted) or preconditions.decides_access(
            scope, wanted
        )
        return gone if refused else None
    server = (
        Server.objects.select_related("account")
        .filter(account=operation.account, provider_id=operation.provider_id)
        .first()
    )
    if server is None or not is_within(scope.reach, server):
        return gone
    held = server.held_by
    if held and held.refuses(operation.kind):
        return _cancelled("locked", preconditions.locked(held))
    in_doubt = preconditions.lock_in_doubt(operation.kind, operation.account, server.provider_id)
    return _cancelled("locked", in_doubt) if in_doubt else None


def _scope_now(operation: Operation) -> Scope | None:
    permission = PERMISSIONS[operation.kind]
    if operation.panel_key is not None:
        return authentication.at_work(operation.panel_key, permission)
    return access.scope_at_work(operation.user_id, operation.team_id, permission)


def _write(operation: Operation, outcome: _Outcome) -> None:
    with transaction.atomic():
        moved = move(operation, outcome.state, **_kept(operation, outcome.fields))
        if not moved and not _write_late(operation, outcome):
            return
        if outcome.mirror:
            outcome.mirror()
        new_server_labels.give(operation)
        if moved:
            record_outcome(operation)
        else:  # the sweeper has recorded the one outcome there is: unknown
            record_later(operation, "reconciled")


def _write_late(operation: Operation, outcome: _Outcome) -> bool:
    """The sweeper took this process for dead, but here is the answer. False if there is nothing
    to add: what came of it is still unknown, or was found out meanwhile."""
    operation.refresh_from_db()
    answer = {"code": "", "note": "", **_kept(operation, outcome.fields)}
    return can_move(operation, outcome.state) and move(operation, outcome.state, **answer)


def _kept(operation: Operation, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """A script gets the provider's own answer, also when it asks once more; pages need none."""
    return fields if operation.panel_key else {k: v for k, v in fields.items() if k != "answer"}


def _create(client: Client, operation: Operation) -> _Outcome:
    answer = client.create_server(operation.body)
    if answer.server and _is_known(operation, answer.server.id):
        # An answer about a server that was there before says nothing about the new one.
        raise Ambiguous("unreadable", status=answer.answer.status)
    return _shown(operation, answer)


def _update(client: Client, operation: Operation) -> _Outcome:
    call = client.replace_server if operation.replaces else client.update_server
    return _shown(operation, call(operation.provider_id, operation.body))


def _delete(client: Client, operation: Operation) -> _Outcome:
    seen = target_check.fetch(client, operation)
    if target_check.is_another(operation, seen):
        return _changed_meanwhile(operation, seen)
    # The read took its time: a lock or a removal of meanwhile holds.
    forbidden = _forbidden(operation)
    if forbidden:
        return forbidden
    answer = client.delete_server(operation.provider_id)
    return _accepted(_said(answer))


def _changed_meanwhile(operation: Operation, seen: ServerSeen) -> _Outcome:
    account = operation.account
    note = _(
        "VPS.org shows another name or another time of creation for this id than the server had "
        "that was to be deleted, so the deletion was not sent."
    )
    return replace(
        _cancelled("changed_meanwhile", note),
        mirror=lambda: sync.apply_seen(account, seen, detail=True, own=OwnChanges(account)),
    )


def _start(client: Client, operation: Operation) -> _Outcome:
    return _power(operation, client.start_server(operation.provider_id))


def _stop(client: Client, operation: Operation) -> _Outcome:
    return _power(operation, client.stop_server(operation.provider_id))


def _reboot(client: Client, operation: Operation) -> _Outcome:
    return _power(operation, client.reboot_server(operation.provider_id))


_CALLS: Final[Mapping[str, Callable[[Client, Operation], _Outcome]]] = {
    "create": _create,
    "update": _update,
    "delete": _delete,
    "start": _start,
    "stop": _stop,
    "reboot": _reboot,
}


def _power(operation: Operation, answer: PowerAnswer) -> _Outcome:
    status = answer.server_status
    fields = _said(answer.answer)
    if not status:
        return _accepted(fields)
    account, provider_id = operation.account, operation.provider_id
    return _accepted(fields, lambda: sync.apply_status(account, provider_id, status))


def _shown(operation: Operation, answer: ServerAnswer) -> _Outcome:
    """An answer that may show the server: its id is the operation's from now on."""
    server, account = answer.server, operation.account
    fields = _said(answer.answer)
    if server is None:
        return _accepted(fields)
    return _accepted(
        {**fields, "provider_id": server.id},
        lambda: sync.apply_seen(account, server, detail=False, own=OwnChanges(account)),
    )


def _said(answer: Answer) -> dict[str, Any]:
    return {
        "provider_status": answer.status,
        "provider_words": answer.words,
        "answer": answer.content.decode(),
    }


def _is_known(operation: Operation, provider_id: str) -> bool:
    """Known before it was sent: a list may show a new server before its own answer arrives."""
    return Server.objects.filter(
        account=operation.account,
        provider_id=provider_id,
        first_seen_at__lt=operation.sending_at or operation.requested_at,
    ).exists()


def _accepted(fields: Mapping[str, Any], mirror: Callable[[], object] | None = None) -> _Outcome:
    look = {"next_poll_at": clock.now() + FIRST_POLL}
    return _Outcome(State.ACCEPTED, {**fields, **look}, mirror)


def _cancelled(code: str, note: str) -> _Outcome:
    return _Outcome(State.CANCELLED, {"code": code, "note": note})


def _from_error(error: ApiError) -> _Outcome:
    if isinstance(error, target_check.NotShown):
        not_sent = {"code": "not_sent", "provider_words": error.words, "note": error.note}
        return _Outcome(State.FAILED, not_sent)
    fields = {
        "code": error.code,
        "provider_status": error.status,
        "provider_words": error.words,
        "field_errors": error.fields,
        "answer": error.content.decode(),
    }
    if error.sent == "ambiguous":
        return _Outcome(State.UNKNOWN, {**fields, "next_poll_at": clock.now() + FIRST_POLL})
    return _Outcome(State.FAILED, fields)


def _no_client_words(code: str) -> str:
    if code == "token_unreadable":
        return _(
            "The API token for this could not be read. Whose it is can replace it under API tokens."
        )
    if code == "disconnected":
        return _("This account belongs to another API address.")
    return _(
        "The API token for this was removed or withdrawn before it was sent. Add one of your own "
        "under API tokens, then ask again."
    )
