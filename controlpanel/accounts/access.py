"""The one door. Nobody else makes a Scope, and nothing is done without one."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db.models import Q
from django.http import Http404, HttpRequest

from controlpanel.accounts import roles_lookup, withheld
from controlpanel.accounts.models import Membership, Team, TeamPolicy, User
from controlpanel.accounts.permissions import AFTER_CLOSING, TEAM_WIDE
from controlpanel.accounts.request_origin import of_request
from controlpanel.accounts.signin import session_policy
from controlpanel.audit.log import read_only, refusals
from controlpanel.audit.log.recorder import PANEL, Target, record_now
from controlpanel.lib import clock, request_id
from controlpanel.lib.scope import Actor, Origin, Reach, Scope
from controlpanel.lib.text import clean

# For what every member may do, whatever their role: look at their own access, leave the team.
MEMBER: Final = "member"
# A membership's last activity is written at most this often.
_ACTIVE_EVERY: Final = timedelta(minutes=1)


class Denied(Exception):
    """A member without the right. Already recorded; the page names the right and who can help."""

    def __init__(self, scope: Scope, permission: str) -> None:
        super().__init__(permission)
        self.scope = scope
        self.permission = permission


class NotAtWork(Exception):
    """A panel key's creator cannot do anything here at the moment.

    `why`: "team_closed", "person_gone" or "second_step".
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def scope_for(
    request: HttpRequest, team_slug: str, permission: str, *, second_step: bool = True
) -> Scope:
    """Scope of the signed-in person in this team, if they have `permission`.

    Raises Http404 for an absent team and a foreign one alike, Denied for a member without the
    right. Both are recorded. Before that, entering.SessionOver and, with `second_step`,
    entering.SecondStepMissing, as the team's policy says.
    """
    user = request.user
    assert isinstance(user, User), "scope_for is asked for signed-in people only"
    origin = of_request(request)
    refusals.tally.tell_in_passing()
    membership = _membership(user, team_slug, permission)
    scope = _scope(membership, origin) if membership else None
    # A closed team exists for nobody but those who may read its log.
    if membership is None or scope is None or (scope.is_closed and not scope.allows(permission)):
        _record_outsider(user, team_slug, origin)
        raise Http404
    policy = _policy(membership.team)
    request.differs = withheld.of_member(membership)  # type: ignore[attr-defined]
    request.rows_differ = withheld.in_team(membership)  # type: ignore[attr-defined]
    request.team_policy = policy or TeamPolicy(team_id=scope.team_id)  # type: ignore[attr-defined]
    session_policy.check_session(request, scope, policy)
    _note_activity(membership)
    if second_step:
        session_policy.check_second_step(request, scope, policy)
    if permission != MEMBER:
        require(scope, permission, request.path)
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
    membership = _at_work(user_id, team_id, permission)
    if membership is None or lacks_second_step(user_id, _policy(membership.team)):
        return None
    scope = _scope(membership, Origin(via="worker", request_id=request_id.current()))
    return scope if scope.allows(permission) else None


def scope_of_key(
    membership: Membership | None,
    team: Team,
    origin: Origin,
    *,
    key_id: UUID,
    permissions: frozenset[str],
    reach: Reach,
) -> Scope:
    """What a panel key may do at this moment: what it was issued for, and of that no more than
    its creator may. Raises NotAtWork.

    `membership` is its creator's, with user and team, and the team with its policy, all read in
    this very request."""
    if team.closed_at is not None:
        raise NotAtWork("team_closed")
    if membership is None or membership.suspended_at or not membership.user.is_active:
        raise NotAtWork("person_gone")
    assert membership.team_id == team.id
    if lacks_second_step(membership.user_id, _policy(team)):
        raise NotAtWork("second_step")
    return _narrowed(_scope(membership, origin), key_id, permissions, reach)


def lacks_second_step(user_id: UUID, policy: TeamPolicy | None) -> bool:
    """Whether the team lets this person in no more before they add one."""
    day = policy.mfa_from if policy else None
    return (
        day is not None
        and day <= clock.now().date()
        and not session_policy.has_second_step(user_id)
    )


def as_now(scope: Scope) -> Scope:
    """What the same person may do at this moment: nothing, if they are no longer a member.

    Of a panel key: no more than it may."""
    if scope.user_id is None:
        return scope
    membership = _at_work(scope.user_id, scope.team_id, MEMBER)
    if membership is None:
        return replace(scope, permissions=frozenset(), actor=replace(scope.actor, role=""))
    now = _scope(membership, scope.origin)
    if scope.key_id is None:
        return now
    return _narrowed(now, scope.key_id, scope.permissions, scope.reach)


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
    """Members of the scope's team who have this right, owners first."""
    return [user for user, rights in _people(scope) if permission in rights]


def who_grants(scope: Scope, permissions: Iterable[str]) -> dict[str, list[User]]:
    """By right, the members who can give it to somebody: nobody gives what they lack."""
    managers = [found for found in _people(scope) if "members.manage" in found[1]]
    return {
        permission: [user for user, rights in managers if permission in rights]
        for permission in permissions
    }


def of_member(scope: Scope, membership: Membership) -> Scope:
    """What another member of the team may do, for a page that shows it. Never to act with."""
    assert membership.team_id == scope.team_id
    return _scope(membership, scope.origin)


def in_force(permissions: frozenset[str], reach: Reach) -> frozenset[str]:
    """What of a role's rights counts with this reach: those about the whole team need all of it."""
    return permissions if reach.is_all else permissions - TEAM_WIDE


def _membership(user: User, team_slug: str, permission: str) -> Membership | None:
    membership = (
        Membership.objects.select_related("team__policy")
        .annotate(**withheld.COLUMNS)
        .filter(user_id=user.id, team__slug=team_slug, suspended_at=None)
        .first()
    )
    if membership is None or _is_over(membership.team, permission):
        return None
    membership.user = user  # read in this very request: no need to read it again
    return membership


def _is_over(team: Team, permission: str) -> bool:
    return team.closed_at is not None and permission not in AFTER_CLOSING


def _policy(team: Team) -> TeamPolicy | None:
    """Read together with the membership; most teams have none."""
    policy: TeamPolicy | None = getattr(team, "policy", None)
    return policy


def _at_work(user_id: UUID, team_id: UUID, permission: str) -> Membership | None:
    membership = (
        Membership.objects.select_related("team__policy", "user")
        .annotate(**withheld.COLUMNS)
        .filter(
            user_id=user_id,
            team_id=team_id,
            user__is_active=True,
            suspended_at=None,
        )
        .first()
    )
    return None if membership is None or _is_over(membership.team, permission) else membership


def _people(scope: Scope) -> list[tuple[User, frozenset[str]]]:
    """Who is active in the team, with their rights; the most powerful roles first."""
    active = (
        Membership.objects.select_related("user")
        .filter(team_id=scope.team_id, user__is_active=True, suspended_at=None)
        .filter(~withheld.MEMBER)
    )
    known = roles_lookup.among(scope.team_id, {one.role for one in active})
    order = list(known)
    found = [one for one in active if one.role in known]
    ranked = sorted(found, key=lambda one: (order.index(one.role), one.user.email))
    return [(one.user, in_force(known[one.role].permissions, one.reach)) for one in ranked]


def _note_activity(membership: Membership) -> None:
    now = clock.now()
    seen = membership.last_active_at
    if seen is not None and now - seen < _ACTIVE_EVERY:
        return
    due = Q(last_active_at=None) | Q(last_active_at__lte=now - _ACTIVE_EVERY)
    mine = Membership.objects.filter(due, id=membership.id)
    read_only.if_possible(lambda: mine.update(last_active_at=now))


def _scope(membership: Membership, origin: Origin) -> Scope:
    user, team = membership.user, membership.team
    # What the log does not know gives nobody a right.
    role = None if withheld.of_member(membership) else roles_lookup.find(team.id, membership.role)
    permissions = in_force(role.permissions, membership.reach) if role else frozenset()
    return Scope(
        actor=Actor(kind="user", id=str(user.id), name=user.email, role=membership.role),
        origin=origin,
        team_id=team.id,
        team_slug=team.slug,
        team_name=team.name,
        permissions=permissions & AFTER_CLOSING if team.closed_at else permissions,
        user_id=user.id,
        reach=membership.reach,
        is_closed=team.closed_at is not None,
    )


def _narrowed(scope: Scope, key_id: UUID, permissions: frozenset[str], reach: Reach) -> Scope:
    within = scope.reach & reach
    return replace(
        scope,
        permissions=in_force(scope.permissions & permissions, within),
        reach=within,
        key_id=key_id,
    )


def _record_denied(scope: Scope, permission: str, path: str) -> None:
    refusals.tally.tell()
    if not refusals.is_recorded("authz_fail", str(scope.team_id), scope.actor, scope.origin):
        return
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
    actor = Actor(kind="user", id=str(user.id), name=user.email)
    refusals.tally.tell()
    if not refusals.is_recorded("authz_fail", PANEL, actor, origin):
        return
    record_now(
        "authz_fail",
        chain=PANEL,
        actor=actor,
        origin=origin,
        target=Target("team", "", clean(team_slug, 60)),
        result="denied",
        data={"permission": "", "path": ""},
    )
