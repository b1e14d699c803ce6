"""The role table, written out a second time so that a slip in one is seen."""

import pytest

from controlpanel.accounts import permissions

TABLE = """
servers.view      owner admin operator viewer auditor
servers.create    owner admin operator
servers.edit      owner admin operator
servers.start     owner admin operator
servers.stop      owner admin operator
servers.reboot    owner admin operator
servers.delete    owner admin
servers.lock      owner admin operator
servers.unlock    owner admin
labels.edit       owner admin operator
tokens.own        owner admin operator
accounts.connect  owner admin
audit.view        owner admin auditor
audit.export      owner admin auditor
audit.review      owner admin auditor
members.view      owner admin operator viewer auditor
members.manage    owner admin
keys.own          owner admin operator viewer auditor
keys.others       owner admin
policies.manage   owner
team.manage       owner
"""
EXPECTED = {line.split()[0]: set(line.split()[1:]) for line in TABLE.strip().splitlines()}


def test_no_permission_is_missing():
    assert set(permissions.PERMISSIONS) == set(EXPECTED)
    assert {p for role in permissions.ROLES.values() for p in role.permissions} == set(EXPECTED)


@pytest.mark.parametrize("permission", EXPECTED)
def test_each_right_is_with_these_roles(permission):
    carriers = {role.slug for role in permissions.ROLES.values() if permission in role.permissions}
    assert carriers == EXPECTED[permission]


def test_only_reading_outlives_a_team():
    assert {"audit.view", "audit.export"} == permissions.AFTER_CLOSING


# For each right whether it is about the whole team, said once more and by hand.
WHOLE_TEAM = {
    "servers.view": False,
    "servers.create": False,
    "servers.edit": False,
    "servers.start": False,
    "servers.stop": False,
    "servers.reboot": False,
    "servers.delete": False,
    "servers.lock": False,
    "servers.unlock": False,
    "labels.edit": False,
    "tokens.own": False,
    "accounts.connect": True,
    "audit.view": False,
    "audit.export": False,
    "audit.review": False,
    "members.view": False,
    "members.manage": True,
    "keys.own": False,
    "keys.others": True,
    "policies.manage": True,
    "team.manage": True,
}


def test_it_is_said_of_every_right_whether_it_is_about_the_whole_team():
    assert {
        right: right in permissions.TEAM_WIDE for right in permissions.PERMISSIONS
    } == WHOLE_TEAM


def test_an_unknown_role_may_nothing():
    assert permissions.ROLES.get("root") is None
