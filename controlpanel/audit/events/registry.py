"""The registry of event types: an allow-list of what is recorded, and how it reads."""

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from controlpanel.audit.events.event_type import EventType, Words
from controlpanel.audit.events.panel import PANEL
from controlpanel.audit.events.people import PEOPLE
from controlpanel.audit.events.servers import SERVERS

EVENTS: Final[Mapping[str, EventType]] = {
    found.name: found for found in (*PEOPLE, *SERVERS, *PANEL)
}

RESULTS: Final[Mapping[str, Words]] = {
    "success": _("done"),
    "failure": _("failed"),
    "denied": _("denied"),
    "unknown": _("unknown"),
    "pending": _("pending"),
}
# Events that are asked for together, by what their names begin with.
GROUPS: Final[Mapping[str, tuple[Words, tuple[str, ...]]]] = {
    "server": (_("Servers: all changes"), ("server.",)),
    "team": (
        _("Team: people, roles, policies"),
        ("team.", "member.", "invitation.", "role.", "ownership.", "policy."),
    ),
    "token": (_("API tokens: everything"), ("token.",)),
    "panel_key": (_("Panel keys: everything"), ("panel_key.",)),
    "account": (_("Accounts: everything"), ("account.",)),
    "outside": (_("Outside changes"), ("outside.",)),
    "signin": (_("Sign-ins and sessions"), ("authn_", "session.")),
}
VIAS: Final[Mapping[str, Words]] = {
    "page": _("page"),
    "gateway": _("panel key"),
    "worker": _("worker"),
    "command": _("command line"),
}


class InvalidEvent(Exception):
    """Code tried to record what is not registered: a mistake in the code."""


def check(name: str, data: Mapping[str, Any]) -> None:
    """InvalidEvent unless the type is registered and the data has its fields and no others."""
    known = EVENTS.get(name)
    if known is None:
        raise InvalidEvent(f"{name} is not a registered event")
    missing = known.required - data.keys()
    foreign = data.keys() - known.required - known.optional
    if missing or foreign:
        raise InvalidEvent(f"{name}: missing {sorted(missing)}, not registered {sorted(foreign)}")


def named(action: str) -> list[str]:
    """The event of this name, or those of the group, or those with it before their dot."""
    if action in EVENTS:
        return [action]
    beginnings = GROUPS[action][1] if action in GROUPS else (f"{action}.",)
    return [name for name in EVENTS if name.startswith(beginnings)]
