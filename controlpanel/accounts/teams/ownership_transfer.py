"""Handing a team over: offered by an owner, and done when the receiver says yes."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from controlpanel.accounts import access, projections
from controlpanel.accounts.models import Membership, OwnershipOffer, Team, User
from controlpanel.accounts.teams import members
from controlpanel.accounts.teams.members import OWNER, MemberRefused
from controlpanel.audit.log.recorder import Target, record_by
from controlpanel.lib import clock
from controlpanel.lib.scope import EVERYTHING, Scope

VALID_FOR: Final = timedelta(hours=72)
# What the giver is from then on.
AFTERWARDS: Final = "admin"


def open_offer(scope: Scope) -> OwnershipOffer | None:
    """The team's, while it can still be accepted."""
    return (
        OwnershipOffer.objects.filter(team_id=scope.team_id, expires_at__gt=clock.now())
        .select_related("giver", "receiver")
        .first()
    )


def offer(scope: Scope, membership: Membership) -> None:
    """A second offer takes the place of the first. Raises MemberRefused."""
    with transaction.atomic():
        scope, receiver = members.held(scope, membership)
        _refuse_unless_owner(scope)
        if receiver.role == OWNER or receiver.suspended_at is not None:
            raise MemberRefused(_("Choose a member who is active and not an owner yet."))
        assert scope.user_id is not None
        made, _new = OwnershipOffer.objects.update_or_create(
            team_id=scope.team_id,
            defaults={
                "giver_id": scope.user_id,
                "receiver_id": receiver.user_id,
                "created_at": clock.now(),
                "expires_at": clock.now() + VALID_FOR,
            },
        )
        record_by(
            scope, "ownership.offered", _target(receiver.user), rows=[projections.of_offer(made)]
        )


def withdraw(scope: Scope, offered: OwnershipOffer) -> None:
    """By any owner, or by the receiver, who then has declined. Nothing if it is gone already."""
    with transaction.atomic():
        Team.objects.select_for_update().get(id=scope.team_id)
        scope = access.as_now(scope)
        found = OwnershipOffer.objects.filter(
            team_id=scope.team_id, receiver_id=offered.receiver_id
        ).first()
        if found is None:
            return
        declined = scope.user_id == found.receiver_id
        if not declined:
            _refuse_unless_owner(scope)
        end(scope, found, "ownership.declined" if declined else "ownership.withdrawn")


def end(scope: Scope, offered: OwnershipOffer, event: str) -> None:
    said = [projections.no_offer(offered.team_id)]
    offered.delete()
    record_by(scope, event, _target(offered.receiver), rows=said)


def accept(scope: Scope, offered: OwnershipOffer) -> None:
    """The receiver becomes owner of everything, the giver an admin. Raises MemberRefused."""
    giver = _membership(scope, offered.giver_id)
    receiver = _membership(scope, scope.user_id)
    with transaction.atomic():
        _scope, receiver = members.held(scope, receiver)
        _scope, giver = members.held(scope, giver)
        found = open_offer(scope)
        if found is None or found.receiver_id != scope.user_id or found.giver_id != giver.user_id:
            raise MemberRefused(_("This offer no longer stands."))
        if not projections.is_explained(scope.team_id, projections.of_offer(found)):
            raise MemberRefused(_("The audit log does not say that this was offered."))
        for one in (giver, receiver):
            members.refuse_unexplained(one)
        if giver.role != OWNER or giver.suspended_at is not None or not giver.reach.is_all:
            raise MemberRefused(_("Whoever offered this is no longer an owner."))
        before = {"receiver": receiver.role, "giver": giver.role}
        receiver.role = OWNER
        members.set_reach(receiver, EVERYTHING)
        receiver.save(update_fields=["role", "reach_kind", "reach_labels", "reach_servers"])
        giver.role = AFTERWARDS
        giver.save(update_fields=["role"])
        found.delete()
        after = {"receiver": receiver.role, "giver": giver.role}
        record_by(
            scope,
            "ownership.transferred",
            _target(receiver.user),
            rows=[
                projections.no_offer(scope.team_id),
                projections.of_member(giver),
                projections.of_member(receiver),
            ],
            giver=giver.user.email,
            before=before,
            after=after,
        )


def _membership(scope: Scope, user_id: UUID | None) -> Membership:
    members_of = Membership.objects.filter(team_id=scope.team_id)
    found = members_of.filter(user_id=user_id).first() if user_id else None
    if found is None:
        raise MemberRefused(_("This offer no longer stands."))
    return found


def _refuse_unless_owner(scope: Scope) -> None:
    if scope.actor.role != OWNER or scope.user_id is None or not scope.reach.is_all:
        raise MemberRefused(_("Only an owner can hand the team over."))


def _target(receiver: User) -> Target:
    return Target("user", str(receiver.id), receiver.email)
