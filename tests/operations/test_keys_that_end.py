"""Panel keys end with what they hang on: a membership, an account, a team."""

import pytest

from controlpanel.accounts.models import Membership
from controlpanel.accounts.permissions import ROLES
from controlpanel.accounts.teams import members, roles
from controlpanel.audit.log.recorder import AuditUnavailable
from controlpanel.audit.models import AuditEvent
from controlpanel.credentials.models import PanelKey
from controlpanel.lib.scope import EVERYTHING
from controlpanel.operations.leaving import disconnecting, offboarding
from tests.credentials.keyring import _fresh_minute, expire, issue, why_not  # noqa: F401
from tests.tools.breaking import broken_audit

pytestmark = [pytest.mark.databases, pytest.mark.django_db]


def revoked():
    return AuditEvent.objects.filter(event="panel_key.revoked").order_by("seq")


def membership(person):
    return Membership.objects.get(user=person.user)


def test_with_a_membership(alice, bob, account):
    mine, theirs = issue(alice, account, "mine"), issue(bob, account, "theirs")
    over = issue(bob, account, "over")
    expire(over)
    scope = alice.scope("members.manage")
    held = offboarding.holdings(scope, membership(bob))
    assert [key.name for key in held.keys] == ["theirs"]
    offboarding.let_go(scope, membership(bob), {})
    assert (why_not(mine), why_not(theirs)) == ("", "revoked")
    event = revoked().get()
    assert (event.target_name, event.data["why"]) == ("theirs", "member_removed")
    assert event.actor_name == alice.user.email
    assert PanelKey.objects.get(id=theirs.key.id).revoked_by == alice.user.email


def test_when_somebody_leaves(bob, account):
    issued = issue(bob, account)
    offboarding.let_go(bob.scope(), membership(bob), {})
    assert why_not(issued) == "revoked"
    assert revoked().get().actor_name == bob.user.email


def test_whoever_removes_members_need_not_see_keys(alice, adam, bob, account):
    """A role of the team's own may remove people and not look at their keys."""
    rights = ROLES["admin"].permissions - {"keys.others"}
    role = roles.add(alice.scope(), "Personnel", rights)
    issued = issue(bob, account)
    members.change(alice.scope(), membership(adam), role.slug, EVERYTHING)
    offboarding.let_go(adam.scope("members.manage"), membership(bob), {})
    assert why_not(issued) == "revoked"


def test_suspending_keeps_them_and_lets_none_in(alice, bob, account):
    issued = issue(bob, account)
    members.suspend(alice.scope(), membership(bob))
    assert why_not(issued) == "person_gone"
    members.restore(alice.scope(), membership(bob))
    assert why_not(issued) == ""
    assert not revoked().exists()


def test_with_an_account(alice, bob, synced):
    issued = issue(bob, synced)
    disconnecting.disconnect(alice.scope("accounts.connect"), synced)
    assert why_not(issued) == "revoked"
    assert revoked().get().data["why"] == "account_disconnected"
    event = AuditEvent.objects.get(event="account.disconnected")
    assert event.data["keys"] == [{"name": "ci-deploy", "owner": bob.user.email}]


def test_with_a_team(alice, bob, synced):
    issued = issue(bob, synced)
    disconnecting.close(alice.scope("team.manage"))
    assert why_not(issued) == "revoked"
    assert revoked().get().data["why"] == "team_closed"
    event = AuditEvent.objects.get(event="team.closed")
    assert event.data["keys"] == [{"name": "ci-deploy", "owner": bob.user.email}]


def test_nothing_ends_without_a_record(alice, bob, account):
    issued = issue(bob, account)
    with broken_audit(), pytest.raises(AuditUnavailable):
        offboarding.let_go(alice.scope("members.manage"), membership(bob), {})
    assert PanelKey.objects.get(id=issued.key.id).revoked_at is None
