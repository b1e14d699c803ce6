"""Who is in a team, and as what. Nobody raises themselves, and an owner always remains."""

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from controlpanel.accounts import access, projections, roles_lookup
from controlpanel.accounts.models import HasReach, Membership, Team
from controlpanel.accounts.permissions import Role
from controlpanel.audit.log.recorder import Target, record_by
from controlpanel.lib import clock
from controlpanel.lib.scope import Reach, Scope

OWNER = "owner"


class MemberRefused(Exception):
    """Nothing was changed; the message is a sentence for the person."""


def grantable(scope: Scope) -> list[Role]:
    """Roles that this person may give: none of them carries a right that they lack."""
    return [
        role
        for role in roles_lookup.of_team(scope.team_id)
        if role.permissions <= scope.permissions
    ]


def check_grant(scope: Scope, slug: str, reach: Reach) -> None:
    """Raises MemberRefused for a role or a reach beyond one's own."""
    role = roles_lookup.find(scope.team_id, slug)
    if role is None:
        raise MemberRefused(_("Choose one of the team's roles."))
    if not role.permissions <= scope.permissions:
        raise MemberRefused(
            _("Nobody gives a role with more rights than their own; “%(role)s” has more.")
            % {"role": role.label}
        )
    if slug == OWNER and not reach.is_all:
        raise MemberRefused(_("An owner is there for all servers."))
    if not is_within(reach, scope.reach):
        raise MemberRefused(_("Nobody gives access to servers that they cannot reach."))
    if not reach.is_all and not (reach.labels or reach.servers):
        raise MemberRefused(_("Name the labels or servers that this is for."))


def why_not(scope: Scope, member: Membership, role: Role | None) -> str:
    """Why this person cannot change that member (who has this role), or an empty string."""
    if not scope.allows("members.manage"):
        return _("You do not have the right to change members.")
    if member.user_id == scope.user_id:
        return _("Nobody changes their own membership; ask another one to.")
    beyond = role is not None and not role.permissions <= scope.permissions
    if beyond or not is_within(member.reach, scope.reach):
        return _(
            "%(person)s has rights or servers that you lack, so you cannot change their membership."
        ) % {"person": member.user.email}
    return ""


def change(scope: Scope, membership: Membership, role: str, reach: Reach) -> None:
    """Acts on the member's next request, on their open pages, and on work already queued."""
    with transaction.atomic():
        scope, now = held(scope, membership)
        _refuse_touching(scope, now)
        refuse_unexplained(now)
        check_grant(scope, role, reach)
        if now.role == OWNER and role != OWNER:
            _refuse_last_owner(now)
        before, after = shown(now.role, now.reach), shown(role, reach)
        if before == after:
            return
        now.role = role
        set_reach(now, reach)
        now.save(update_fields=["role", "reach_kind", "reach_labels", "reach_servers"])
        said = [projections.of_member(now)]
        record_by(scope, "member.changed", _target(now), rows=said, before=before, after=after)


def suspend(scope: Scope, membership: Membership) -> None:
    """From the next request on they are an outsider; nothing of theirs is lost."""
    with transaction.atomic():
        scope, now = held(scope, membership)
        _refuse_touching(scope, now)
        refuse_unexplained(now)
        _refuse_last_owner(now)
        if now.suspended_at is None:
            now.suspended_at = clock.now()
            now.save(update_fields=["suspended_at"])
            record_by(scope, "member.suspended", _target(now), rows=[projections.of_member(now)])


def restore(scope: Scope, membership: Membership) -> None:
    with transaction.atomic():
        scope, now = held(scope, membership)
        _refuse_touching(scope, now)
        refuse_unexplained(now)
        if now.suspended_at is not None:
            now.suspended_at = None
            now.save(update_fields=["suspended_at"])
            record_by(scope, "member.restored", _target(now), rows=[projections.of_member(now)])


def remove(scope: Scope, membership: Membership) -> None:
    """Only the membership: `operations.leaving.offboarding` sees to everything else."""
    with transaction.atomic():
        scope, now = held(scope, membership)
        if now.user_id != scope.user_id:
            _refuse_touching(scope, now)
        _refuse_last_owner(now)
        event = "member.left" if now.user_id == scope.user_id else "member.removed"
        said = [projections.no_member(now)]
        record_by(scope, event, _target(now), rows=said, before=shown(now.role, now.reach))
        now.delete()


def set_reach(row: HasReach, reach: Reach) -> None:
    assert reach.also is None, "a row keeps a plain one"
    row.reach_kind = reach.kind
    row.reach_labels = sorted(reach.labels)
    row.reach_servers = sorted(reach.servers)


def shown(role: str, reach: Reach) -> dict[str, object]:
    """As it stands in the record."""
    return {"role": role, **shown_reach(reach)}


def shown_reach(reach: Reach) -> dict[str, object]:
    found: dict[str, object] = {"reach": reach.kind}
    if reach.labels:
        found["labels"] = sorted(reach.labels)
    if reach.servers:
        found["servers"] = sorted(reach.servers)
    return found


def held(scope: Scope, membership: Membership) -> tuple[Scope, Membership]:
    """Both as they are now, while nobody else changes who is in the team.

    Two owners who demote each other at the same moment stand in line here.
    """
    Team.objects.select_for_update().get(id=scope.team_id)
    now = Membership.objects.select_related("user").filter(id=membership.id, team_id=scope.team_id)
    found = now.first()
    if found is None:
        raise MemberRefused(_("This person is no longer in the team."))
    return access.as_now(scope), found


def _refuse_touching(scope: Scope, member: Membership) -> None:
    sentence = why_not(scope, member, roles_lookup.find(scope.team_id, member.role))
    if sentence:
        raise MemberRefused(sentence)


def refuse_unexplained(member: Membership) -> None:
    """A change of one part would vouch for the others as well."""
    if not projections.is_explained(member.team_id, projections.of_member(member)):
        raise MemberRefused(
            _(
                "This membership is not as the audit log says. An owner confirms it first, under "
                "Rows that differ, or removes it."
            )
        )


def _refuse_last_owner(member: Membership) -> None:
    if member.role == OWNER and not _owners(member.team_id, besides=[member.user_id]):
        raise MemberRefused(_("The last owner cannot go. Make somebody else an owner first."))


def _owners(team_id: UUID, besides: Iterable[UUID]) -> bool:
    owners = Membership.objects.filter(
        team_id=team_id, role=OWNER, reach_kind="all", user__is_active=True, suspended_at=None
    )
    return owners.exclude(user_id__in=besides).exists()


def is_within(reach: Reach, own: Reach, *, mixed: bool = False) -> bool:
    """Whether whoever has `own` can tell that `reach` shows no more than that.

    `mixed`: chosen servers stand beside labels, for what is limited by `own` itself as well.
    """
    return all(
        any(_shows_no_more(part, limit, mixed=mixed) for part in reach.parts) for limit in own.parts
    )


def _shows_no_more(part: Reach, limit: Reach, *, mixed: bool) -> bool:
    if part.kind != limit.kind:
        return mixed
    return part.servers <= limit.servers and all(limit.covers(label) for label in part.labels)


def _target(member: Membership) -> Target:
    return Target("user", str(member.user_id), member.user.email)
