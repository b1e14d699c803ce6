"""Who is in a team and as what: nobody raises themselves, and an owner always remains."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection
from django.http import Http404
from django.test import RequestFactory

from controlpanel.accounts import access
from controlpanel.accounts.models import Membership
from controlpanel.accounts.teams import members, roles
from controlpanel.accounts.teams.members import MemberRefused
from controlpanel.audit.models import AuditEvent
from controlpanel.lib.scope import EVERYTHING, Reach
from tests.people import join, with_labels, with_servers

PROD, STAGING = with_labels("env:prod"), with_labels("env:staging")


@pytest.fixture
def manager(alice, team):
    """Manages the members, and reaches production only."""
    rights = ["servers.view", "members.view", "members.manage"]
    roles.add(alice.scope(), "People", rights)
    return join(team, "mona", "people", PROD)


def events(name):
    return AuditEvent.objects.filter(event=name)


def test_it_works(alice, bob):
    members.change(alice.scope(), bob.membership, "viewer", PROD)
    assert (bob.membership.role, bob.membership.reach) == ("viewer", PROD)
    (event,) = events("member.changed")
    assert event.data["before"] == {"role": "operator", "reach": "all"}
    assert event.data["after"] == {"role": "viewer", "reach": "labels", "labels": ["env:prod"]}


def test_the_same_again_is_no_change(alice, bob):
    members.change(alice.scope(), bob.membership, "operator", EVERYTHING)
    assert not events("member.changed").exists()


def test_suspension_acts_at_once_and_can_be_lifted(alice, bob, team):
    members.suspend(alice.scope(), bob.membership)
    assert access.scope_at_work(bob.user.id, team.id, "servers.view") is None
    request = RequestFactory().get("/")
    request.user = bob.user
    with pytest.raises(Http404):
        access.scope_for(request, "acme", "servers.view")
    members.suspend(alice.scope(), bob.membership)
    members.restore(alice.scope(), bob.membership)
    assert bob.scope("servers.reboot")
    assert (events("member.suspended").count(), events("member.restored").count()) == (1, 1)


def test_removal_says_what_was(alice, bob):
    members.remove(alice.scope(), bob.membership)
    assert not Membership.objects.filter(user=bob.user).exists()
    (event,) = events("member.removed")
    assert (event.target_name, event.data["before"]["role"]) == ("bob@example.com", "operator")


def test_everybody_may_leave(vera):
    members.remove(vera.scope(), vera.membership)
    assert not Membership.objects.filter(user=vera.user).exists()
    assert events("member.left").get().actor_name == "vera@example.com"


@pytest.mark.parametrize("act", [members.suspend, members.restore, members.remove])
def test_it_requires_the_right(bob, vera, act):
    with pytest.raises(MemberRefused):
        act(bob.scope(), vera.membership)
    with pytest.raises(MemberRefused):
        members.change(bob.scope(), vera.membership, "viewer", PROD)


def test_nobody_changes_themselves(alice, adam):
    for act in (members.suspend, members.restore):
        with pytest.raises(MemberRefused, match="their own membership"):
            act(adam.scope(), adam.membership)
    with pytest.raises(MemberRefused, match="their own membership"):
        members.change(adam.scope(), adam.membership, "viewer", EVERYTHING)


def test_nobody_gives_more_than_they_have(adam, bob):
    with pytest.raises(MemberRefused, match="more rights than their own"):
        members.change(adam.scope(), bob.membership, "owner", EVERYTHING)
    assert [role.slug for role in members.grantable(adam.scope())] == [
        "admin",
        "operator",
        "viewer",
        "auditor",
    ]


def test_nobody_touches_who_has_more(adam, alice):
    with pytest.raises(MemberRefused, match="rights or servers that you lack"):
        members.change(adam.scope(), alice.membership, "viewer", EVERYTHING)
    with pytest.raises(MemberRefused, match="rights or servers that you lack"):
        members.remove(adam.scope(), alice.membership)


@pytest.mark.parametrize(
    "reach", [EVERYTHING, PROD, STAGING, with_labels("env"), with_servers("12345")]
)
def test_nobody_changes_members_who_is_there_for_some_servers(manager, team, reach):
    wanda = join(team, "wanda", "people", PROD)
    with pytest.raises(MemberRefused, match="right to change members"):
        members.change(manager.scope(), wanda.membership, "people", reach)
    with pytest.raises(MemberRefused, match="right to change members"):
        members.suspend(manager.scope(), wanda.membership)


@pytest.mark.parametrize(
    ("reach", "own", "within"),
    [
        (EVERYTHING, EVERYTHING, True),
        (PROD, EVERYTHING, True),
        (PROD, PROD, True),
        (PROD, with_labels("env"), True),
        (with_servers("12345"), with_servers("12345", "12346"), True),
        (EVERYTHING, PROD, False),
        (STAGING, PROD, False),
        (with_labels("env"), PROD, False),
        (with_servers("12345"), PROD, False),
        (with_servers("12345"), with_servers("12346"), False),
    ],
)
def test_what_is_no_more_than_ones_own_servers(reach, own, within):
    assert members.is_within(reach, own) is within


@pytest.mark.parametrize("reach", [PROD, with_servers("12345")])
def test_an_owner_of_some_servers_does_not_count_as_the_last_owner(alice, team, reach):
    """No form makes one; a row may say so all the same."""
    join(team, "olga", "owner", reach)
    with pytest.raises(MemberRefused, match="last owner"):
        members.remove(alice.scope(), alice.membership)


@pytest.mark.parametrize("reach", [Reach("labels"), Reach("servers")])
def test_a_reach_for_nothing_is_refused(alice, bob, reach):
    with pytest.raises(MemberRefused, match="Name the labels or servers"):
        members.change(alice.scope(), bob.membership, "viewer", reach)


def test_an_owner_is_there_for_everything(alice, bob):
    with pytest.raises(MemberRefused, match="all servers"):
        members.change(alice.scope(), bob.membership, "owner", PROD)


def test_a_role_must_exist(alice, bob):
    for role in ("root", "", "Owner"):
        with pytest.raises(MemberRefused, match="team's roles"):
            members.change(alice.scope(), bob.membership, role, EVERYTHING)


def test_the_last_owner_cannot_go(alice, team):
    with pytest.raises(MemberRefused, match="last owner"):
        members.remove(alice.scope(), alice.membership)
    other = join(team, "olga", "owner")
    members.suspend(alice.scope(), other.membership)
    with pytest.raises(MemberRefused, match="last owner"):
        members.remove(alice.scope(), alice.membership)
    members.restore(alice.scope(), other.membership)
    members.remove(alice.scope(), alice.membership)
    assert other.scope("team.manage")


def test_an_inactive_owner_is_none(alice, team):
    other = join(team, "olga", "owner")
    other.user.is_active = False
    other.user.save(update_fields=["is_active"])
    with pytest.raises(MemberRefused, match="last owner"):
        members.remove(alice.scope(), alice.membership)


def test_a_right_that_was_lost_meanwhile_counts_no_more(alice, adam, bob):
    stale = adam.scope("members.manage")
    members.change(alice.scope(), adam.membership, "viewer", EVERYTHING)
    with pytest.raises(MemberRefused, match="do not have the right"):
        members.remove(stale, bob.membership)


def test_somebody_who_has_left_can_neither_act_nor_be_changed(alice, adam, bob):
    stale, gone = adam.scope("members.manage"), bob.membership
    members.remove(alice.scope(), adam.membership)
    with pytest.raises(MemberRefused):
        members.remove(stale, gone)
    members.remove(alice.scope(), gone)
    with pytest.raises(MemberRefused, match="no longer in the team"):
        members.change(alice.scope(), gone, "viewer", EVERYTHING)


def demote_each_other(team, pair, rounds):
    """Both at the same moment, again and again: says how often somebody was refused."""
    refused = 0
    for _ in range(rounds):
        for one, other in (pair, pair[::-1]):
            if one.membership.role != "owner":
                members.change(other.scope("members.manage"), one.membership, "owner", EVERYTHING)
        scopes = [person.scope("members.manage") for person in pair]
        barrier = Barrier(2)

        def demote(place, scopes=scopes, barrier=barrier):
            try:
                barrier.wait()
                members.change(scopes[place], pair[1 - place].membership, "viewer", EVERYTHING)
            except MemberRefused:
                return 1
            finally:
                connection.close()
            return 0

        with ThreadPoolExecutor(2) as pool:
            refused += sum(pool.map(demote, (0, 1)))
        assert Membership.objects.filter(team=team, role="owner").count() == 1
    return refused


@pytest.mark.databases
@pytest.mark.django_db(transaction=True)
def test_two_owners_demote_each_other(alice, team):
    assert demote_each_other(team, (alice, join(team, "olga", "owner")), 20) == 20


@pytest.mark.deep
@pytest.mark.databases
@pytest.mark.django_db(transaction=True)
def test_two_owners_demote_each_other_again_and_again(alice, team):
    assert demote_each_other(team, (alice, join(team, "olga", "owner")), 200) == 200
