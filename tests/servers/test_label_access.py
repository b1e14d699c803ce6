"""Labels that decide something: whose they are to put on and take off, and with what reason."""

from datetime import timedelta

import pytest

from controlpanel.accounts.access import Denied
from controlpanel.accounts.models import Invitation, Membership, TeamPolicy
from controlpanel.accounts.teams import invitations, members, team_policies
from controlpanel.audit.models import AuditEvent
from controlpanel.credentials.models import PanelKey
from controlpanel.lib import clock
from controlpanel.operations import services
from controlpanel.operations.models import Operation
from controlpanel.operations.services import Ask, Refused
from controlpanel.servers import label_access, labels
from controlpanel.servers.labels import LabelRefused
from controlpanel.servers.models import ServerLabel
from tests.credentials.keyring import enter, issue
from tests.operations.asks import NEW, fresh, sent
from tests.people import OPERATOR_TOKEN, join, keep_token, with_labels, with_servers

WEB = "web-server-01"


def given(server, *names):
    """As if they had been there before anybody's reach named them."""
    for name in names:
        key, _sign, value = name.partition(":")
        ServerLabel.objects.create(server=server, key=key, value=value)


def put(person, server, names, reason=""):
    labels.put(person.scope(), server, frozenset(names.split()), reason)


# Named by the policy or reach; labels before and after; whether the change touches what is named.
CHANGES = [
    ("env:prod", "", "env:prod", True),
    ("env:prod", "env:prod", "", True),
    ("env:prod", "env:prod", "env:test", True),
    ("env:prod", "env:test", "env:prod", True),
    ("env:prod", "env:prod web", "env:prod", False),
    ("env:prod", "env:prod", "env:prod env:test", False),
    ("env:prod", "", "env", False),
    ("env:prod", "", "env:production", False),
    ("env:prod", "", "environment:prod", False),
    ("env", "", "env", True),
    ("env", "env:prod", "", True),
    ("env", "env:prod", "env:test", True),
    ("env", "env:prod env:test", "env:prod", True),
    ("env", "", "environment", False),
    ("team.a:x_1-2", "team.a:x_1-2", "", True),
    ("team.a:x_1-2", "team.a:x_1-2", "team.a:x_1-2 b", False),
]


@pytest.mark.parametrize(("named", "before", "after", "touched"), CHANGES)
def test_a_policys_label_needs_a_reason(bob, server, named, before, after, touched):
    given(server(WEB), *before.split())
    TeamPolicy.objects.create(team=bob.team, reason_labels=[named])
    if touched:
        for none in ("", "  ", "\u200b\u202e"):
            with pytest.raises(LabelRefused, match="asks for a reason") as refused:
                put(bob, server(WEB), after, none)
            assert refused.value.field == "reason"
        assert labels.of(server(WEB)) == set(before.split())
        assert not AuditEvent.objects.filter(event="server.labelled").exists()
        put(bob, server(WEB), after, "Moved to another stage.")
        event = AuditEvent.objects.get(event="server.labelled")
        assert event.reason == "Moved to another stage."
    else:
        put(bob, server(WEB), after)
    assert labels.of(server(WEB)) == set(after.split())


@pytest.mark.parametrize(("named", "before", "after", "touched"), CHANGES)
def test_a_reachs_label_needs_the_right_to_manage_all_members(
    bob, adam, server, team, named, before, after, touched
):
    given(server(WEB), *before.split())
    join(team, "pat", "viewer", with_labels(named, "elsewhere"))
    if touched:
        with pytest.raises(Denied, match=r"members\.manage"):
            put(bob, server(WEB), after)
        assert labels.of(server(WEB)) == set(before.split())
        assert AuditEvent.objects.filter(event="authz_fail").count() == 1
        put(adam, server(WEB), after)
    else:
        put(bob, server(WEB), after)
    assert labels.of(server(WEB)) == set(after.split())


def by_member(team, account):
    join(team, "pat", "viewer", with_labels("env:prod"))


def by_suspended(team, account):
    join(team, "pat", "viewer", with_labels("env"))
    Membership.objects.filter(reach_kind="labels").update(suspended_at=clock.now())


def by_key(team, account):
    issue(join(team, "kim", "operator"), account, reach=with_labels("env:prod"))


def by_rotated_key(team, account):
    issue(join(team, "kim", "operator"), account, reach=with_labels("env:prod", "web"), days=1)


def by_invitation(team, account):
    head = join(team, "head", "admin").scope()
    invitations.invite(head, "nora@example.com", "viewer", with_labels("env:prod"))


DECIDING = [by_member, by_suspended, by_key, by_rotated_key, by_invitation]


def ended_key(team, account):
    by_key(team, account)
    PanelKey.objects.update(expires_at=clock.now() - timedelta(seconds=1))


def revoked_key(team, account):
    by_key(team, account)
    PanelKey.objects.update(revoked_at=clock.now())


def ended_invitation(team, account):
    by_invitation(team, account)
    Invitation.objects.update(expires_at=clock.now())


def of_servers(team, account):
    join(team, "pat", "viewer", with_servers("12345"))


def other_label(team, account):
    join(team, "pat", "viewer", with_labels("web"))


NOT_DECIDING = [ended_key, revoked_key, ended_invitation, of_servers, other_label]


@pytest.mark.parametrize("named", DECIDING)
def test_it_is_whoevers_reach_names_it(bob, team, synced, server, named):
    named(team, synced)
    with pytest.raises(Denied, match=r"members\.manage"):
        put(bob, server(WEB), "env:prod")
    assert labels.of(server(WEB)) == set()


@pytest.mark.parametrize("named", NOT_DECIDING)
def test_what_is_over_or_about_something_else_names_nothing(bob, team, synced, server, named):
    named(team, synced)
    put(bob, server(WEB), "env:prod")
    assert labels.of(server(WEB)) == {"env:prod"}


def test_another_teams_reach_and_policy_are_none_of_ours(bob, other_team, server):
    join(other_team, "gus", "viewer", with_labels("env:prod"))
    TeamPolicy.objects.create(team=other_team, reason_labels=["env:prod"])
    put(bob, server(WEB), "env:prod")


@pytest.mark.parametrize("reach", [with_labels("env:prod"), with_servers("12345")])
def test_somebody_with_a_part_of_the_servers_never_decides_who_sees_one(team, server, reach):
    """Whatever their role: they would give it to themselves, or to others."""
    given(server(WEB), "env:prod", "web")
    head = join(team, "head", "admin", reach)
    join(team, "pat", "viewer", with_labels("web"))
    with pytest.raises(Denied, match=r"members\.manage"):
        put(head, server(WEB), "env:prod")
    assert labels.of(server(WEB)) == {"env:prod", "web"}


def test_a_right_that_went_meanwhile_is_gone(alice, adam, server, team):
    join(team, "pat", "viewer", with_labels("env:prod"))
    held = adam.scope()
    members.change(alice.scope(), adam.membership, "admin", with_servers("12345"))
    with pytest.raises(Denied):
        labels.put(held, server(WEB), frozenset({"env:prod"}))


def test_the_record_names_the_guarded_ones_that_were_taken_off(alice, server, team):
    given(server(WEB), "env:prod", "web", "free")
    join(team, "pat", "viewer", with_labels("env:prod"))
    team_policies.change(alice.scope(), reason_labels=["web"])
    put(alice, server(WEB), "env:test", "Over.")
    put(alice, server(WEB), "env:prod", "Again.")
    off, on = AuditEvent.objects.filter(event="server.labelled").order_by("seq")
    assert off.data["guarded"] == ["env:prod", "web"]
    assert "guarded" not in on.data


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("", "env:prod", [("Kim", True), ("Pat", True)]),
        ("env:prod", "", [("Kim", False), ("Pat", False)]),
        ("env:test", "env:prod", [("Pat", True)]),
        ("env:prod", "env:prod x", []),
        ("", "x", []),
        ("", "web", [("the panel key ci-deploy of Bob", True)]),
        ("web", "env:test", [("Kim", True), ("the panel key ci-deploy of Bob", False)]),
        ("", "db", []),
        ("", "db env:test", [("Kim", True), ("the panel key narrow of Kim", True)]),
        ("db env:test", "env:test", [("the panel key narrow of Kim", False)]),
        ("", "guest", [("nora@example.com (invited)", True)]),
    ],
)
def test_it_says_who_gains_and_who_loses(alice, bob, team, synced, before, after, expected):
    join(team, "pat", "viewer", with_labels("env:prod"))
    kim = join(team, "kim", "operator", with_labels("env"))
    issue(bob, synced, reach=with_labels("web"))
    # Both must hold: the key's own reach, and its creator's.
    issue(kim, synced, "narrow", reach=with_labels("env:test"))
    PanelKey.objects.filter(name="narrow").update(reach_labels=["db"])
    join(team, "sol", "viewer", with_servers("12345"))
    invitations.invite(alice.scope(), "nora@example.com", "viewer", with_labels("guest"))
    found = label_access.effects(team.id, "12345", before.split(), after.split())
    assert [(one.name, one.gains) for one in found] == expected


# Whose reach names env:prod; who creates; with which labels; whether that may be.
@pytest.mark.parametrize(
    ("reach", "role", "names", "may"),
    [
        (None, "operator", "env:prod", False),
        (None, "operator", "env:test", True),
        (None, "operator", "env", True),
        (None, "operator", "", True),
        (None, "operator", "web env:prod", False),
        (None, "admin", "env:prod", True),
        (with_labels("env:prod"), "operator", "env:prod", True),
        (with_labels("env"), "operator", "env:prod", True),
        (with_labels("web"), "operator", "web", True),
        (with_labels("web"), "operator", "web env:prod", False),
        (with_labels("web"), "admin", "web env:prod", False),
    ],
)
def test_a_new_server_is_given_no_label_that_decides_for_others(
    team, synced, reach, role, names, may
):
    join(team, "pat", "viewer", with_labels("env:prod"))
    maker = join(team, "mia", role, *([reach] if reach else []))
    keep_token(maker.user, synced, OPERATOR_TOKEN)

    def create():
        return services.create(
            maker.scope(), synced, dict(NEW), Ask("form-0001"), frozenset(names.split())
        )

    if may:
        assert create().state == "requested"
        return
    with pytest.raises(Refused, match="decide who sees a server") as refused:
        create()
    assert (refused.value.field, refused.value.code) == ("labels", "label_decides_access")
    assert not Operation.objects.exists()


def test_a_panel_key_gives_only_the_labels_that_it_is_for(alice, team, synced):
    join(team, "pat", "viewer", with_labels("env:prod"))
    wide = enter(issue(alice, synced)).scope
    narrow = enter(issue(alice, synced, "narrow", reach=with_labels("env:prod"))).scope
    with pytest.raises(Refused, match="decide who sees"):
        services.create(wide, synced, dict(NEW), Ask("form-0001"), frozenset({"env:prod"}))
    made = services.create(narrow, synced, dict(NEW), Ask("form-0002"), frozenset({"env:prod"}))
    assert made.state == "requested"


def test_it_is_asked_again_at_the_moment_of_sending(bob, team, synced, sandbox):
    asked = services.create(
        bob.scope(), synced, dict(NEW), Ask("form-0001"), frozenset({"env:prod"})
    )
    join(team, "pat", "viewer", with_labels("env:prod"))
    sandbox.journal.clear()
    assert sent(asked).state == "cancelled"
    assert fresh(asked.id).code == "right_gone"
    assert not sandbox.changes()
