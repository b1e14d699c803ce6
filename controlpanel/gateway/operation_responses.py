"""What is said of a change, from its operation alone: the same whoever asks, and when."""

from typing import Final

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from controlpanel.accounts.models import Account
from controlpanel.credentials.tokens import clients
from controlpanel.gateway import upstream_errors
from controlpanel.gateway.responses import Answer, said, shown
from controlpanel.gateway.routes import BASE
from controlpanel.operations import answer_texts
from controlpanel.operations.models import Operation
from controlpanel.operations.states import State
from controlpanel.vpsorg.errors import SENTENCES

_USUAL: Final = {"create": 201}
_DONE: Final = {State.ACCEPTED.value, State.OBSERVED.value}
# What the provider answered stays what is said, whatever came of it.
_ANSWERED: Final = _DONE | {State.CLOSED.value, State.NOT_SEEN.value}
_UNKNOWN: Final = {State.UNKNOWN.value, State.NOT_SEEN.value, State.CLOSED.value}
# Codes of `runner` for what was never sent.
_FORBIDDEN: Final = {"right_gone"}


def of(operation: Operation) -> Answer:
    return _said(operation).with_headers(X_Operation=address(operation))


def lost(operation: Operation) -> Answer:
    """It was sent, and what came of it could not be written down."""
    return _unknown(operation).with_headers(X_Operation=address(operation))


def address(operation: Operation) -> str:
    """Where a script sees how it ended."""
    return f"{settings.PANEL_PUBLIC_URL}{BASE}/operations/{operation.id}/"


def receipt(operation: Operation) -> str:
    """Where a person does."""
    path = reverse("operation", args=[operation.team.slug, operation.id])
    return f"{settings.PANEL_PUBLIC_URL}{path}"


def _said(operation: Operation) -> Answer:
    state = operation.state
    if operation.provider_status and not operation.code and state in _ANSWERED:
        return Answer(operation.provider_status, operation.answer.encode())
    if state in _DONE:
        return _found_out(operation)
    if state == State.FAILED.value:
        return _failed(operation)
    if state == State.CANCELLED.value:
        return _not_sent(operation)
    if state in _UNKNOWN:
        return _unknown(operation)
    return said(
        504,
        "not_sent_yet",
        _("It is recorded and not sent yet; a worker sends it. Look at it before you repeat it."),
        operation=address(operation),
        state=state,
    )


def _found_out(operation: Operation) -> Answer:
    """The answer was lost, and it was seen later that it was done: what is known, in the shape of
    the answer that it would have been."""
    if operation.kind == "delete":
        return Answer(204)
    seen_id = operation.provider_id
    server = {"id": int(seen_id) if seen_id.isdecimal() else seen_id, "name": operation.server_name}
    message = f"{answer_texts.answered(operation)} {_('The panel found out that it was done.')}"
    more = {"message": message, "operation": address(operation)}
    if operation.kind in {"create", "update"}:
        return shown(_USUAL.get(operation.kind, 200), {**server, **more})
    return shown(200, {"status": "success", "server": server, **more})


def _unknown(operation: Operation) -> Answer:
    if operation.state == State.NOT_SEEN.value:
        words = _(
            "The panel has looked since, and VPS.org does not show that this was done. Ask for it "
            "anew, with a new Idempotency-Key."
        )
    else:
        words = _(
            "Nobody knows yet whether this was done. Do not send it again: look at the operation, "
            "the panel finds out."
        )
    words = f"{answer_texts.answered(operation)} {words}"
    state = operation.state if operation.state in _UNKNOWN else State.UNKNOWN.value
    code = operation.code or "unknown"
    return said(504, code, words, operation=address(operation), state=state)


def _failed(operation: Operation) -> Answer:
    if operation.code == "inner_failure":
        sentence, words = _(SENTENCES["inner_failure"]), operation.provider_words
        return said(422, operation.code, f"{sentence} {_('It said:')} {words}".strip())
    if operation.code == "asked_to_wait":
        return upstream_errors.asked_to_wait(_seconds_left(operation))
    if operation.provider_status:
        return upstream_errors.refused(
            operation.provider_status,
            operation.answer.encode(),
            operation.provider_words,
            operation.code,
            _seconds_left(operation) if operation.provider_status == 429 else None,
        )
    words = operation.note or _(SENTENCES.get(operation.code, ""))
    return said(503, operation.code or "not_sent", f"{words} {_('Nothing was done.')}".strip())


def _seconds_left(operation: Operation) -> int:
    """Of the wait that VPS.org asked for, as it is now: this very call may have set it."""
    return clients.seconds_left(Account.objects.get(id=operation.account_id))


def _not_sent(operation: Operation) -> Answer:
    status = 403 if operation.code in _FORBIDDEN else 409
    return said(status, operation.code or "cancelled", operation.note or _("It was never sent."))
