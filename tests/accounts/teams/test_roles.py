"""Roles of a team's own: copied, ticked, never more than whoever makes them has."""

import pytest

from controlpanel.accounts import access, roles_lookup
from controlpanel.accounts.access import Denied
from controlpanel.accounts.models import TeamRole
from controlpanel.accounts.teams import invitations, roles
from controlpanel.accounts.teams.roles import RoleRefused
from controlpanel.audit.models import AuditEvent
from controlpanel.lib.scope import EVERYTHING
from tests.people import join

DEPLOY = ["servers.view", "servers.reboot"]


@pytest.fixture
def deployer(alice):
    return roles.add(alice.scope(), "Deployer", DEPLOY)


def names(event):
    return AuditEvent.objects.filter(event=event)


def test_it_works(alice, deployer, team):
    dora = join(team, "dora", deployer.slug)
    assert dora.scope("servers.reboot").permissions == set(DEPLOY)
    assert roles_lookup.label(team.id, "deployer") == "Deployer"
    (event,) = names("role.added")
    assert (event.target_id, event.data["after"]) == ("deployer", sorted(DEPLOY))


def test_a_change_acts_at_once_and_is_recorded_with_before_and_after(alice, deployer, team):
    dora = join(team, "dora", deployer.slug)
    roles.change(alice.scope(), deployer, "Deployers", ["servers.view"])
    assert access.scope_at_work(dora.user.id, team.id, "servers.reboot") is None
    (event,) = names("role.changed")
    assert event.data["before"] == {"name": "Deployer", "permissions": sorted(DEPLOY)}
    assert event.data["after"] == {"name": "Deployers", "permissions": ["servers.view"]}


def test_the_same_again_is_no_change(alice, deployer):
    roles.change(alice.scope(), deployer, "Deployer", DEPLOY)
    assert not names("role.changed").exists()


def test_nobody_grants_what_they_lack(alice, team):
    roles.add(alice.scope(), "Keeper of roles", ["servers.view", "team.manage"])
    keeper = join(team, "kim", "keeper-of-roles")
    with pytest.raises(RoleRefused, match=r"you lack: servers\.delete"):
        roles.add(keeper.scope(), "More", ["servers.delete"])
    own = TeamRole.objects.get(slug="keeper-of-roles")
    with pytest.raises(RoleRefused):
        roles.change(keeper.scope(), own, "More", [*own.permissions, "servers.delete"])
    assert set(keeper.scope().permissions) == {"servers.view", "team.manage"}


def test_nobody_takes_what_they_lack(alice, deployer, team):
    roles.add(alice.scope(), "Keeper of roles", ["servers.view", "team.manage"])
    keeper = join(team, "kim", "keeper-of-roles")
    for change in (
        lambda: roles.change(keeper.scope(), deployer, "Less", ["servers.view"]),
        lambda: roles.remove(keeper.scope(), deployer),
    ):
        with pytest.raises(RoleRefused, match="rights that you lack"):
            change()


def test_a_right_that_does_not_exist_is_refused(alice):
    with pytest.raises(RoleRefused, match=r"no such right: servers\.explode"):
        roles.add(alice.scope(), "Odd", ["servers.explode"])


@pytest.mark.parametrize(
    ("right", "sight"),
    [
        ("servers.reboot", "see servers"),
        ("labels.edit", "see servers"),
        ("audit.export", "read the audit log"),
        ("members.manage", "see the team's members"),
    ],
)
def test_nobody_acts_on_what_they_do_not_see(alice, deployer, right, sight):
    with pytest.raises(RoleRefused, match=f"must also be able to {sight}"):
        roles.add(alice.scope(), "Blind", [right])
    with pytest.raises(RoleRefused, match="Tick that as well"):
        roles.change(alice.scope(), deployer, "Blind", [right])


def test_a_right_that_no_longer_exists_gives_nothing(alice, team):
    TeamRole.objects.create(team=team, slug="old", name="Old", permissions=["servers.fly"])
    old = roles_lookup.find(team.id, "old")
    assert old is not None
    assert old.permissions == frozenset()
    roles.change(alice.scope(), TeamRole.objects.get(slug="old"), "Old", ["servers.view"])


@pytest.mark.parametrize("name", ["", "  ", "\u200b", "Owner", "owner", "Deployer", "DEPLOYER"])
def test_a_name_is_needed_and_is_no_other_roles(alice, deployer, name):
    with pytest.raises(RoleRefused):
        roles.add(alice.scope(), name, ["servers.view"])
    assert TeamRole.objects.count() == 1


@pytest.mark.parametrize("name", ["Öwner", "審査", "owner!"])
def test_no_name_makes_a_slug_that_is_taken(alice, team, name):
    made = roles.add(alice.scope(), name, ["servers.view"])
    assert made.slug not in {"", "owner"}
    owner = roles_lookup.find(team.id, "owner")
    assert owner is not None
    assert owner.permissions > {"servers.view"}


def test_a_role_in_use_cannot_be_removed(alice, deployer, team):
    join(team, "dora", deployer.slug)
    with pytest.raises(RoleRefused, match="1 person has this role"):
        roles.remove(alice.scope(), deployer)


def test_nor_one_that_somebody_is_invited_to(alice, deployer):
    invited, _token = invitations.invite(
        alice.scope(), "new@example.com", deployer.slug, EVERYTHING
    )
    with pytest.raises(RoleRefused):
        roles.remove(alice.scope(), deployer)
    invitations.revoke(alice.scope(), invited)
    roles.remove(alice.scope(), deployer)
    assert not TeamRole.objects.exists()
    assert names("role.removed").get().data["before"] == sorted(DEPLOY)


def test_another_teams_role_is_none(alice, deployer, charlie, other_team):
    assert roles_lookup.find(other_team.id, deployer.slug) is None
    with pytest.raises(RoleRefused, match="no longer exists"):
        roles.change(charlie.scope(), deployer, "Ours", ["servers.view"])


def test_it_requires_the_right(adam, deployer):
    for change in (
        lambda: roles.add(adam.scope(), "Mine", ["servers.view"]),
        lambda: roles.change(adam.scope(), deployer, "Mine", ["servers.view"]),
        lambda: roles.remove(adam.scope(), deployer),
    ):
        with pytest.raises(Denied):
            change()
