"""Rows of the servers list. What many rows have in common is made once, not fifty times."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID

from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from controlpanel.operations.models import Operation
from controlpanel.operations.states import State
from controlpanel.servers.models import Server
from controlpanel.web.core import text
from controlpanel.web.core.change_forms import new_form_id
from controlpanel.web.core.links import receipt_url, server_below
from controlpanel.web.operations import meanings
from controlpanel.web.servers import available_actions, badges, freshness
from controlpanel.web.servers.available_actions import Abilities, Reason
from controlpanel.web.servers.label_views import Chip, chips

# Stand-ins for a row's menu, and inside a menu for what differs from row to row.
_MENU: Final = "--menu--"
_URL: Final = "--server-url--"
_FORM: Final = "--form-id--"
_DOM: Final = "--dom-id--"
_CSRF: Final = "--csrf-token--"
# So many labels fit into a row; the server's page has them all.
_LABELS: Final = 2


class _Shown(NamedTuple):
    """All that a row shows; its menu has things of its own each time and is put in after."""

    id: str
    dom: str
    url: str
    name: str
    hostname: str
    status: str
    badge: SafeString
    receipt: str
    attention: SafeString
    attention_url: str
    is_unknown: bool  # by its status already, which then comes first
    classes: str
    plan: str
    plan_name: str
    ip: str
    location: str
    account: str
    account_colour: str
    labels: tuple[Chip, ...]
    more_labels: str
    lock: str


@lru_cache(maxsize=1024)
def _around_menu(shown: _Shown) -> tuple[str, str]:
    """Pages are polled and their rows hardly change: one that is the same is not made again."""
    row = render_to_string("servers/row.html", {**shown._asdict(), "menu": _MENU})
    # SECURITY: the last one is ours; what the provider wrote comes before it and stays text.
    before, _sign, after = row.rpartition(_MENU)
    return before, after


@lru_cache(maxsize=256)
def _menu_for(reasons: tuple[Reason, ...]) -> str:
    """The same for all rows, and pages, whose actions are possible or not for the same reasons."""
    context = {
        "actions": available_actions.actions_at(_URL, reasons),
        "common": _common(reasons),
        "form_id": _FORM,
        "dom": _DOM,
        "csrf_token": _CSRF,
    }
    return render_to_string("servers/menu.html", context)


class Rows:
    def __init__(
        self,
        request: HttpRequest,
        known: Abilities,
        labels: Mapping[UUID, list[str]],
        *,
        many_accounts: bool,
    ) -> None:
        self._known = known
        self._labels = labels
        self._many_accounts = many_accounts
        self._csrf = get_token(request)

    def row(
        self, server: Server, running: Operation | None, attention: Sequence[Operation] = ()
    ) -> SafeString:
        url = server_below(self._known.base, server.provider_id)
        dom = f"server-{server.id.hex}"
        labels = self._labels.get(server.id, [])
        told = badges.attention(server, running, attention)
        before, after = _around_menu(
            _Shown(
                id=server.provider_id,
                dom=dom,
                url=url,
                name=text.shown(str(server), 255),
                hostname=text.shown(server.hostname, 255),
                status=server.status,
                badge=badges.badge(server, running, brief=True),
                receipt=receipt_url(self._known.scope, running),
                attention=told.badge,
                attention_url=receipt_url(self._known.scope, told.operation),
                is_unknown=running is not None and running.state == State.UNKNOWN.value,
                classes=_classes(server, running),
                plan=badges.plan(server) or text.shown(server.plan_name),
                plan_name=text.shown(server.plan_name),
                ip=text.shown(server.ip_address or "", 45),
                location=text.shown(server.location, 64),
                account=text.shown(server.account.name, 120) if self._many_accounts else "",
                account_colour=server.account.colour if self._many_accounts else "",
                labels=chips(self._known.base, labels[:_LABELS]),
                more_labels=", ".join(labels[_LABELS:]),
                lock=_lock(server),
            )
        )
        # SECURITY: both halves and the menu were escaped when they were rendered.
        return mark_safe(before + self._menu(server, running, url, dom) + after)  # noqa: S308

    def _menu(self, server: Server, running: Operation | None, url: str, dom: str) -> str:
        reasons = available_actions.reasons(
            self._known, server, running, self._labels.get(server.id, [])
        )
        # SECURITY: what is put in is a percent-encoded path, a hexadecimal, a random id and a
        # token of letters and digits, so that none of it can be markup.
        menu = _menu_for(reasons).replace(_URL, url).replace(_DOM, dom)
        return menu.replace(_FORM, new_form_id()).replace(_CSRF, self._csrf)


def is_moving(server: Server, running: Operation | None) -> bool:
    """Something is to be expected soon: what waits for a person does not hurry the page."""
    if server.gone_at is not None:
        return False
    return server.is_moving or (running is not None and meanings.moves(running))


def _common(reasons: tuple[Reason, ...]) -> Reason | None:
    """One reason for everything is said once."""
    return reasons[0] if reasons[0].text and len(set(reasons)) == 1 else None


def _classes(server: Server, running: Operation | None) -> str:
    found = ["moving"] if is_moving(server, running) else []
    if freshness.is_doubtful(server.account):
        found.append("stale")
    return " ".join(found)


def _lock(server: Server) -> str:
    held = server.held_by
    if held is None:
        return ""
    words = {"delete": _("locked against deletion"), "changes": _("locked against changes")}
    return words[held.level]
