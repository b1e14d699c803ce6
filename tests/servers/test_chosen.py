"""Chosen servers in anybody's reach end with the server: another one of that id is not theirs."""

from datetime import timedelta

import pytest
from django.conf import settings

from controlpanel.accounts.models import Account, Invitation, Membership
from controlpanel.accounts.teams import invitations, members
from controlpanel.audit.models import AuditEvent
from controlpanel.audit.tables import differences, projections
from controlpanel.credentials.models import PanelKey
from controlpanel.credentials.panel_keys import services as panel_key_services
from controlpanel.lib import clock
from controlpanel.operations.following import polling
from controlpanel.operations.leaving import disconnecting
from controlpanel.servers import selectors
from controlpanel.servers.models import Server
from tests.people import GLOBEX_TOKEN, OWNER_TOKEN, join, keep_token, look, with_servers

pytestmark = [pytest.mark.databases]

WEB, DB = "12345", "12346"
LIST = r"/servers/(\?.*)?$"
DETAIL = rf"/servers/{WEB}/$"
OTHER = "2031-01-01T00:00:00Z"


def connected(person, name="Again", token=OWNER_TOKEN, origin=""):
    account = Account.objects.create(
        team=person.team, name=name, origin=origin or settings.VPSORG_API_ORIGIN
    )
    keep_token(person.user, account, token, is_sync=True)
    return account


def disconnect(alice, account):
    account.refresh_from_db()
    disconnecting.disconnect(alice.scope("accounts.connect"), account)


def given_to(alice, person, *ids):
    role = person.membership.role
    members.change(alice.scope("members.manage"), person.membership, role, with_servers(*ids))


def of(person):
    return set(person.membership.reach_servers)


def sees(person):
    return {one.provider_id for one in selectors.visible(person.scope()).filter(gone_at=None)}


def shown_as(sandbox, **values):
    sandbox.fault("rewrite", "GET", LIST, set=values, times=None)


def away(account, **ago):
    Server.objects.filter(account=account, provider_id=WEB).update(
        gone_at=clock.now() - timedelta(**(ago or {"hours": 1}))
    )


def replaced():
    return AuditEvent.objects.filter(event="server.replaced")


@pytest.fixture
def chosen(alice, bob, synced):
    """Bob is there for two servers, and so is a key of alice's, which outlives the account. Carol
    is invited for one."""
    given_to(alice, bob, WEB, DB)
    panel_key_services.issue(
        alice.scope("keys.own"),
        connected(alice, "Other", GLOBEX_TOKEN),
        name="ci",
        permissions=frozenset({"servers.view"}),
        reach=with_servers(WEB, DB),
        addresses=[],
        days=30,
    )
    scope = alice.scope("members.manage")
    invitations.invite(scope, "carol@example.com", "viewer", with_servers(WEB))
    return synced


def reaches():
    return [
        set(Membership.objects.get(user__email="bob@example.com").reach_servers),
        set(PanelKey.objects.get(name="ci").reach_servers),
        set(Invitation.objects.get().reach_servers),
    ]


AFTER = [{DB}, {DB}, set()]


@pytest.mark.parametrize(
    ("how", "shown", "ends"),
    [
        ("gone", {"created_at": OTHER}, True),
        ("gone", {"created_at": "2001-01-01T00:00:00Z"}, True),
        ("gone", {}, False),
        ("gone", {"name": "other", "hostname": "other.example.com"}, False),
        ("gone", {"created_at": None}, False),
        ("missed", {"created_at": OTHER}, True),
        ("missed", {}, False),
        ("untold", {"created_at": OTHER}, True),
        ("untold", {}, False),
        ("again", {"created_at": OTHER}, True),
        ("again", {}, False),
        ("again", {"created_at": None}, False),
        ("elsewhere", {"created_at": OTHER}, True),
        ("elsewhere", {}, False),
    ],
)
def test_reach_ends_with_the_server(alice, chosen, sandbox, how, shown, ends):
    """`how` the id was away: gone, missed once, its time of creation not told, in an account that
    was disconnected and connected again, or gone there and shown by another account."""
    account, one = chosen, Server.objects.get(account=chosen, provider_id=WEB)
    if how in {"gone", "elsewhere"}:
        away(chosen)
    elif how == "missed":
        Server.objects.filter(id=one.id).update(misses=1)
    elif how == "untold":
        Server.objects.filter(id=one.id).update(untold={"created_at": None})
    if how == "again":
        disconnect(alice, chosen)
    if how in {"again", "elsewhere"}:
        account = connected(alice)
    if shown:
        shown_as(sandbox, **shown)
    look(account)
    assert [WEB in one for one in reaches()] == [not ends] * 3
    assert replaced().exists() == ends
    assert not projections.compare(alice.team.chain)


def test_what_it_means_and_what_the_log_says(alice, bob, chosen, sandbox):
    assert sees(bob) == {WEB, DB}
    away(chosen)
    shown_as(sandbox, created_at=OTHER)
    look(chosen)
    assert sees(bob) == {DB}
    assert bob.get(f"/teams/acme/servers/{WEB}/").status_code == 404
    event = replaced().get()
    assert (event.target_id, event.actor_kind, event.result) == (WEB, "worker", "success")
    assert event.content["data"] == {
        "members": ["bob@example.com"],
        "invitations": ["carol@example.com"],
        "keys": ["ci"],
    }
    assert not differences.check(alice.team.chain)
    assert "came back as another server" in alice.get("/teams/acme/audit/").content.decode()


def test_the_last_chosen_server_leaves_nothing_and_not_all(alice, bob, chosen, sandbox):
    given_to(alice, bob, WEB)
    away(chosen)
    shown_as(sandbox, created_at=OTHER)
    look(chosen)
    assert bob.membership.reach.kind == "servers"
    assert sees(bob) == set()
    assert bob.get("/teams/acme/servers/").status_code == 200
    given_to(alice, bob, WEB)  # by somebody who knows the new one
    look(chosen)
    assert sees(bob) == {WEB}


def test_a_second_look_says_it_once(alice, chosen, sandbox):
    away(chosen)
    shown_as(sandbox, created_at=OTHER)
    look(chosen)
    look(chosen)
    assert replaced().count() == 1


def test_the_detail_of_one_tells_it_as_well(alice, bob, chosen, sandbox):
    """A list that lacks the time of creation says nothing of it; the server's own address does."""
    away(chosen)
    shown_as(sandbox, created_at=None)
    look(chosen)
    back = Server.objects.get(account=chosen, provider_id=WEB)
    assert (back.gone_at, of(bob)) == (None, {WEB, DB})
    Server.objects.filter(id=back.id).update(
        created_at=clock.now() - timedelta(days=300), untold={"created_at": None}
    )
    sandbox.fault("rewrite", "GET", DETAIL, set={"created_at": OTHER}, times=None)
    polling.poll_server(Server.objects.get(id=back.id), 5)
    assert of(bob) == {DB}


def test_suspended_members_and_expired_keys_too(alice, bob, chosen, sandbox):
    members.suspend(alice.scope("members.manage"), bob.membership)
    PanelKey.objects.update(expires_at=clock.now() - timedelta(days=1))
    away(chosen)
    shown_as(sandbox, created_at=OTHER)
    look(chosen)
    assert reaches() == AFTER


def test_revoked_keys_and_used_invitations_are_left_alone(alice, chosen, sandbox):
    panel_key_services.revoke(alice.scope(), PanelKey.objects.get())
    invitations.revoke(alice.scope(), Invitation.objects.get())
    away(chosen)
    shown_as(sandbox, created_at=OTHER)
    look(chosen)
    assert reaches() == [{DB}, {WEB, DB}, {WEB}]
    assert not differences.check(alice.team.chain)


def test_of_another_team_nobody_loses_anything(alice, charlie, chosen, sandbox):
    theirs = connected(charlie)
    look(theirs)
    carl = join(charlie.team, "carl", "viewer", with_servers(WEB))
    away(chosen)
    shown_as(sandbox, created_at=OTHER)
    look(chosen)
    assert reaches() == AFTER
    assert sees(carl) == {WEB}


def test_labels_and_all_servers_are_no_chosen_ones(alice, bob, chosen, sandbox):
    Membership.objects.filter(user=bob.user).update(reach_kind="labels", reach_labels=["web"])
    away(chosen)
    shown_as(sandbox, created_at=OTHER)
    look(chosen)
    assert of(bob) == {WEB, DB}  # as it stood there, of no effect
    assert alice.membership.reach.is_all


def test_another_account_of_the_team_leaves_it(alice, bob, chosen, sandbox):
    """It shows other servers; that one of its own is gone is nobody else's."""
    look(Account.objects.get(name="Other"))
    assert of(bob) == {WEB, DB}


def test_a_list_that_is_not_believed_takes_nothing(alice, bob, chosen, sandbox):
    Server.objects.filter(account=chosen, provider_id=WEB).update(misses=1)
    shown_as(sandbox, created_at=OTHER)
    for one in "abcdefgh":
        Server.objects.create(account=chosen, provider_id=one, name=one)
    look(chosen)
    assert of(bob) == {WEB, DB}


def test_a_row_that_differs_is_not_vouched_for(alice, bob, chosen, sandbox):
    Membership.objects.filter(user=bob.user).update(role="admin")
    away(chosen)
    shown_as(sandbox, created_at=OTHER)
    look(chosen)
    assert of(bob) == {DB}
    assert [one.table for one in differences.check(alice.team.chain)] == ["membership"]


def test_an_invitation_without_servers_is_not_accepted_or_sent_again(alice, chosen, sandbox):
    away(chosen)
    shown_as(sandbox, created_at=OTHER)
    look(chosen)
    with pytest.raises(members.MemberRefused, match="Name the labels or servers"):
        invitations.resend(alice.scope("members.manage"), Invitation.objects.get())


def test_reach_at_one_api_address_is_none_at_another(alice, bob, chosen, sandbox, settings):
    """A team that began at a sandbox, and works with the provider itself from now on."""
    Account.objects.filter(id=chosen.id).update(origin="https://elsewhere.example")
    account = connected(alice)
    look(account)
    assert sees(bob) == set()
    assert reaches() == [set(), set(), set()]
    given_to(alice, bob, WEB)
    disconnect(alice, account)
    again = connected(alice, "Once more")
    look(again)
    assert sees(bob) == {WEB}
    assert not differences.check(alice.team.chain)
