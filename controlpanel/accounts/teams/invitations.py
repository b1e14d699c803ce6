"""Inviting somebody: bound to an address, single use, 72 hours, the token hashed at rest."""

import hashlib
import re
import secrets
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, validate_email
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from controlpanel.accounts import access, limits, projections
from controlpanel.accounts.models import Invitation, Membership, Team, User, reach_of
from controlpanel.accounts.signin.email_forms import not_ascii
from controlpanel.accounts.teams import invitation_mail
from controlpanel.accounts.teams.members import MemberRefused, check_grant, shown
from controlpanel.audit.log import refusals
from controlpanel.audit.log.recorder import PANEL, Target, record, record_by, record_now
from controlpanel.lib import clock
from controlpanel.lib.email_address import are_same, folded
from controlpanel.lib.scope import Actor, Origin, Reach, Scope
from controlpanel.lib.secret import Secret

VALID_FOR: Final = timedelta(hours=72)
_LONGEST_ADDRESS: Final = 254
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class InvitationUnusable(Exception):
    """Unknown, used, revoked, expired, or somebody else's: the page does not say which.

    `why` is for the record.
    """

    def __init__(self, why: str, invitation: Invitation | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.invitation = invitation


def open_ones(scope: Scope) -> QuerySet[Invitation]:
    """Those that can be accepted, and those that have run out and can be sent again."""
    return Invitation.objects.filter(
        team_id=scope.team_id, accepted_at=None, revoked_at=None
    ).order_by("-created_at")


def invite(scope: Scope, email: str, role: str, reach: Reach) -> tuple[Invitation, Secret]:
    """The token goes into the mail, which a worker sends, and is kept nowhere else. Raises
    MemberRefused."""
    _insist(scope)
    email = _good_address(email)
    token = Secret(secrets.token_urlsafe(32))
    with transaction.atomic():
        Team.objects.select_for_update().get(id=scope.team_id)
        check_grant(access.as_now(scope), role, reach)
        _refuse_member(scope, email)
        _count(scope, email)
        # A second invitation takes the place of the first.
        replaced = list(open_ones(scope).filter(email=email).values_list("id", flat=True))
        Invitation.objects.filter(id__in=replaced).update(revoked_at=clock.now())
        invitation = Invitation.objects.create(
            team_id=scope.team_id,
            email=email,
            role=role,
            reach_kind=reach.kind,
            reach_labels=sorted(reach.labels),
            reach_servers=sorted(reach.servers),
            digest=_digest(token.reveal()),
            invited_by_id=scope.actor.id,
            invited_by_name=scope.actor.name,
            expires_at=clock.now() + VALID_FOR,
        )
        invitation_mail.queue(invitation, token)
        said = [projections.no_invitation(one) for one in replaced]
        said.append(projections.of_invitation(invitation))
        record_by(
            scope, "invitation.sent", _target(invitation), rows=said, after=shown(role, reach)
        )
    return invitation, token


def resend(scope: Scope, invitation: Invitation) -> tuple[Invitation, Secret]:
    """A fresh one with the same role and reach: the old link no longer works."""
    if not _is_explained(invitation):
        raise MemberRefused(_("The audit log does not say that this was sent. Invite them anew."))
    return invite(scope, invitation.email, invitation.role, reach_of(invitation))


def revoke(scope: Scope, invitation: Invitation) -> None:
    """By whoever may invite, and by whoever sent it."""
    if invitation.invited_by_id != scope.actor.id:
        _insist(scope)
    with transaction.atomic():
        if open_ones(scope).filter(id=invitation.id).update(revoked_at=clock.now()) == 1:
            said = [projections.no_invitation(invitation.id)]
            record_by(scope, "invitation.revoked", _target(invitation), rows=said)


def find(token: str, user: User | None) -> Invitation:
    """What the token opens for this person; None: for whoever holds it. Raises
    InvitationUnusable."""
    found = None
    if _TOKEN.fullmatch(token):
        found = Invitation.objects.filter(digest=_digest(token)).select_related("team").first()
    if found is None:
        raise InvitationUnusable("unknown")
    _refuse_over(found)
    if user is not None and not are_same(user.email, found.email):
        raise InvitationUnusable("other_address", found)
    _refuse_outgrown(found)
    if not _is_explained(found):
        raise InvitationUnusable("differs", found)
    return found


def accept(token: str, user: User, origin: Origin) -> Membership:
    """Uses it up: by the person whose address it was sent to, once. Raises InvitationUnusable."""
    invitation = find(token, user)
    with transaction.atomic():
        Team.objects.select_for_update().get(id=invitation.team_id)
        invitation = find(token, user)
        if _is_member(invitation.team_id, user.email):
            raise InvitationUnusable("member", invitation)
        Invitation.objects.filter(id=invitation.id).update(accepted_at=clock.now())
        membership = Membership.objects.create(
            team_id=invitation.team_id,
            user=user,
            role=invitation.role,
            reach_kind=invitation.reach_kind,
            reach_labels=invitation.reach_labels,
            reach_servers=invitation.reach_servers,
        )
        record(
            "invitation.accepted",
            chain=str(invitation.team_id),
            actor=Actor("user", str(user.id), user.email, invitation.role),
            origin=origin,
            target=Target("user", str(user.id), user.email),
            result="success",
            data={"role": invitation.role, "invited_by": invitation.invited_by_name},
            rows=[projections.no_invitation(invitation.id), projections.of_member(membership)],
        )
    return membership


def record_refused(refusal: InvitationUnusable, user: User | None, origin: Origin) -> None:
    """In the team's log; in the panel's when nobody knows which team was meant."""
    invitation = refusal.invitation
    actor = Actor("user", str(user.id), user.email) if user else Actor("nobody", "", "")
    chain = str(invitation.team_id) if invitation else PANEL
    refusals.tally.tell()
    if not refusals.is_recorded("invitation.refused", chain, actor, origin):
        return
    record_now(
        "invitation.refused",
        chain=chain,
        actor=actor,
        origin=origin,
        target=Target(
            "invitation",
            str(invitation.id) if invitation else "",
            invitation.email if invitation else "nobody known here",
        ),
        result="denied",
        data={"why": refusal.why},
    )


def _refuse_over(invitation: Invitation) -> None:
    if invitation.team.closed_at is not None:
        raise InvitationUnusable("team_closed", invitation)
    if invitation.accepted_at is not None:
        raise InvitationUnusable("used", invitation)
    if invitation.revoked_at is not None:
        raise InvitationUnusable("revoked", invitation)
    if invitation.expires_at <= clock.now():
        raise InvitationUnusable("expired", invitation)


def _is_explained(invitation: Invitation) -> bool:
    said = projections.of_invitation(invitation)
    return projections.is_explained(invitation.team_id, said)


def _refuse_outgrown(invitation: Invitation) -> None:
    """Who invited must still be able to give that much: a demotion reaches what was sent before."""
    try:
        inviter = access.scope_at_work(
            UUID(invitation.invited_by_id), invitation.team_id, "members.manage"
        )
        if inviter is None:
            raise InvitationUnusable("inviter", invitation)
        check_grant(inviter, invitation.role, reach_of(invitation))
    except (MemberRefused, ValueError):
        raise InvitationUnusable("inviter", invitation) from None


def _digest(token: str) -> str:
    """256 random bits need no salt and no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def _insist(scope: Scope) -> None:
    access.require(scope, "members.manage", "")


def _good_address(email: str) -> str:
    email = email.strip()
    try:
        validate_email(email)
        MaxLengthValidator(_LONGEST_ADDRESS)(email)
    except ValidationError:
        raise MemberRefused(_("Enter an e-mail address, such as bob@example.com.")) from None
    if not folded(email):
        raise MemberRefused(not_ascii())
    return folded(email)


def _count(scope: Scope, email: str) -> None:
    try:
        limits.take(
            (limits.INVITATIONS_OF_PERSON, scope.actor.id),
            (limits.INVITATIONS_OF_TEAM, str(scope.team_id)),
            (limits.MAILS_OF_ADDRESS, email),
        )
    except limits.Exceeded as over:
        sentences = {
            limits.INVITATIONS_OF_PERSON: _(
                "You have sent %(most)d invitations within an hour. You can send the next one "
                "after %(time)s."
            ),
            limits.INVITATIONS_OF_TEAM: _(
                "The team has sent %(most)d invitations within a day. It can send the next one "
                "after %(time)s."
            ),
            limits.MAILS_OF_ADDRESS: _(
                "%(most)d mails were sent to this address within an hour. It can get the next one "
                "after %(time)s."
            ),
        }
        words = {"most": over.rule.most, "time": over.time}
        raise MemberRefused(sentences[over.rule] % words) from None


def _refuse_member(scope: Scope, email: str) -> None:
    if _is_member(scope.team_id, email):
        raise MemberRefused(_("%(email)s is in the team already.") % {"email": email})


def _is_member(team_id: UUID, email: str) -> bool:
    return Membership.objects.filter(team_id=team_id, user__email=folded(email)).exists()


def _target(invitation: Invitation) -> Target:
    return Target("invitation", str(invitation.id), invitation.email)
