"""What each built-in role may do, as literal data. Asked only through `roles` and `access`.

The five are templates that nobody can change; a team copies one into a role of its own.
"""

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
    "servers.lock": _("lock servers against changes"),
    "servers.unlock": _("release a server's lock"),
    "labels.edit": _("put labels on servers and take them off"),
    "tokens.own": _("keep an API token of one's own"),
    "accounts.connect": _("connect VPS.org accounts and choose the sync token"),
    "audit.view": _("read the audit log"),
    "audit.export": _("export the audit log"),
    "audit.review": _("review audit events"),
    "members.view": _("see the team's members"),
    "members.manage": _("invite, change and remove members"),
    "keys.own": _("keep panel keys of one's own"),
    "keys.others": _("see and revoke other people's panel keys"),
    "policies.manage": _("set the team's policies"),
    "team.manage": _("change roles and the team's settings"),
}

# Rights about the whole team: `access` gives them only together with access to all servers. The
# others are about what is within reach, or about one's own.
TEAM_WIDE: Final = frozenset(
    {"accounts.connect", "members.manage", "keys.others", "policies.manage", "team.manage"}
)

# Rights that outlive a team: its log stays readable to those who could read it.
AFTER_CLOSING: Final = frozenset({"audit.view", "audit.export"})

_VIEW = {"servers.view", "members.view", "keys.own"}
_RUN = {
    "servers.create",
    "servers.edit",
    "servers.start",
    "servers.stop",
    "servers.reboot",
    "servers.lock",
    "labels.edit",
    "tokens.own",
}
_AUDIT = {"audit.view", "audit.export", "audit.review"}
_ADMINISTER = {
    "servers.delete",
    "servers.unlock",
    "accounts.connect",
    "members.manage",
    "keys.others",
}
_OWN = {"policies.manage", "team.manage"}


@dataclass(frozen=True, slots=True)
class Role:
    slug: str
    label: Promise | str
    meaning: Promise | str
    permissions: frozenset[str]


ROLES: Final[Mapping[str, Role]] = {
    role.slug: role
    for role in (
        Role(
            "owner",
            _("Owner"),
            _("Everything, roles and team settings included."),
            frozenset(_VIEW | _RUN | _AUDIT | _ADMINISTER | _OWN),
        ),
        Role(
            "admin",
            _("Admin"),
            _("Runs and deletes servers, connects accounts, manages members."),
            frozenset(_VIEW | _RUN | _AUDIT | _ADMINISTER),
        ),
        Role(
            "operator",
            _("Operator"),
            _("Creates, edits, starts, stops and reboots servers."),
            frozenset(_VIEW | _RUN),
        ),
        Role("viewer", _("Viewer"), _("Looks, and changes nothing."), frozenset(_VIEW)),
        Role(
            "auditor",
            _("Auditor"),
            _("Looks, and reads, exports and reviews the audit log."),
            frozenset(_VIEW | _AUDIT),
        ),
    )
}
