"""What a page says first: changes that nobody knows the end of, and changes that were not done."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse

from controlpanel.lib.scope import Scope
from controlpanel.operations.models import Operation
from controlpanel.operations.states import PERMISSIONS, UNDONE
from controlpanel.web import meanings
from controlpanel.web.places import receipt_url


@dataclass(frozen=True, slots=True)
class Notice:
    """`dismiss_url` is empty for what cannot be dismissed, or not by this person."""

    operation: Operation
    tone: str
    title: str
    text: str
    url: str
    dismiss_url: str


def notices(scope: Scope, operations: Iterable[Operation]) -> list[Notice]:
    return [_notice(scope, operation) for operation in operations]


def _notice(scope: Scope, operation: Operation) -> Notice:
    meaning = meanings.meaning(operation)
    may = operation.state in UNDONE and scope.allows(PERMISSIONS[operation.kind])
    dismiss = reverse("operation-dismiss", args=[scope.team_slug, operation.id]) if may else ""
    return Notice(
        operation,
        meaning.tone,
        f"{meanings.sentence(operation)}. {meaning.headline}",
        meaning.meaning,
        receipt_url(scope, operation),
        dismiss,
    )
