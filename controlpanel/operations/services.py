"""Asking for a change: the row and its intent event, in one short transaction.

No record, no call.
"""

from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.http import Http404
from django.utils.translation import gettext as _

from controlpanel.accounts.models import Account, TeamPolicy
from controlpanel.accounts.selectors import is_connected
from controlpanel.accounts.teams import team_policies
from controlpanel.credentials.tokens.selectors import changeable
from controlpanel.lib import clock
from controlpanel.lib.scope import Scope
from controlpanel.lib.text import clean
from controlpanel.operations import new_server_labels
from controlpanel.operations.asking import Ask as Ask
from controlpanel.operations.asking import Refused as Refused
from controlpanel.operations.asking import SentBefore as SentBefore
from controlpanel.operations.audit_events import record_adopted, record_closed, record_intent
from controlpanel.operations.checks import preconditions, same_form, target_check
from controlpanel.operations.models import IS_OPEN, Operation
from controlpanel.operations.selectors import of_form
from controlpanel.operations.states import PERMISSIONS, UNANSWERED, State
from controlpanel.operations.transitions import can_move, move
from controlpanel.servers import identity
from controlpanel.servers import labels as server_labels
from controlpanel.servers.models import Server
from controlpanel.servers.selectors import is_within


class NotAllowed(Exception):
    """The door was not asked for this right: a mistake in the code, never a person's."""


@dataclass(frozen=True, slots=True)
class _Change:
    kind: str
    account: Account
    server_name: str
    provider_id: str = ""
    body: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)
    labels: frozenset[str] = frozenset()
    replaces: bool = False


def sent_before(scope: Scope, ask: Ask) -> Operation | None:
    """What was asked for with this very form. Raises SentBefore where the form asks for more than
    its receipt once again."""
    earlier = of_form(scope, ask.form_id)
    if earlier and not same_form.is_repeat(earlier, ask.content):
        raise SentBefore(same_form.sentence(), earlier, code="sent_before")
    return earlier


def create(
    scope: Scope,
    account: Account,
    body: dict[str, Any],
    ask: Ask,
    labels: frozenset[str] = frozenset(),
) -> Operation:
    """`body`: the documented fields that were given, validated. `labels`: the panel's own, put
    on the server as soon as it is known. Raises Refused."""
    name = str(body.get("name", ""))
    return _ask(scope, _Change("create", account, name, body=body, labels=labels), ask)


def update(
    scope: Scope,
    server: Server,
    changes: dict[str, Any],
    before: dict[str, Any],
    ask: Ask,
    *,
    replaces: bool = False,
) -> Operation:
    """`changes`: only the fields that differ; `before`: the same fields as last read. `replaces`:
    by PUT, which VPS.org documents for all three fields together."""
    change = _of(server, "update", body=changes, before=before)
    return _ask(scope, replace(change, replaces=replaces), ask)


def delete(scope: Scope, server: Server, ask: Ask) -> Operation:
    """A person has confirmed what the page calls it; a script names it by its id."""
    before = target_check.meant(server, confirmed=ask.by_status)
    return _ask(scope, _of(server, "delete", before=before), ask)


def start(scope: Scope, server: Server, ask: Ask) -> Operation:
    return _ask(scope, _of(server, "start"), ask)


def stop(scope: Scope, server: Server, ask: Ask) -> Operation:
    return _ask(scope, _of(server, "stop"), ask)


def reboot(scope: Scope, server: Server, ask: Ask) -> Operation:
    return _ask(scope, _of(server, "reboot"), ask)


def close(scope: Scope, operation: Operation, note: str) -> bool:
    """A person ends what nobody can observe any more. False if it had already ended."""
    insist(scope, operation.kind, operation.team_id)
    with transaction.atomic():
        if not still_moves(operation, State.CLOSED, note=clean(note, 500)):
            return False
        record_closed(scope, operation, note)
    return True


def adopt(scope: Scope, operation: Operation, server: Server) -> bool:
    """A person says which of several new servers an unknown create made."""
    insist(scope, operation.kind, operation.team_id)
    note = _("%(person)s said that this is the server.") % {"person": scope.actor.name}
    with transaction.atomic():
        if not still_moves(
            operation,
            State.ACCEPTED,
            provider_id=server.provider_id,
            next_poll_at=clock.now(),
            polls=0,
            note=note,
        ):
            return False
        new_server_labels.give(operation)
        record_adopted(scope, operation)
    return True


def insist(scope: Scope, kind: str, team_id: UUID) -> None:
    """Raises NotAllowed unless the door gave the right to this kind of change in this team."""
    permission = PERMISSIONS[kind]
    if not scope.allows(permission) or team_id != scope.team_id:
        raise NotAllowed(permission)


def still_moves(operation: Operation, new: State, **fields: Any) -> bool:
    """A person acts on a page that may be old: what has ended meanwhile is no mistake."""
    return can_move(operation, new) and move(operation, new, **fields)


def _of(
    server: Server,
    kind: str,
    body: dict[str, Any] | None = None,
    before: dict[str, Any] | None = None,
) -> _Change:
    return _Change(
        kind,
        server.account,
        str(server),
        server.provider_id,
        body or {},
        before or {},
        server_labels.of(server),
    )


def _ask(scope: Scope, change: _Change, ask: Ask) -> Operation:
    insist(scope, change.kind, change.account.team_id)
    try:
        return _asked(scope, change, ask)
    except IntegrityError:
        # The same form, sent for two accounts at once.
        earlier = sent_before(scope, ask)
        if earlier is None:
            raise
        return earlier


def _asked(scope: Scope, change: _Change, ask: Ask) -> Operation:
    with transaction.atomic():
        # One asker at a time per account, or two creates of one name could pass side by side.
        # As it is now: it may have been disconnected, and its team closed, since the page was made.
        account = Account.objects.select_for_update().get(id=change.account.id)
        change = replace(change, account=account)
        earlier = sent_before(scope, ask)
        if earlier:
            return earlier
        _refuse_what_cannot_be(scope, change, ask)
        _refuse_without_reason(change, ask, team_policies.of(scope.team_id))
        operation = _new(scope, change, ask)
        operation.save(force_insert=True)
        record_intent(scope, operation)
    return operation


def _refuse_what_cannot_be(scope: Scope, change: _Change, ask: Ask) -> None:
    account = change.account
    if account.disconnected_at:
        raise Refused(
            _("This account was disconnected, so nothing can be changed there."),
            code="disconnected",
        )
    if not is_connected(account):
        raise Refused(
            _("This account belongs to another API address; nothing can be changed there."),
            code="disconnected",
        )
    if not account.writable:
        raise Refused(preconditions.second_dialect(), code="read_only")
    twin = identity.older_twin(account)
    if twin:
        raise Refused(preconditions.second_of(twin), code="read_only")
    if account.id not in changeable(scope.team_id, scope.user_id):
        raise Refused(preconditions.no_token(), code="no_token")
    if change.kind == "create":
        _refuse(preconditions.out_of_reach(scope.reach, change.labels), "out_of_reach")
        if refused := preconditions.decides_access(scope, change.labels):
            raise Refused(refused, field="labels", code="label_decides_access")
        _refuse_second_create(change, ask)
        return
    known = Server.objects.filter(account=account, provider_id=change.provider_id)
    server = known.select_related("account").first()
    if server is None or not is_within(scope.reach, server):
        # It left this person's reach while they looked at it: absent, as everywhere.
        raise Http404
    is_unsettled = _refuse_crossing(change, ask)
    _refuse(preconditions.lock_in_doubt(change.kind, account, server.provider_id), "locked")
    code = "locked" if server.held_by else "conflict"
    why = preconditions.illegal(
        change.kind, server, by_status=ask.by_status, is_unsettled=is_unsettled
    )
    _refuse(why, code)


def _refuse_without_reason(change: _Change, ask: Ask, policy: TeamPolicy) -> None:
    wanted = preconditions.reason(policy, change.kind, change.labels)
    if wanted and not clean(ask.reason, 500):
        raise Refused(wanted, field="reason")


def _refuse(sentence: str, code: str) -> None:
    if sentence:
        raise Refused(sentence, code=code)


def _stands_in_the_way(operation: Operation, ask: Ask) -> bool:
    """For a script, while not even the answer is known."""
    return ask.by_status or operation.state != State.ACCEPTED.value


def _refuse_second_create(change: _Change, ask: Ask) -> None:
    """A create whose answer was lost may have bought a server, and a person who goes back to the
    form and sends it once more means the same one: no second of that name meanwhile."""
    found = Operation.objects.filter(
        IS_OPEN, account=change.account, kind="create", server_name=change.server_name
    )
    running = next((one for one in found if _stands_in_the_way(one, ask)), None)
    if running:
        raise Refused(
            _(
                "A server named “%(name)s” is already being created and VPS.org does not show it "
                "in service yet. Wait until its receipt says how it ended."
            )
            % {"name": change.server_name},
            running,
            code="already_creating",
        )


def _refuse_crossing(change: _Change, ask: Ask) -> bool:
    """Whether there is one among the open changes of this server whose end nobody knows."""
    found = list(
        Operation.objects.filter(IS_OPEN, account=change.account, provider_id=change.provider_id)
    )
    for operation in found:
        if operation.state in UNANSWERED:
            raise Refused(
                _("Another change of this server is being sent right now. Wait for its receipt."),
                operation,
                code="already_sending",
            )
    for operation in found:
        if operation.kind == "delete" and _stands_in_the_way(operation, ask):
            is_unknown = operation.state == State.UNKNOWN.value
            raise Refused(
                preconditions.being_deleted(is_unknown=is_unknown),
                operation,
                code="already_deleting",
            )
    return any(operation.state == State.UNKNOWN.value for operation in found)


def _new(scope: Scope, change: _Change, ask: Ask) -> Operation:
    return Operation(
        team_id=scope.team_id,
        account=change.account,
        kind=change.kind,
        user_id=scope.user_id,
        actor_id=scope.actor.id,
        actor_name=scope.actor.name,
        actor_role=scope.actor.role,
        via=scope.origin.via,
        address=scope.origin.address,
        user_agent=scope.origin.user_agent,
        request_id=scope.origin.request_id,
        panel_key=scope.key_id,
        key_name=scope.origin.key,
        reason=clean(ask.reason, 500),
        form_id=ask.form_id,
        form_content=same_form.kept(ask.content),
        provider_id=change.provider_id,
        server_name=clean(change.server_name, 255),
        body=change.body,
        replaces=change.replaces,
        before=change.before,
        labels=server_labels.to_text(change.labels),
    )
