"""What a receipt shows of an operation, and what its reader can do about it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from controlpanel.accounts import permissions, roles_lookup
from controlpanel.lib.scope import Scope
from controlpanel.lib.text import clean
from controlpanel.operations import answer_texts, selectors, sightings
from controlpanel.operations.models import Operation
from controlpanel.operations.states import PERMISSIONS, UNDONE, State
from controlpanel.servers.models import Server
from controlpanel.servers.selectors import choices
from controlpanel.web.core.links import server_url
from controlpanel.web.operations import meanings, sighting_texts
from controlpanel.web.operations.field_labels import FIELD_LABELS
from controlpanel.web.templatetags._units import elapsed

# Fields that name something of the catalogue by its id, and what.
_KINDS: Final[Mapping[str, str]] = {
    "location": "location",
    "plan_id": "plan",
    "os_id": "os",
    "ssh_key_id": "ssh_key",
}
_VIA: Final[Mapping[str, Promise]] = {
    "page": _l("a page of the panel"),
    "worker": _l("a worker"),
    "command": _l("the command line"),
}
# How the third step is called when it is not "accepted", and whether that is bad.
_INSTEAD: Final[Mapping[State, tuple[Promise, str]]] = {
    State.FAILED: (_l("Failed"), "failed"),
    State.CANCELLED: (_l("Cancelled"), "cancelled"),
}
_ENDED: Final[Mapping[State, tuple[Promise, str]]] = {
    State.NOT_SEEN: (_l("Not seen"), "unknown"),
    State.CLOSED: (_l("Closed"), "done"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """`state`: "done", "current", "todo", "failed", "unknown" or "cancelled"."""

    name: str
    label: str
    state: str
    at: datetime | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    field: str
    label: str
    value: str
    before: str | None = None


def context(scope: Scope, operation: Operation) -> dict[str, Any]:
    permission = PERMISSIONS[operation.kind]
    allowed = scope.allows(permission)
    left = operation.account.disconnected_at is not None
    found = candidates(scope, operation)
    role = roles_lookup.find(operation.team_id, operation.actor_role)
    return {
        "operation": operation,
        "crumbs": [_crumb(_("Operations"), reverse("operations", args=[scope.team_slug]))],
        "url": _own_url("operation", scope, operation),
        "adopt_url": _own_url("operation-adopt", scope, operation),
        "close_url": _own_url("operation-close", scope, operation),
        "moving": meanings.moves(operation),
        "title": meanings.title(operation),
        "sentence": meanings.sentence(operation),
        "meaning": meanings.meaning(operation),
        "steps": steps(operation),
        "lines": lines(scope, operation),
        "field_errors": _field_errors(operation),
        "role": role.label if role else operation.actor_role,
        "sent_with": meanings.sent_with(operation),
        "via": _via(operation),
        "server_url": _server_url(scope, operation),
        "audit_url": _audit_url(scope, operation),
        "again_url": _again_url(scope, operation) if allowed and not left else "",
        "candidates": found,
        "may_adopt": allowed and bool(found),
        "confirm_url": _own_url("operation-confirm", scope, operation),
        "confirmable": sightings.can_be_confirmed(operation),
        "may_confirm": allowed and sightings.can_be_confirmed(operation),
        "dismiss_url": _own_url("operation-dismiss", scope, operation)
        if allowed and operation.state in UNDONE and operation.noticed_at is None
        else "",
        "closable": closable(operation),
        "may_close": allowed and closable(operation),
        "right": permissions.PERMISSIONS[permission],
    }


def _via(operation: Operation) -> str:
    if operation.panel_key is not None:
        return _("the panel key “%(name)s”") % {"name": operation.key_name}
    return str(_VIA.get(operation.via, operation.via))


def steps(operation: Operation) -> list[Step]:
    """requested → sent → accepted → observed, or where it left that path."""
    state = State(operation.state)
    at = operation
    path = [Step("requested", _("Requested"), "done", at.requested_at)]
    path.append(_step("sent", _("Sent"), at.sending_at, now=state is State.REQUESTED))
    if state in _INSTEAD:
        label, mark = _INSTEAD[state]
        path.append(Step(state.value, str(label), mark, at.answered_at or at.ended_at))
        return [step for step in path if step.at]
    path.append(_answered(operation, state))
    if state is State.UNKNOWN or _was_unclear(operation):
        path += _seen(operation)
    if state in _ENDED:
        label, mark = _ENDED[state]
        return [*path, Step(state.value, str(label), mark, at.ended_at)]
    path.append(_observed(operation, state))
    return path


def lines(scope: Scope, operation: Operation) -> list[Line]:
    """What was asked for; for an edit beside what was there before."""
    names = _names(scope, operation)
    return [
        Line(
            name,
            str(FIELD_LABELS.get(name, name)),
            names.get((_KINDS.get(name, ""), str(value)), _value(value)),
            _value(operation.before[name]) if name in operation.before else None,
        )
        for name, value in operation.body.items()
    ]


def candidates(scope: Scope, operation: Operation) -> list[Server]:
    """New servers that an unknown create may have made: a person can say which."""
    if operation.kind != "create" or operation.state != State.UNKNOWN.value:
        return []
    return list(selectors.candidates_for(scope, operation)[:20])


def closable(operation: Operation) -> bool:
    """What nothing but a person can end: a reboot nobody answered for, and what is stuck."""
    lost_reboot = operation.kind == "reboot" and operation.state == State.UNKNOWN.value
    return lost_reboot or meanings.is_stuck(operation)


def _field_errors(operation: Operation) -> list[tuple[str, str]]:
    return [
        (str(FIELD_LABELS.get(name, clean(name, 60))), " ".join(clean(text, 300) for text in texts))
        for name, texts in operation.field_errors.items()
    ]


def _crumb(label: str, url: str) -> dict[str, str]:
    return {"label": label, "url": url}


def _own_url(route: str, scope: Scope, operation: Operation) -> str:
    return reverse(route, args=[scope.team_slug, operation.id])


def _step(name: str, label: str, at: datetime | None, *, now: bool) -> Step:
    return Step(name, label, "done" if at else "current" if now else "todo", at)


def _answered(operation: Operation, state: State) -> Step:
    """An answer that did not say, also where a server was found or an effect seen since."""
    if state is State.UNKNOWN or _was_unclear(operation):
        label = answer_texts.step(operation)
        return Step("unknown", label, "unknown", operation.answered_at or operation.ended_at)
    return _step("accepted", _("Accepted"), operation.answered_at, now=state is State.SENDING)


def _observed(operation: Operation, state: State) -> Step:
    waits = state is State.ACCEPTED
    label = _("Confirmed") if operation.confirmed_by else _("Observed")
    step = _step("observed", label, operation.observed_at, now=waits)
    if waits and operation.answered_at:
        so_far = _("%(time)s so far") % {"time": elapsed(operation.answered_at)}
        return replace(step, words=so_far)
    return step


def _seen(operation: Operation) -> list[Step]:
    """What VPS.org showed instead of an answer."""
    return [
        Step("seen", _("Shown: %(words)s") % {"words": sighting_texts.shown(one)}, "done", one.at)
        for one in sightings.of(operation)
    ]


def _was_unclear(operation: Operation) -> bool:
    """The code of an error stays on an operation that was settled by looking."""
    return bool(operation.code) and bool(operation.answered_at)


def _names(scope: Scope, operation: Operation) -> dict[tuple[str, str], str]:
    """ "Debian 12 (3)" for what was chosen by its id, as far as the catalogue knows it."""
    wanted = [str(operation.body[name]) for name in _KINDS if name in operation.body]
    if not wanted:
        return {}
    known = choices(scope, *_KINDS.values()).filter(account_id=operation.account_id)
    return {
        (kind, value): f"{clean(name, 120)} ({value})"
        for kind, value, name in known.filter(provider_id__in=wanted).values_list(
            "kind", "provider_id", "name"
        )
        if name and name != value
    }


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return _("on") if value else _("off")
    return _("not known") if value is None else str(value)


def _server_url(scope: Scope, operation: Operation) -> str:
    """Servers of an account that was disconnected have no page any more."""
    if not operation.provider_id or operation.account.disconnected_at:
        return ""
    return server_url(scope, operation.provider_id)


def _audit_url(scope: Scope, operation: Operation) -> str:
    if not scope.allows("audit.view"):
        return ""
    return f"{reverse('audit', args=[scope.team_slug])}?q={operation.id}"


def _again_url(scope: Scope, operation: Operation) -> str:
    """An offer to a person: nothing is ever sent again by itself."""
    if operation.is_open or operation.state == State.OBSERVED.value:
        return ""
    if operation.kind == "create":
        return f"{reverse('server-new', args=[scope.team_slug])}?again={operation.id}"
    route = {"update": "edit"}.get(operation.kind, operation.kind)
    return f"{server_url(scope, operation.provider_id)}{route}/"
