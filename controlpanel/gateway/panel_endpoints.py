"""What the panel answers by itself: whose key it is, and how an operation ended."""

from typing import Any, Final
from uuid import UUID

from django.http import Http404
from django.utils.translation import gettext as _

from controlpanel.credentials.panel_keys.authentication import Entered
from controlpanel.gateway import operation_responses
from controlpanel.gateway.responses import Answer, refuse, shown
from controlpanel.gateway.routes import Found
from controlpanel.operations import selectors
from controlpanel.operations.models import Operation

_CHANGES: Final = frozenset(
    f"servers.{verb}" for verb in ("create", "edit", "start", "stop", "reboot", "delete")
)


def account(entered: Entered, _found: Found) -> Answer:
    """In the provider's shape, and nothing personal in it."""
    key, scope = entered.key, entered.scope
    return shown(
        200,
        {
            "account": {
                "email": "",
                "first_name": "",
                "last_name": "",
                "company_name": key.account.name,
                "created_at": key.account.created_at.isoformat(),
            },
            "token": {
                "name": key.name,
                "permissions": _in_the_providers_words(scope.permissions),
                "rights": sorted(scope.permissions),
                "expires_at": key.expires_at.isoformat(),
            },
        },
    )


def _in_the_providers_words(permissions: frozenset[str]) -> list[str]:
    """Scopes as published clients know them."""
    if permissions >= _CHANGES:
        return ["servers:*"]
    found = ["servers:read"] if "servers.view" in permissions else []
    return found + (["servers:write"] if permissions & _CHANGES else [])


def operation(entered: Entered, found: Found) -> Answer:
    """Raises Refusal for a foreign operation and an absent one alike."""
    try:
        asked = selectors.get(entered.scope, UUID(found.id))
    except (Http404, ValueError):
        asked = None
    if asked is None or asked.account_id != entered.key.account_id:
        raise refuse(
            404, "not_found", _("There is no such operation, or it is not within this key's reach.")
        )
    return shown(200, _fields(asked))


def _fields(asked: Operation) -> dict[str, Any]:
    times = ("requested_at", "sending_at", "answered_at", "observed_at", "ended_at")
    return {
        "id": str(asked.id),
        "kind": asked.kind,
        "state": asked.state,
        "server": {"id": asked.provider_id or None, "name": asked.server_name},
        **{name: (at.isoformat() if (at := getattr(asked, name)) else None) for name in times},
        "asked_by": asked.actor_name,
        "reason": asked.reason,
        "provider_status": asked.provider_status,
        "provider_words": asked.provider_words,
        "code": asked.code,
        "seen": asked.seen,
        "confirmed_by": asked.confirmed_by,
        "detail": asked.note,
        "receipt": operation_responses.receipt(asked),
    }
