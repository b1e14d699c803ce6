"""What tests of changing pages have in common: sending a form, and looking at what came of it."""

import re
from html import unescape
from typing import Any

from controlpanel.audit.models import AuditEvent
from controlpanel.operations.models import Operation
from tests.people import Person

BASE = "/teams/acme/servers"


def action_url(server: Any, action: str) -> str:
    return f"{BASE}/{server.provider_id}/{action}/"


def only_operation() -> Operation:
    return Operation.objects.select_related("account").get()


def receipt_of(person: Person, operation: Operation) -> str:
    response = person.get(f"/teams/acme/operations/{operation.id}/")
    assert response.status_code == 200
    return response.content.decode()


def hidden(page: Any, name: str) -> str:
    """Value of a hidden field."""
    found = re.search(rf'name="{name}"\s+value="([^"]*)"', page.content.decode())
    assert found, f"no hidden field {name}"
    return unescape(found[1])


def shows(page: Any, text: str) -> bool:
    return text in unescape(re.sub(r"\s+", " ", page.content.decode()))


def can_send(page: Any) -> bool:
    """Whether the page's own form has a button that sends it."""
    main = page.content.decode().partition("<main")[2]
    return bool(re.search(r'<button class="button (primary|danger)"( form="[\w-]+")?>', main))


def denials() -> int:
    return AuditEvent.objects.filter(event="authz_fail").count()
