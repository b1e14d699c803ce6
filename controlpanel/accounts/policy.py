"""What each role may do, as literal data. Asked only through `access`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

PERMISSIONS: Final[Mapping[str, Promise]] = {
    "servers.view": _("see servers, operations and receipts"),
    "servers.create": _("create servers"),
    "servers.edit": _("edit a server's name, hostname and backups"),
    "servers.start": _("start servers"),
    "servers.stop": _("stop servers"),
    "servers.reboot": _("reboot servers"),
    "servers.delete": _("delete servers"),
    "tokens.own": _("keep an API token of one's own"),
    "accounts.connect": _("connect VPS.org accounts and choose the sync token"),
    "audit.view": _("read the audit log"),
    "audit.export": _("export the audit log"),
    "audit.review": _("review audit events"),
    "members.view": _("see the team's members"),
    "members.manage": _("invite, change and remove members"),
    "keys.own": _("keep panel keys of one's own"),
    "team.manage": _("change roles and the team's settings"),
}

_LOOK = {"servers.view", "members.view", "keys.own"}
_RUN = {
    "servers.create",
    "servers.edit",
    "servers.start",
    "servers.stop",
    "servers.reboot",
    "tokens.own",
}
_AUDIT = {"audit.view", "audit.export", "audit.review"}
_ADMINISTER = {"servers.delete", "accounts.connect", "members.manage"}


@dataclass(frozen=True, slots=True)
class Role:
    slug: str
    label: Promise
    meaning: Promise
    permissions: frozenset[str]


ROLES: Final[Mapping[str, Role]] = {
    role.slug: role
    for role in (
        Role(
            "owner",
            _("Owner"),
            _("Everything, roles and team settings included."),
            frozenset(_LOOK | _RUN | _AUDIT | _ADMINISTER | {"team.manage"}),
        ),
        Role(
            "admin",
            _("Admin"),
            _("Runs and deletes servers, connects accounts, manages members."),
            frozenset(_LOOK | _RUN | _AUDIT | _ADMINISTER),
        ),
        Role(
            "operator",
            _("Operator"),
            _("Creates, edits, starts, stops and reboots servers."),
            frozenset(_LOOK | _RUN),
        ),
        Role("viewer", _("Viewer"), _("Looks, and changes nothing."), frozenset(_LOOK)),
        Role(
            "auditor",
            _("Auditor"),
            _("Looks, and reads, exports and reviews the audit log."),
            frozenset(_LOOK | _AUDIT),
        ),
    )
}


def permissions_of(role: str) -> frozenset[str]:
    """Rights of a role; an unknown role has none."""
    found = ROLES.get(role)
    return found.permissions if found else frozenset()


def roles_with(permission: str) -> tuple[Role, ...]:
    return tuple(role for role in ROLES.values() if permission in role.permissions)
