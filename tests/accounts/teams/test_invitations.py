"""Invitations: bound to one address, used once, for 72 hours, and never more than the inviter."""

from datetime import timedelta

import pytest

from controlpanel.accounts.access import Denied
from controlpanel.accounts.models import Invitation, Membership, Team, User
from controlpanel.accounts.teams import invitations, members, roles
from controlpanel.accounts.teams.invitations import InvitationUnusable
from controlpanel.accounts.teams.members import MemberRefused
from controlpanel.accounts.teams.roles import RoleRefused
from controlpanel.audit.models import AuditEvent
from controlpanel.lib import clock
from controlpanel.lib.scope import EVERYTHING, Origin
from tests.people import PASSWORD, join, with_labels

PROD = with_labels("env:prod")
WHERE = Origin(via="page", address="192.0.2.7", request_id="r-1")


@pytest.fixture
def nora(db):
    """Known here, in no team yet."""
    return User.objects.create_user("nora@example.com", PASSWORD, name="Nora")


@pytest.fixture
def invited(alice, nora):
    return invitations.invite(alice.scope(), "Nora@Example.com ", "operator", PROD)


def refused(token, user):
    with pytest.raises(InvitationUnusable) as refusal:
        invitations.accept(token, user, WHERE)
    invitations.record_refused(refusal.value, user, WHERE)
    assert not Membership.objects.filter(user=user).exists()
    return AuditEvent.objects.filter(event="invitation.refused").latest("at")


def test_it_works(invited, nora, team):
    _invitation, token = invited
    membership = invitations.accept(token.reveal(), nora, WHERE)
    assert (membership.role, membership.reach, membership.team_id) == ("operator", PROD, team.id)
    sent, accepted = AuditEvent.objects.filter(event__startswith="invitation.").order_by("seq")
    assert sent.target_name == "nora@example.com"
    assert sent.data["after"] == {
        "role": "operator",
        "reach": "labels",
        "labels": ["env:prod"],
    }
    assert (accepted.actor_name, accepted.address) == ("nora@example.com", "192.0.2.7")
    assert accepted.data["invited_by"] == "alice@example.com"


def test_the_token_is_kept_nowhere(invited):
    _invitation, token = invited
    kept = " ".join(str(value) for value in Invitation.objects.values_list().get())
    kept += " ".join(AuditEvent.objects.values_list("canonical", flat=True))
    assert token.reveal() not in kept
    assert len(token.reveal()) == 43
    assert token.reveal() not in repr(invited)


@pytest.mark.parametrize("guess", ["", "x", "A" * 43, "A" * 5000, "é" * 43, "a\x00b"])
def test_a_guess_is_refused_in_the_panels_own_log(invited, nora, guess):
    event = refused(guess, nora)
    assert (event.chain, event.data["why"], event.actor_name) == (
        "panel",
        "unknown",
        "nora@example.com",
    )


def test_it_works_once(invited, nora, alice):
    _invitation, token = invited
    membership = invitations.accept(token.reveal(), nora, WHERE)
    members.remove(alice.scope(), membership)
    event = refused(token.reveal(), nora)
    assert (event.chain, event.data["why"]) == (alice.team.chain, "used")


def test_another_address_is_refused(invited, nora, charlie, team):
    _invitation, token = invited
    with pytest.raises(InvitationUnusable) as refusal:
        invitations.accept(token.reveal(), charlie.user, WHERE)
    invitations.record_refused(refusal.value, charlie.user, WHERE)
    event = AuditEvent.objects.get(event="invitation.refused")
    assert (event.chain, event.data["why"]) == (team.chain, "other_address")
    assert (event.actor_name, event.target_name) == ("charlie@example.com", "nora@example.com")
    assert not Membership.objects.filter(user=charlie.user, team=team).exists()
    assert invitations.accept(token.reveal(), nora, WHERE)


def test_after_72_hours_it_is_refused(invited, nora):
    _invitation, token = invited
    clock.shift(timedelta(hours=72) - timedelta(minutes=1))
    assert invitations.find(token.reveal(), nora)
    clock.shift(timedelta(minutes=1))
    assert refused(token.reveal(), nora).data["why"] == "expired"


def test_a_revoked_one_is_refused(invited, nora, alice):
    invitation, token = invited
    invitations.revoke(alice.scope(), invitation)
    invitations.revoke(alice.scope(), invitation)
    assert AuditEvent.objects.filter(event="invitation.revoked").count() == 1
    assert refused(token.reveal(), nora).data["why"] == "revoked"


def test_one_that_was_sent_again_replaces_the_first(invited, nora, alice):
    invitation, token = invited
    again, fresh = invitations.resend(alice.scope(), invitation)
    assert list(invitations.open_ones(alice.scope())) == [again]
    assert refused(token.reveal(), nora).data["why"] == "revoked"
    assert invitations.accept(fresh.reveal(), nora, WHERE).reach == PROD


def demoted(alice, adam):
    members.change(alice.scope(), adam.membership, "viewer", EVERYTHING)


def narrowed(alice, adam):
    members.change(alice.scope(), adam.membership, "admin", with_labels("env:staging"))


def suspended(alice, adam):
    members.suspend(alice.scope(), adam.membership)


def removed(alice, adam):
    members.remove(alice.scope(), adam.membership)


@pytest.mark.parametrize("outgrow", [demoted, narrowed, suspended, removed])
def test_whoever_invited_must_still_be_able_to(alice, adam, nora, outgrow):
    _invitation, token = invitations.invite(adam.scope(), nora.email, "operator", PROD)
    outgrow(alice, adam)
    assert refused(token.reveal(), nora).data["why"] == "inviter"


def test_a_role_that_grew_meanwhile_is_refused(alice, adam, nora):
    own = roles.add(alice.scope(), "Deployer", ["servers.view"])
    _invitation, token = invitations.invite(adam.scope(), nora.email, own.slug, EVERYTHING)
    roles.change(alice.scope(), own, "Deployer", ["servers.view", "team.manage"])
    assert refused(token.reveal(), nora).data["why"] == "inviter"
    with pytest.raises(RoleRefused):
        roles.remove(alice.scope(), own)


def test_nobody_invites_to_more_than_they_have(adam, alice, team):
    with pytest.raises(MemberRefused, match="more rights than their own"):
        invitations.invite(adam.scope(), "new@example.com", "owner", EVERYTHING)
    scoped = join(team, "sam", "admin", PROD)
    for reach in (EVERYTHING, PROD):
        with pytest.raises(Denied):
            invitations.invite(scoped.scope(), "new@example.com", "viewer", reach)
    assert not Invitation.objects.exists()


def test_it_requires_the_right(bob, invited):
    invitation, _token = invited
    for act in (
        lambda: invitations.invite(bob.scope(), "new@example.com", "viewer", EVERYTHING),
        lambda: invitations.resend(bob.scope(), invitation),
        lambda: invitations.revoke(bob.scope(), invitation),
    ):
        with pytest.raises(Denied):
            act()


@pytest.mark.parametrize("address", ["", "nora", "nora@", "a b@example.com", "x" * 260 + "@a.org"])
def test_it_needs_an_address(alice, address):
    with pytest.raises(MemberRefused, match="e-mail address"):
        invitations.invite(alice.scope(), address, "viewer", EVERYTHING)


def test_a_member_is_not_invited_again(alice, bob, invited, nora):
    with pytest.raises(MemberRefused, match="in the team already"):
        invitations.invite(alice.scope(), "BOB@example.com", "viewer", EVERYTHING)
    _invitation, token = invited
    Membership.objects.create(team=alice.team, user=nora, role="viewer")
    with pytest.raises(InvitationUnusable):
        invitations.accept(token.reveal(), nora, WHERE)
    assert Membership.objects.get(user=nora).role == "viewer"


def test_other_teams_invitations_are_out_of_sight(charlie, invited, other_team: Team):
    invitation, _token = invited
    assert not invitations.open_ones(charlie.scope()).exists()
    invitations.revoke(charlie.scope(), invitation)
    assert invitation.revoked_at is None
    assert Invitation.objects.get().revoked_at is None
