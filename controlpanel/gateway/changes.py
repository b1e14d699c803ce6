"""A change by a script is the same operation as one from a page: asked for, sent once, followed."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog
from django.db import DatabaseError, InterfaceError
from django.http import Http404
from django.utils.translation import gettext as _

from controlpanel.credentials.panel_keys.authentication import Entered
from controlpanel.credentials.tokens import clients
from controlpanel.gateway import operation_responses, reads, upstream_errors
from controlpanel.gateway.responses import Answer, Refusal, refuse
from controlpanel.gateway.routes import Found
from controlpanel.lib.scope import Scope
from controlpanel.operations import runner, services
from controlpanel.operations.models import Operation
from controlpanel.operations.own_changes import OwnChanges
from controlpanel.operations.services import Ask, Refused
from controlpanel.operations.states import UNANSWERED
from controlpanel.servers import labels as server_labels
from controlpanel.servers import selectors, sync
from controlpanel.servers.models import Server
from controlpanel.vpsorg.errors import ApiError

log = structlog.get_logger(__name__)

_POWER: Final[Mapping[str, Callable[[Scope, Server, Ask], Operation]]] = {
    "servers.delete": services.delete,
    "servers.start": services.start,
    "servers.stop": services.stop,
    "servers.reboot": services.reboot,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """`labels`: those that a new server is to get."""

    found: Found
    fields: Mapping[str, Any]
    reason: str = ""
    labels: str = ""

    @property
    def name(self) -> str:
        assert self.found.route is not None
        return self.found.route.name


def change(entered: Entered, wanted: Wanted, form_id: str) -> Answer:
    """Raises Refusal when nothing was asked for."""
    operation = _ask(entered, wanted, form_id)
    ends = time.monotonic() + reads.SECONDS
    try:
        operation = runner.send_within_page(operation, reads.SECONDS, wait=reads.WAIT)
    except runner.OutcomeNotWritten as lost:
        return operation_responses.lost(lost.operation)
    except (DatabaseError, InterfaceError):
        # It was not sent, but it stands there and a worker sends it: not "nothing was done".
        log.exception("gateway.not_claimed", operation=str(operation.id))
        return operation_responses.of(operation)
    return operation_responses.of(_when_sent(operation, ends))


def _when_sent(operation: Operation, ends: float) -> Operation:
    """Somebody else sends it: a worker, where too many wait, or an earlier request of the same."""
    pause = 0.02
    while operation.state in UNANSWERED and time.monotonic() < ends:
        time.sleep(pause)
        pause = min(0.25, pause * 1.5)
        operation = Operation.objects.select_related("team").get(id=operation.id)
    return operation


def _ask(entered: Entered, wanted: Wanted, form_id: str) -> Operation:
    ask = Ask(form_id, wanted.reason, by_status=False)
    try:
        if wanted.name == "servers.create":
            return _create(entered, wanted, ask)
        if wanted.labels:
            raise refuse(400, "bad_label", _("X-Labels is for new servers only."))
        server = _server(entered, wanted.found.id)
        if wanted.name in _POWER:
            return _POWER[wanted.name](entered.scope, server, ask)
        return _update(entered, server, wanted, ask)
    except Http404:
        raise reads.absent() from None
    except Refused as refused:
        raise _refusal(refused) from None


def _create(entered: Entered, wanted: Wanted, ask: Ask) -> Operation:
    try:
        chosen = server_labels.read(wanted.labels)
    except server_labels.LabelRefused as refusal:
        raise refuse(400, "bad_label", str(refusal)) from None
    reach = entered.scope.reach
    if not chosen and len(reach.labels) == 1:
        chosen = reach.labels  # who is there for one label has nothing to choose
    return services.create(
        entered.scope, entered.key.account, dict(wanted.fields), ask, labels=chosen
    )


def _update(entered: Entered, server: Server, wanted: Wanted, ask: Ask) -> Operation:
    before = {name: getattr(server, name) for name in wanted.fields}
    return services.update(
        entered.scope,
        server,
        dict(wanted.fields),
        before,
        ask,
        replaces=wanted.name == "servers.replace",
    )


def _server(entered: Entered, provider_id: str) -> Server:
    """Raises Http404, Refusal. One that somebody made a moment ago is not in the mirror yet."""
    account, scope = entered.key.account, entered.scope
    near = selectors.visible(scope).filter(account_id=account.id, provider_id=provider_id)
    server = near.filter(gone_at=None).first()
    if server is None and scope.reach.is_all:
        server = _looked_for(entered, provider_id)
    if server is None:
        raise Http404
    return server


def _looked_for(entered: Entered, provider_id: str) -> Server | None:
    """Raises Refusal, in the provider's words where it says that there is no such server."""
    account = entered.key.account
    try:
        with (
            clients.page_slot(reads.WAIT),
            clients.sync_client(account, reads.SECONDS / 2) as client,
        ):
            seen = client.get_server(provider_id).server
    except (ApiError, clients.NoClient, clients.Busy) as error:
        raise upstream_errors.of_read(error) from None
    return sync.apply_seen(account, seen, detail=True, own=OwnChanges(account)) if seen else None


def _refusal(refused: Refused) -> Refusal:
    """The panel itself says no, and nothing was sent."""
    operation = refused.operation
    where = (
        {
            "operation": operation_responses.address(operation),
            "receipt": operation_responses.receipt(operation),
        }
        if operation
        else {}
    )
    if refused.field == "reason":
        words = f"{refused} {_('Send it in the header X-Reason.')}"
        return refuse(400, "reason_required", words)
    return refuse(409, refused.code, str(refused), None, **where)
