"""What every signed-in page shows around its content."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from controlpanel.accounts import selectors
from controlpanel.accounts.models import User
from controlpanel.lib.scope import Scope

# (route, permission, icon); the words are looked up when a page is made.
_NAV = (
    ("servers", "servers.view", "server"),
    ("operations", "servers.view", "activity"),
    ("audit", "audit.view", "shield-check"),
    ("tokens", "servers.view", "key-round"),
    ("members", "members.view", "users"),
)


def panel(request: HttpRequest) -> dict[str, Any]:
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return {"panel": {}}
    scope: Scope | None = getattr(request, "scope", None)
    return {
        "panel": {
            "user": user,
            "scope": scope,
            "teams": selectors.teams_of(user),
            "nav": _nav(request, scope) if scope else [],
        }
    }


def _nav(request: HttpRequest, scope: Scope) -> list[dict[str, Any]]:
    words = {
        "servers": _("Servers"),
        "operations": _("Operations"),
        "audit": _("Audit"),
        "tokens": _("API tokens"),
        "members": _("Members"),
    }
    links = []
    for route, permission, icon in _NAV:
        if scope.allows(permission):
            url = reverse(route, args=[scope.team_slug])
            links.append(
                {
                    "url": url,
                    "label": words[route],
                    "icon": icon,
                    "current": request.path.startswith(url),
                }
            )
    return links
