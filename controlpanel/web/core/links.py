"""Addresses that several pages of changes show, and the way back from a refusal."""

from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from controlpanel.gateway.routes import BASE
from controlpanel.lib.scope import Scope
from controlpanel.operations.models import Operation
from controlpanel.operations.services import Refused
from controlpanel.servers.models import Server
from controlpanel.web.core.change_forms import name_to_type


def server_url(scope: Scope, provider_id: str) -> str:
    return server_below(reverse("servers", args=[scope.team_slug]), provider_id)


def server_below(base: str, provider_id: str) -> str:
    """`base`: of the team's servers, looked up once for many.

    The id is the provider's text: whatever it holds stays one segment of the path.
    """
    return f"{base}{quote(provider_id, safe='')}/"


def receipt_url(scope: Scope, operation: Operation | None) -> str:
    return reverse("operation", args=[scope.team_slug, operation.id]) if operation else ""


def refusal(scope: Scope, refused: Refused | None) -> dict[str, str]:
    """The sentence, and the receipt that stands in the way, where there is one."""
    return {
        "refused": str(refused) if refused else "",
        "receipt_url": receipt_url(scope, refused.operation if refused else None),
    }


def crumbs(scope: Scope, server: Server | None = None) -> list[dict[str, Any]]:
    found = [{"label": _("Servers"), "url": reverse("servers", args=[scope.team_slug])}]
    if server:
        found.append({"label": name_to_type(server), "url": server_url(scope, server.provider_id)})
    return found


def gateway_url() -> str:
    """Where scripts send what they would send to VPS.org; without a slash at its end."""
    return f"{settings.PANEL_PUBLIC_URL}{BASE}"


def panel_keys_url(scope: Scope) -> str:
    return reverse("panel-keys", args=[scope.team_slug])
