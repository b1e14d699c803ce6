"""What teams, memberships, roles, policies, invitations and offers grant, for the audit log."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from controlpanel.accounts.models import (
    HasReach,
    Invitation,
    Membership,
    OwnershipOffer,
    Team,
    TeamPolicy,
    TeamRole,
)
from controlpanel.audit.log.content import JSON, Said
from controlpanel.audit.tables import projections
from controlpanel.audit.tables.projections import Projection, Row

State = dict[str, JSON]

MEMBERSHIP: Final = "membership"
ROLE: Final = "role"
POLICY: Final = "policy"
INVITATION: Final = "invitation"
OFFER: Final = "offer"


def of_team(team: Team) -> Said:
    return projections.says(projections.TEAM, team.id, _team(team))


def of_member(member: Membership) -> Said:
    return projections.says(MEMBERSHIP, member.user_id, _member(member))


def no_member(member: Membership) -> Said:
    return projections.gone(MEMBERSHIP, member.user_id)


def of_role(role: TeamRole) -> Said:
    return projections.says(ROLE, role.slug, _role(role))


def no_role(role: TeamRole) -> Said:
    return projections.gone(ROLE, role.slug)


def of_policy(policy: TeamPolicy) -> Said:
    return projections.says(POLICY, policy.team_id, _policy(policy))


def of_invitation(invitation: Invitation) -> Said:
    return projections.says(INVITATION, invitation.id, _invitation(invitation))


def no_invitation(invitation_id: UUID) -> Said:
    """Used up or revoked: it grants nothing any more."""
    return projections.gone(INVITATION, invitation_id)


def of_offer(offer: OwnershipOffer) -> Said:
    return projections.says(OFFER, offer.team_id, _offer(offer))


def no_offer(team_id: UUID) -> Said:
    return projections.gone(OFFER, team_id)


def is_explained(team_id: UUID, row: Said) -> bool:
    """Whether the log says this of a row that somebody wants to use, or to change in part."""
    return projections.explains(str(team_id), row)


def reach(row: HasReach) -> State:
    return {
        "reach": row.reach_kind,
        "labels": sorted(row.reach_labels),
        "servers": sorted(row.reach_servers),
    }


def _team(team: Team) -> State:
    return {"closed": team.closed_at is not None}


def _member(member: Membership) -> State:
    return {"role": member.role, "suspended": member.suspended_at is not None, **reach(member)}


def _role(role: TeamRole) -> State:
    return {"name": role.name, "permissions": sorted(role.permissions)}


def _policy(policy: TeamPolicy) -> State:
    return {
        "reason_kinds": sorted(policy.reason_kinds),
        "reason_labels": sorted(policy.reason_labels),
        "service_tokens": policy.service_tokens,
        "mfa_from": str(policy.mfa_from or ""),
        "idle_minutes": policy.idle_minutes,
        "session_hours": policy.session_hours,
    }


def _invitation(invitation: Invitation) -> State:
    return {
        "email": invitation.email,
        "role": invitation.role,
        "digest": invitation.digest,
        "by": invitation.invited_by_id,
        "expires": int(invitation.expires_at.timestamp()),
        **reach(invitation),
    }


def _offer(offer: OwnershipOffer) -> State:
    return {
        "giver": str(offer.giver_id),
        "receiver": str(offer.receiver_id),
        "expires": int(offer.expires_at.timestamp()),
    }


def _teams(chain: str) -> Mapping[str, Row]:
    found = Team.objects.filter(id=_id(chain))
    return {str(one.id): Row(_team(one), _("the team %(name)s") % {"name": one}) for one in found}


def _members(chain: str) -> Mapping[str, Row]:
    found = Membership.objects.filter(team_id=_id(chain)).select_related("user")
    words = gettext_lazy("the membership of %(name)s")
    return {str(one.user_id): Row(_member(one), words % {"name": one.user}) for one in found}


def _roles(chain: str) -> Mapping[str, Row]:
    found = TeamRole.objects.filter(team_id=_id(chain))
    return {one.slug: Row(_role(one), _("the role %(name)s") % {"name": one}) for one in found}


def _policies(chain: str) -> Mapping[str, Row]:
    found = TeamPolicy.objects.filter(team_id=_id(chain))
    return {str(one.team_id): Row(_policy(one), _("the team's policies")) for one in found}


def _invitations(chain: str) -> Mapping[str, Row]:
    found = Invitation.objects.filter(team_id=_id(chain), accepted_at=None, revoked_at=None)
    words = _("the invitation of %(name)s")
    return {str(one.id): Row(_invitation(one), words % {"name": one.email}) for one in found}


def _offers(chain: str) -> Mapping[str, Row]:
    found = OwnershipOffer.objects.filter(team_id=_id(chain)).select_related("receiver")
    words = _("the offer of the team to %(name)s")
    return {str(one.team_id): Row(_offer(one), words % {"name": one.receiver}) for one in found}


def _id(chain: str) -> Any:
    """A chain is named after its team; the panel's own is no team's."""
    try:
        return UUID(chain)
    except ValueError:
        return None


PROJECTIONS: Final = (
    Projection(
        projections.TEAM,
        gettext_lazy("the team"),
        frozenset({"team.created", "team.closed"}),
        _teams,
    ),
    Projection(
        MEMBERSHIP,
        gettext_lazy("the membership of"),
        frozenset(
            {
                "team.created",
                "member.added",
                "member.changed",
                "member.suspended",
                "member.restored",
                "member.removed",
                "member.left",
                "invitation.accepted",
                "ownership.transferred",
                "server.replaced",
            }
        ),
        _members,
    ),
    Projection(
        ROLE,
        gettext_lazy("the role"),
        frozenset({"role.added", "role.changed", "role.removed"}),
        _roles,
    ),
    Projection(POLICY, gettext_lazy("the policies of"), frozenset({"policy.changed"}), _policies),
    Projection(
        INVITATION,
        gettext_lazy("the invitation"),
        frozenset(
            {"invitation.sent", "invitation.revoked", "invitation.accepted", "server.replaced"}
        ),
        _invitations,
    ),
    Projection(
        OFFER,
        gettext_lazy("the offer of the team"),
        frozenset(
            {
                "ownership.offered",
                "ownership.withdrawn",
                "ownership.declined",
                "ownership.transferred",
            }
        ),
        _offers,
    ),
)
