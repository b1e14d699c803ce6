"""What every signed-in page shows around its content."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from controlpanel.accounts import selectors
from controlpanel.accounts.models import User
from controlpanel.accounts.signin import openid
from controlpanel.lib.scope import Scope
from controlpanel.web.audit import differences, verification
from controlpanel.web.core.banner import Banner
from controlpanel.web.frame import provider_state, read_only_banner
from controlpanel.web.team import mfa_required

# Pages that stand below another one's entry, though not below its address.
_BELOW = {"members": ("roles", "policies")}
# (route, permissions of which one is enough, icon), without any for every member; the words are
# looked up when a page is made.
_THEMES = ("light", "dark")
_NAV = (
    ("servers", ("servers.view",), "server"),
    ("operations", ("servers.view",), "activity"),
    ("audit", ("audit.view",), "shield-check"),
    ("tokens", ("servers.view",), "key-round"),
    ("panel-keys", ("keys.own", "keys.others"), "terminal"),
    ("api", (), "code-xml"),
    ("members", ("members.view",), "users"),
)


def panel(request: HttpRequest) -> dict[str, Any]:
    user = getattr(request, "user", None)
    chosen = request.COOKIES.get("theme", "")
    if not isinstance(user, User):
        provider = openid.configured()
        return {
            "panel": {
                "theme": chosen if chosen in _THEMES else "",
                "openid": provider.name if provider else "",
            }
        }
    theme = chosen if chosen in {*_THEMES, "system"} else user.theme
    scope: Scope | None = getattr(request, "scope", None)
    return {
        "panel": {
            "user": user,
            "scope": scope,
            "teams": selectors.teams_of(user),
            "may_manage": scope is not None and scope.allows("team.manage"),
            "nav": _nav(request, scope) if scope else _own_nav(request),
            # Only whole pages show them, and only those ask the database for them.
            "banners": SimpleLazyObject(lambda: _banners(request, scope)),
            "provider": SimpleLazyObject(lambda: _provider(request, scope)),
            "theme": theme if theme in _THEMES else "",
            "density": user.density,
        }
    }


def _banners(request: HttpRequest, scope: Scope | None) -> list[Any]:
    damage = verification.banners(scope) if scope else []
    rows = differences.banner(request, scope) if scope else None
    closed = _closed_banner(scope)
    others = (rows, read_only_banner.banner(), closed, mfa_required.banner(request, scope))
    return [*damage, *(banner for banner in others if banner)]


def _closed_banner(scope: Scope | None) -> Banner | None:
    if scope is None or not scope.is_closed:
        return None
    return Banner("", _("This team is closed. Its audit log stays; nothing else is left of it."))


def _provider(request: HttpRequest, scope: Scope | None) -> provider_state.ProviderState | None:
    known = getattr(request, "connected_accounts", None)
    return provider_state.of(scope, known) if scope else None


def _own_nav(request: HttpRequest) -> list[dict[str, Any]]:
    """Beside a person's own pages, which belong to no team."""
    links = (
        ("home", "arrow-left", _("Back to the team")),
        ("own-settings", "settings", _("Settings")),
        ("account_email", "mail", _("E-mail address")),
        ("account_change_password", "key-round", _("Password")),
        ("mfa_index", "shield-check", _("Two-step sign-in")),
        ("usersessions_list", "monitor", _("Sessions")),
    )
    return [
        {
            "url": url,
            "label": label,
            "icon": icon,
            "current": url != "/" and request.path.startswith(url),
        }
        for route, icon, label in links
        for url in [reverse(route)]
    ]


def _nav(request: HttpRequest, scope: Scope) -> list[dict[str, Any]]:
    words = {
        "servers": _("Servers"),
        "operations": _("Operations"),
        "audit": _("Audit"),
        "tokens": _("API tokens"),
        "panel-keys": _("Panel keys"),
        "api": _("API"),
        "members": _("Members"),
    }
    links = []
    for route, permissions, icon in _NAV:
        if any(map(scope.allows, permissions)) or not (permissions or scope.is_closed):
            url = reverse(route, args=[scope.team_slug])
            links.append(
                {
                    "url": url,
                    "label": words[route],
                    "icon": icon,
                    "current": request.path.startswith(url)
                    or _is_below(request.path, _BELOW.get(route, ()), scope),
                }
            )
    return links


def _is_below(path: str, routes: Iterable[str], scope: Scope) -> bool:
    return any(path.startswith(reverse(name, args=[scope.team_slug])) for name in routes)
