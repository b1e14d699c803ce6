"""Everything of one person or one target: what the audit page says of it, and where an event
stands in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from controlpanel.audit.models import AuditEvent
from controlpanel.audit.reading import selectors
from controlpanel.lib.scope import Scope
from controlpanel.lib.text import clean
from controlpanel.web.audit.filters import Filters, address_of
from controlpanel.web.audit.rows import Row

ACTIVITY: Final = 8


@dataclass(frozen=True, slots=True)
class Timeline:
    """`names`: by key of the query, what is shown instead of the id; `links`: label and address."""

    title: str
    names: Mapping[str, str]
    links: list[tuple[str, str]]


def of(scope: Scope, filters: Filters, shown: list[Row]) -> Timeline | None:
    """When the query asks for one person or one target by their id. Who is gone is still named."""
    actor, history = str(filters.asked.get("actor", "")), filters.asked.get("history")
    if _is_id(actor) and history is None:
        return _of_person(scope, actor, shown)
    if history is not None and not actor:
        kind, target_id = history
        return _of_target(scope, kind, target_id, shown)
    return None


def url(scope: Scope, kind: str, target_id: str) -> str:
    base = reverse("audit", args=[scope.team_slug])
    return base + address_of(target=f"{kind}/{target_id}")


def person_url(scope: Scope, user_id: object) -> str:
    return reverse("audit", args=[scope.team_slug]) + address_of(actor=str(user_id))


def activity(scope: Scope, provider_id: str) -> list[Row]:
    """The newest of a server's timeline, for its own page."""
    if not scope.allows("audit.view"):
        return []
    newest = selectors.history(scope, "server", provider_id)[:ACTIVITY]
    return [Row(event, scope) for event in newest]


def place(scope: Scope, event: AuditEvent) -> dict[str, Any] | None:
    """Where the event stands in the history of its target, with its neighbours there."""
    if not event.target_id:
        return None
    earlier, later = selectors.before_and_after(scope, event)
    below = reverse("audit", args=[scope.team_slug])
    return {
        "number": event.target_seq,
        "name": clean(event.target_name or event.target_id, 120),
        "url": url(scope, event.target_kind, event.target_id),
        "earlier": f"{below}{earlier.seq}/" if earlier else "",
        "later": f"{below}{later.seq}/" if later else "",
    }


def _of_person(scope: Scope, user_id: str, shown: list[Row]) -> Timeline:
    newest = shown[0].event if shown else selectors.events(scope, actor=user_id).first()
    name = _named(newest.actor_name if newest else "", user_id)
    links = [(_("What was done to them"), url(scope, "user", user_id))]
    return Timeline(_("What %(name)s did") % {"name": name}, {"actor": name}, links)


def _of_target(scope: Scope, kind: str, target_id: str, shown: list[Row]) -> Timeline:
    newest = shown[0].event if shown else selectors.history(scope, kind, target_id).first()
    name = _named(newest.target_name if newest else "", target_id)
    links = []
    if kind == "server" and shown and shown[0].is_there:
        links.append((_("Open the server"), shown[0].server_url))
    if kind == "user":
        links.append((_("What they did"), person_url(scope, target_id)))
    return Timeline(_("Timeline of %(name)s") % {"name": name}, {"target": name}, links)


def _named(name: str, known_id: str) -> str:
    return clean(name or known_id, 120)


def _is_id(text: str) -> bool:
    try:
        return bool(UUID(text))
    except ValueError:
        return False
