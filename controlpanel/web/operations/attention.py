"""What a page says first: changes that nobody knows the end of, and changes that were not done."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.urls import reverse

from controlpanel.lib.scope import Scope
from controlpanel.operations import sightings
from controlpanel.operations.models import Operation
from controlpanel.operations.states import PERMISSIONS, UNDONE, State
from controlpanel.servers.models import Server
from controlpanel.web.core import text as core_text
from controlpanel.web.core.links import receipt_url, server_url
from controlpanel.web.operations import meanings


@dataclass(frozen=True, slots=True)
class Notice:
    """`dismiss_url` and `confirm_url` are empty for what cannot be dismissed or confirmed, or not
    by this person."""

    operation: Operation
    tone: str
    title: str
    text: str
    url: str
    dismiss_url: str
    confirm_url: str = ""


def notices(scope: Scope, operations: Iterable[Operation]) -> list[Notice]:
    return [_notice(scope, operation) for operation in operations]


def _notice(scope: Scope, operation: Operation) -> Notice:
    meaning = meanings.meaning(operation)
    may = scope.allows(PERMISSIONS[operation.kind])
    where = [scope.team_slug, operation.id]
    is_undone, is_seen = operation.state in UNDONE, sightings.can_be_confirmed(operation)
    return Notice(
        operation,
        meaning.tone,
        f"{meanings.sentence(operation)}. {meaning.headline}",
        meaning.meaning,
        receipt_url(scope, operation),
        reverse("operation-dismiss", args=where) if may and is_undone else "",
        reverse("operation-confirm", args=where) if may and is_seen else "",
    )


def doubts(
    scope: Scope, servers: Iterable[Server], told: Mapping[str, Sequence[Operation]]
) -> list[tuple[str, str]]:
    """Name and address of those servers that have a change nobody knows the end of."""
    return [
        (core_text.shown(str(server), 255), server_url(scope, server.provider_id))
        for server in servers
        if any(one.state == State.UNKNOWN.value for one in told.get(server.provider_id, ()))
    ]
