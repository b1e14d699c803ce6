"""Roles of a team: the five built-in ones, and its own copies of them."""

from collections.abc import Collection
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controlpanel.accounts import access, projections
from controlpanel.accounts.models import Invitation, Membership, Team, TeamRole
from controlpanel.accounts.permissions import PERMISSIONS
from controlpanel.accounts.roles_lookup import as_role, of_team
from controlpanel.audit.log.recorder import Target, record_by
from controlpanel.lib import clock
from controlpanel.lib.scope import Scope
from controlpanel.lib.text import clean

# By the part of a right before its dot: the right to see what it is about.
_SIGHT: Final = {
    "servers": "servers.view",
    "labels": "servers.view",
    "audit": "audit.view",
    "members": "members.view",
}


MOST_NAMED: Final = 200


class RoleRefused(Exception):
    """Nothing was changed; the message is a sentence for the person."""


def add(scope: Scope, name: str, permissions: Collection[str]) -> TeamRole:
    """A role of the team's own. Raises RoleRefused."""
    _insist(scope)
    name = _good_name(name)
    _refuse_what_one_lacks(scope, permissions)
    _refuse_blind(permissions)
    with transaction.atomic():
        _hold_team(scope)
        _refuse_taken(scope, name)
        role = TeamRole.objects.create(
            team_id=scope.team_id,
            slug=_free_slug(scope.team_id, name),
            name=name,
            permissions=sorted(permissions),
        )
        said = [projections.of_role(role)]
        record_by(scope, "role.added", _target(role), rows=said, after=role.permissions)
    return role


def change(scope: Scope, role: TeamRole, name: str, permissions: Collection[str]) -> None:
    """Raises RoleRefused. Acts on everybody who has the role, on their next request."""
    _insist(scope)
    name = _good_name(name)
    with transaction.atomic():
        now = _held(scope, role)
        _refuse_taken(scope, name, besides=now)
        _refuse_what_one_lacks(scope, permissions)
        _refuse_blind(permissions)
        before = {"name": now.name, "permissions": now.permissions}
        after = {"name": name, "permissions": sorted(permissions)}
        if before == after:
            return
        now.name, now.permissions = name, sorted(permissions)
        gains = _holders(now) if set(permissions) - set(before["permissions"]) else []
        now.save(update_fields=["name", "permissions"])
        said = [projections.of_role(now)]
        told: dict[str, Any] = {"before": before, "after": after}
        told |= {"gains": gains} if gains else {}
        record_by(scope, "role.changed", _target(now), rows=said, **told)


def remove(scope: Scope, role: TeamRole) -> None:
    """Raises RoleRefused while somebody has it or is invited to it."""
    _insist(scope)
    with transaction.atomic():
        now = _held(scope, role)
        users = users_of(now)
        if users:
            raise RoleRefused(
                ngettext(
                    "%(count)d person has this role or is invited to it. Choose another one "
                    "for them first.",
                    "%(count)d people have this role or are invited to it. Choose another one "
                    "for them first.",
                    users,
                )
                % {"count": users}
            )
        said = [projections.no_role(now)]
        record_by(scope, "role.removed", _target(now), rows=said, before=now.permissions)
        now.delete()


def users_of(role: TeamRole) -> int:
    """Members who have it, and open invitations that give it."""
    members = Membership.objects.filter(team_id=role.team_id, role=role.slug).count()
    invited = Invitation.objects.filter(
        team_id=role.team_id,
        role=role.slug,
        accepted_at=None,
        revoked_at=None,
        expires_at__gt=clock.now(),
    )
    return members + invited.count()


def _holders(role: TeamRole) -> list[str]:
    """Ids of those who have it, as many as an event can name."""
    theirs = Membership.objects.filter(team_id=role.team_id, role=role.slug).order_by("user_id")
    return [str(one) for one in theirs.values_list("user_id", flat=True)[:MOST_NAMED]]


def _insist(scope: Scope) -> None:
    access.require(scope, "team.manage", "")


def _refuse_what_one_lacks(scope: Scope, permissions: Collection[str]) -> None:
    unknown = set(permissions) - set(PERMISSIONS)
    if unknown:
        raise RoleRefused(_("There is no such right: %(names)s.") % {"names": _listed(unknown)})
    lacking = set(permissions) - scope.permissions
    if lacking:
        raise RoleRefused(
            _("Nobody grants what they lack; you lack: %(names)s.") % {"names": _listed(lacking)}
        )


def _refuse_blind(permissions: Collection[str]) -> None:
    """Nobody can do something to what they do not see."""
    for right in sorted(permissions):
        sight = _SIGHT.get(right.partition(".")[0])
        if sight and sight not in permissions:
            raise RoleRefused(
                _("Whoever may %(right)s must also be able to %(sight)s. Tick that as well.")
                % {"right": PERMISSIONS[right], "sight": PERMISSIONS[sight]}
            )


def _listed(permissions: Collection[str]) -> str:
    return ", ".join(clean(name, 40) for name in sorted(permissions))


def _hold_team(scope: Scope) -> None:
    """Whoever gives or changes roles stands in line here, also with whoever gives one."""
    Team.objects.select_for_update().get(id=scope.team_id)


def _held(scope: Scope, role: TeamRole) -> TeamRole:
    _hold_team(scope)
    now = TeamRole.objects.filter(id=role.id, team_id=scope.team_id).first()
    if now is None:
        raise RoleRefused(_("This role no longer exists."))
    if not as_role(now).permissions <= scope.permissions:
        raise RoleRefused(_("This role has rights that you lack, so you cannot change it."))
    return now


def _refuse_taken(scope: Scope, name: str, besides: TeamRole | None = None) -> None:
    for role in of_team(scope.team_id):
        if str(role.label).casefold() == name.casefold() and not (
            besides and role.slug == besides.slug
        ):
            raise RoleRefused(_("The team has a role of that name already."))


def _good_name(name: str) -> str:
    name = clean(name, 80)
    if not name:
        raise RoleRefused(_("A role needs a name."))
    return name


def _free_slug(team_id: UUID, name: str) -> str:
    base = slugify(name)[:36] or "role"
    taken = {role.slug for role in of_team(team_id)}
    number, slug = 2, base
    while slug in taken:
        slug, number = f"{base}-{number}", number + 1
    return slug


def _target(role: TeamRole) -> Target:
    return Target("role", role.slug, role.name)
