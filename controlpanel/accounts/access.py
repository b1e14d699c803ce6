"""The one door. Nobody else makes a Scope, and nothing is done without one."""

from uuid import UUID

from django.http import Http404, HttpRequest

from controlpanel.accounts import policy
from controlpanel.accounts.models import Membership, Team, User
from controlpanel.accounts.origin import of_request
from controlpanel.audit.recorder import Target, record_now
from controlpanel.lib import request_id
from controlpanel.lib.scope import Actor, Origin, Scope
from controlpanel.lib.text import clean


class Denied(Exception):
    """A member without the right. Already recorded; the page names the right and who can help."""

    def __init__(self, scope: Scope, permission: str) -> None:
        super().__init__(permission)
        self.scope = scope
        self.permission = permission


def scope_for(request: HttpRequest, team_slug: str, permission: str) -> Scope:
    """Scope of the signed-in person in this team, if they have `permission`.

    Raises Http404 for an absent team and a foreign one alike, Denied for a member without the
    right. Both are recorded.
    """
    user = request.user
    assert isinstance(user, User), "scope_for is asked for signed-in people only"
    origin = of_request(request)
    membership = _membership(user.id, team_slug)
    if membership is None:
        _record_outsider(user, team_slug, origin)
        raise Http404
    scope = _scope(membership, origin)
    if not scope.allows(permission):
        _record_denied(scope, permission, request.path)
        raise Denied(scope, permission)
    return scope


def require(scope: Scope, permission: str, path: str) -> None:
    """A second right, where one address needs another to look and to change. Raises Denied."""
    if not scope.allows(permission):
        _record_denied(scope, permission, path)
        raise Denied(scope, permission)


def scope_at_work(user_id: UUID | None, team_id: UUID, permission: str) -> Scope | None:
    """The same question asked again at the moment of sending; None when the right is gone."""
    if user_id is None:
        return None
    membership = (
        Membership.objects.select_related("team", "user")
        .filter(user_id=user_id, team_id=team_id, user__is_active=True)
        .first()
    )
    if membership is None:
        return None
    scope = _scope(membership, Origin(via="worker", request_id=request_id.current()))
    return scope if scope.allows(permission) else None


def worker_scope(team: Team) -> Scope:
    """For what workers do by themselves: follow, sync, reconcile. Carries no right to change."""
    return Scope(
        actor=Actor(kind="worker", id="worker", name="worker"),
        origin=Origin(via="worker", request_id=request_id.current()),
        team_id=team.id,
        team_slug=team.slug,
        team_name=team.name,
        permissions=frozenset({"servers.view"}),
    )


def command_scope(team: Team, permissions: frozenset[str]) -> Scope:
    """For management commands run by the installation's administrator."""
    return Scope(
        actor=Actor(kind="command", id="command", name="command line"),
        origin=Origin(via="command", request_id=request_id.current()),
        team_id=team.id,
        team_slug=team.slug,
        team_name=team.name,
        permissions=permissions,
    )


def command_scope_for(membership: Membership) -> Scope:
    """For a command that does something in the name of a member."""
    return _scope(membership, Origin(via="command", request_id=request_id.current()))


def who_can(scope: Scope, permission: str) -> list[User]:
    """Members of the scope's team whose role carries `permission`, owners first."""
    roles = [role.slug for role in policy.roles_with(permission)]
    found = Membership.objects.select_related("user").filter(
        team_id=scope.team_id, role__in=roles, user__is_active=True
    )
    return [m.user for m in sorted(found, key=lambda m: (roles.index(m.role), m.user.email))]


def who_grants(scope: Scope) -> list[User]:
    """Members who can give somebody a role that has more rights."""
    return who_can(scope, "members.manage")


def _membership(user_id: UUID, team_slug: str) -> Membership | None:
    return (
        Membership.objects.select_related("team", "user")
        .filter(user_id=user_id, team__slug=team_slug)
        .first()
    )


def _scope(membership: Membership, origin: Origin) -> Scope:
    user, team = membership.user, membership.team
    return Scope(
        actor=Actor(kind="user", id=str(user.id), name=user.email, role=membership.role),
        origin=origin,
        team_id=team.id,
        team_slug=team.slug,
        team_name=team.name,
        permissions=policy.permissions_of(membership.role),
        user_id=user.id,
    )


def _record_denied(scope: Scope, permission: str, path: str) -> None:
    record_now(
        "authz_fail",
        chain=str(scope.team_id),
        actor=scope.actor,
        origin=scope.origin,
        target=Target("team", str(scope.team_id), scope.team_name),
        result="denied",
        data={"permission": permission, "path": clean(path, 300)},
    )


def _record_outsider(user: User, team_slug: str, origin: Origin) -> None:
    record_now(
        "authz_fail",
        chain="panel",
        actor=Actor(kind="user", id=str(user.id), name=user.email),
        origin=origin,
        target=Target("team", "", clean(team_slug, 60)),
        result="denied",
        data={"permission": "", "path": ""},
    )
