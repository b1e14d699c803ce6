"""Letting somebody go: all that they have here on one page, and undone in one step."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from allauth.usersessions.models import UserSession
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from controlpanel.accounts.models import Invitation, Membership
from controlpanel.accounts.teams import invitations, members
from controlpanel.credentials.models import Credential, PanelKey, Revocation
from controlpanel.credentials.panel_keys import services as panel_key_services
from controlpanel.credentials.tokens import offboarding
from controlpanel.lib.scope import Scope
from controlpanel.operations.audit_events import record_outcome
from controlpanel.operations.models import IS_OPEN, Operation
from controlpanel.operations.states import State
from controlpanel.operations.transitions import can_move, move
from controlpanel.servers.models import Server, ServerLock
from controlpanel.servers.selectors import BY_NAME, visible


@dataclass(frozen=True, slots=True)
class Holdings:
    """`queued` will be cancelled; `running` is at VPS.org already and goes on being followed.

    What of it the asking person may not see is there as well: it is undone like the rest.
    """

    tokens: list[Credential]
    keys: list[PanelKey]
    sessions: list[UserSession]
    queued: list[Operation]
    running: list[Operation]
    invitations: list[Invitation]
    locks: list[ServerLock]
    created: list[Server]


def holdings(scope: Scope, member: Membership) -> Holdings:
    theirs = Operation.objects.filter(team_id=scope.team_id, actor_id=str(member.user_id))
    unfinished = list(theirs.filter(IS_OPEN).select_related("account"))
    made = theirs.filter(
        kind="create", account_id=OuterRef("account_id"), provider_id=OuterRef("provider_id")
    )
    return Holdings(
        tokens=list(offboarding.tokens_of(scope, member.user_id)),
        keys=list(panel_key_services.usable_of(scope, member.user_id)),
        sessions=list(UserSession.objects.filter(user_id=member.user_id)),
        queued=[one for one in unfinished if one.state == State.REQUESTED.value],
        running=[one for one in unfinished if one.state != State.REQUESTED.value],
        invitations=list(invitations.open_ones(scope).filter(invited_by_id=str(member.user_id))),
        locks=list(
            ServerLock.objects.filter(
                by_id=str(member.user_id), server__in=visible(scope).filter(gone_at=None)
            ).select_related("server")
        ),
        created=list(visible(scope).filter(Exists(made), gone_at=None).order_by(*BY_NAME)),
    )


def let_go(scope: Scope, member: Membership, successors: Mapping[UUID, UUID]) -> list[Revocation]:
    """Removes the member and all that they hold here; what they did stays on record.

    `successors`: by account, the credential that reads it from now on. Returns what must still
    be revoked at VPS.org. Raises members.MemberRefused, and nothing was done then.
    """
    with transaction.atomic():
        members.remove(scope, member)
        # Only now: nothing of theirs can be added while the team is held.
        theirs = holdings(scope, member)
        for operation in theirs.queued:
            _cancel(operation)
        for invitation in theirs.invitations:
            invitations.revoke(scope, invitation)
        panel_key_services.revoke_all(scope, theirs.keys, "member_removed")
        left = offboarding.forget(scope, member.user_id, successors)
        if not Membership.objects.filter(user_id=member.user_id, team__closed_at=None).exists():
            for session in theirs.sessions:
                session.end()
    return left


def _cancel(operation: Operation) -> None:
    """Not sent, and on record. One that was claimed meanwhile asks for the right by itself."""
    note = _("The person who asked was removed from the team before it was sent.")
    if can_move(operation, State.CANCELLED) and move(
        operation, State.CANCELLED, code="member_removed", note=note
    ):
        record_outcome(operation)
