"""What a panel key may do: what it is for, and no more than its creator may at this moment."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from allauth.mfa.models import Authenticator

from controlpanel.accounts import access
from controlpanel.accounts.models import Membership, TeamPolicy
from controlpanel.accounts.teams import members
from controlpanel.audit.models import AuditEvent
from controlpanel.credentials.models import PanelKey
from controlpanel.credentials.panel_keys import authentication, prepared_query, rejections
from controlpanel.credentials.panel_keys import services as panel_key_services
from controlpanel.credentials.panel_keys.format import new_text
from controlpanel.lib import clock
from controlpanel.lib.scope import EVERYTHING
from tests.credentials.keyring import HERE, _fresh_minute, enter, expire, issue, why_not  # noqa: F401
from tests.people import with_labels, with_servers

pytestmark = [pytest.mark.databases, pytest.mark.django_db]


def refusals():
    return AuditEvent.objects.filter(event="panel_key.refused").order_by("seq")


def at(address):
    return replace(HERE, address=address)


def test_it_works(bob, account):
    issued = issue(bob, account)
    found = enter(issued)
    assert found.key.id == issued.key.id
    scope = found.scope
    assert scope.actor.id == str(bob.user.id)
    assert scope.actor.role == "operator"
    assert scope.user_id == bob.user.id
    assert (scope.origin.via, scope.origin.key) == ("gateway", "ci-deploy")
    assert scope.origin.address == HERE.address
    assert scope.key_id == issued.key.id
    assert scope.team_slug == "acme"
    assert scope.permissions == frozenset(panel_key_services.grantable(bob.scope()))
    assert scope.reach.is_all
    assert not refusals().exists()


def test_it_asks_once(bob, account, django_assert_num_queries, monkeypatch):
    issued = issue(bob, account)
    ask, asked = prepared_query.first_row, []

    def counted(*given):
        asked.append(given)
        return ask(*given)

    monkeypatch.setattr(prepared_query, "first_row", counted)
    with django_assert_num_queries(0):  # Django does not see that one
        enter(issued)
    assert len(asked) == 1


def test_what_comes_with_it_is_what_the_database_holds(bob, account, django_assert_num_queries):
    """Put together by hand; nothing of it may be missing, or another's."""
    issued = issue(bob, account, addresses=("192.0.2.0/24",), reach=with_labels("env:prod"))
    TeamPolicy.objects.create(team=bob.team, reason_kinds=["delete"])
    key = enter(issued).key
    plain = PanelKey.objects.select_related("account", "team__policy", "user").get()
    pairs = [
        (key, plain),
        (key.account, plain.account),
        (key.team, plain.team),
        (key.team.policy, plain.team.policy),
    ]
    for given, expected in pairs:
        for column in expected._meta.concrete_fields:
            assert getattr(given, column.attname) == getattr(expected, column.attname)
        assert not given._state.adding
    with django_assert_num_queries(0):
        assert (key.user.id, key.user.email, key.user.name) == (
            bob.user.id, bob.user.email, bob.user.name,
        )  # fmt: skip
        assert "password" not in vars(key.user)


def test_each_of_several_is_found(bob, adam, charlie, account, other_account):
    many = [issue(bob, account), issue(adam, account), issue(charlie, other_account)]
    for issued, person in zip(many, (bob, adam, charlie), strict=True):
        scope = enter(issued).scope
        assert (scope.user_id, scope.team_id) == (person.user.id, person.team.id)
        assert scope.actor.role == person.membership.role


def test_in_another_team_its_creator_counts_for_nothing(bob, account, other_team):
    issued = issue(bob, account)
    Membership.objects.create(team=other_team, user=bob.user, role="owner")
    assert enter(issued).scope.actor.role == "operator"
    Membership.objects.get(team=bob.team, user=bob.user).delete()
    assert why_not(issued) == "person_gone"


def test_no_key_does_anything_but_servers(alice, account):
    scope = enter(issue(alice, account)).scope
    assert {right.partition(".")[0] for right in scope.permissions} == {"servers"}


@pytest.mark.parametrize(
    ("given", "why"),
    [("", "missing"), ("vps_x", "malformed"), (new_text(), "unknown")],
    ids=["missing", "malformed", "unknown"],
)
def test_what_nobody_issued_is_not_accepted(account, given, why):
    assert why_not(given) == why
    event = refusals().get()
    assert (event.chain, event.result, event.data["phase"]) == ("panel", "denied", why)
    assert event.address == HERE.address


def test_one_that_expired(bob, account):
    issued = issue(bob, account, days=1)
    clock.shift(timedelta(days=1))
    assert why_not(issued) == "expired"
    event = refusals().get()
    assert event.chain == str(account.team_id)
    assert event.target_name == "ci-deploy"
    assert event.key == "ci-deploy"
    assert event.data["owner"] == bob.user.email


def test_one_that_was_revoked(bob, account):
    issued = issue(bob, account)
    assert panel_key_services.revoke(bob.scope(), issued.key)
    assert why_not(issued) == "revoked"


@pytest.mark.parametrize(
    ("networks", "address", "why"),
    [
        (("192.0.2.7",), "192.0.2.7", ""),
        (("192.0.2.7",), "192.0.2.8", "address"),
        (("192.0.2.0/24",), "192.0.2.255", ""),
        (("192.0.2.0/24", "198.51.100.1"), "198.51.100.1", ""),
        (("192.0.2.0/24",), "::ffff:192.0.2.9", ""),
        (("192.0.2.0/24",), "::ffff:192.0.3.9", "address"),
        (("::ffff:192.0.2.0/120",), "192.0.2.9", ""),
        (("::ffff:192.0.2.9",), "::ffff:192.0.2.9", ""),
        (("2001:db8::/32",), "2001:db8:1::7", ""),
        (("2001:db8::/32",), "2001:db9::7", "address"),
        (("2001:db8::7",), "2001:db8::7", ""),
        (("2001:db8::7",), "2001:db8::8", "address"),
        (("2001:db8::/32",), "192.0.2.7", "address"),
        (("192.0.2.0/24",), "2001:db8::7", "address"),
        (("0.0.0.0/0",), "2001:db8::7", "address"),
        (("::ffff:0:0/96",), "198.51.100.1", ""),
        (("::/64",), "192.0.2.7", "address"),
        (("::/0",), "192.0.2.7", "address"),
        (("192.0.2.7",), "", "address"),
        (("192.0.2.7",), "unknown", "address"),
        ((), "", ""),
    ],
)
def test_only_from_its_addresses(bob, account, networks, address, why):
    issued = issue(bob, account, addresses=networks)
    assert why_not(issued, at(address)) == why


def test_one_whose_creator_was_demoted(alice, bob, account):
    issued = issue(bob, account)
    members.change(alice.scope(), bob.membership, "viewer", EVERYTHING)
    assert enter(issued).scope.permissions == {"servers.view"}
    assert authentication.at_work(issued.key.id, "servers.reboot") is None
    assert authentication.at_work(issued.key.id, "servers.view") is not None


def test_one_whose_creator_was_promoted_gains_nothing(alice, vera, account):
    issued = issue(vera, account)
    members.change(alice.scope(), vera.membership, "operator", EVERYTHING)
    assert enter(issued).scope.permissions == {"servers.view"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda person: person.membership.delete(), "person_gone"),
        (
            lambda person: Membership.objects.filter(user=person.user).update(
                suspended_at=clock.now()
            ),
            "person_gone",
        ),
        (lambda person: type(person.user).objects.update(is_active=False), "person_gone"),
        (lambda person: type(person.team).objects.update(closed_at=clock.now()), "team_closed"),
        (
            lambda person: TeamPolicy.objects.create(team=person.team, mfa_from="2020-01-01"),
            "second_step",
        ),
    ],
    ids=["removed", "suspended", "deactivated", "closed", "second-step"],
)
def test_one_whose_creator_cannot_do_anything(bob, account, change, why):
    issued = issue(bob, account)
    assert why_not(issued) == ""
    change(bob)
    assert why_not(issued) == why
    assert authentication.at_work(issued.key.id, "servers.view") is None


def test_a_second_step_that_is_only_due_later(bob, account):
    issued = issue(bob, account)
    TeamPolicy.objects.create(team=bob.team, mfa_from=clock.now().date() + timedelta(days=1))
    assert why_not(issued) == ""
    clock.shift(timedelta(days=1))
    assert why_not(issued) == "second_step"


def test_a_second_step_that_they_have(bob, account):
    issued = issue(bob, account)
    TeamPolicy.objects.create(team=bob.team, mfa_from="2020-01-01")
    Authenticator.objects.create(user=bob.user, type=Authenticator.Type.TOTP, data={})
    assert why_not(issued) == ""
    assert authentication.at_work(issued.key.id, "servers.view") is not None
    assert issue(bob, account, "another").key.is_usable


def test_all_are_refused_alike(bob, account):
    gone, over = issue(bob, account, "gone"), issue(bob, account, "over")
    panel_key_services.revoke(bob.scope(), gone.key)
    expire(over)
    said = set()
    for text in ("", "vpp_x", new_text(), gone.text.reveal(), over.text.reveal()):
        with pytest.raises(authentication.KeyNotAccepted) as refused:
            authentication.enter(text, HERE)
        said.add(str(refused.value))
    assert len(said) == 1


def test_what_is_asked_again_is_still_the_keys(alice, bob, account):
    """Services ask what somebody may do now: that must not give a key its creator's rights."""
    sight = frozenset({"servers.view"})
    issued = issue(bob, account, permissions=sight, reach=with_labels("env:prod"))
    scope = enter(issued).scope
    now = access.as_now(scope)
    assert (now.permissions, now.reach, now.key_id) == (
        sight,
        with_labels("env:prod"),
        scope.key_id,
    )
    members.change(alice.scope(), bob.membership, "viewer", with_labels("web"))
    now = access.as_now(scope)
    assert now.reach == with_labels("env:prod") & with_labels("web") or (
        now.reach == with_labels("web") & with_labels("env:prod")
    )
    bob.membership.delete()
    assert not access.as_now(scope).permissions


def test_a_right_that_it_lacks_is_refused_and_recorded(bob, account):
    scope = enter(issue(bob, account, permissions=frozenset({"servers.view"}))).scope
    with pytest.raises(access.Denied):
        access.require(scope, "servers.reboot", "/api/v1/servers/12345/reboot/")
    event = AuditEvent.objects.get(event="authz_fail")
    assert (event.key, event.via, event.data["permission"]) == (
        "ci-deploy", "gateway", "servers.reboot",
    )  # fmt: skip


def test_at_work_it_is_the_same(bob, account):
    issued = issue(bob, account, reach=with_labels("env:prod"))
    scope = authentication.at_work(issued.key.id, "servers.reboot")
    assert scope is not None
    assert scope.permissions == frozenset(panel_key_services.grantable(bob.scope()))
    assert (scope.reach, scope.key_id) == (with_labels("env:prod"), issued.key.id)
    assert (scope.origin.via, scope.origin.key) == ("worker", "ci-deploy")
    assert authentication.at_work(issued.key.id, "servers.delete") is None
    assert authentication.at_work(uuid4(), "servers.view") is None


@pytest.mark.parametrize("end", ["revoked", "expired", "disconnected"])
def test_at_work_one_that_ended_is_none(bob, account, end):
    issued = issue(bob, account)
    if end == "revoked":
        panel_key_services.revoke(bob.scope(), issued.key)
    elif end == "expired":
        expire(issued)
    else:
        type(account).objects.update(disconnected_at=clock.now())
        assert why_not(issued) == "disconnected"
    assert authentication.at_work(issued.key.id, "servers.view") is None


def test_reach_is_within_both(alice, bob, synced, server):
    members.change(alice.scope(), bob.membership, "operator", with_labels("env"))
    issued = issue(bob, synced, reach=with_servers("12345"))
    reach = enter(issued).scope.reach
    assert not reach.is_all
    assert {part.kind for part in reach.parts} == {"labels", "servers"}


def test_a_use_is_noted_once_a_minute(bob, account, django_assert_num_queries):
    issued = issue(bob, account)
    for _ in range(3):
        found = enter(issued)
        authentication.note_use(found.key, HERE.address)
    key = PanelKey.objects.get(id=issued.key.id)
    assert (key.uses, key.last_address) == (1, HERE.address)
    clock.shift(timedelta(minutes=1))
    authentication.note_use(enter(issued).key, "192.0.2.8")
    key.refresh_from_db()
    assert (key.uses, key.last_address) == (4, "192.0.2.8")
    authentication.note_use(enter(issued).key, "192.0.2.9")
    authentication.flush_uses()
    key.refresh_from_db()
    assert (key.uses, key.last_address) == (5, "192.0.2.8")


def test_a_use_is_noted_for_that_key_alone(bob, account):
    used, idle = issue(bob, account, "used"), issue(bob, account, "idle")
    authentication.note_use(enter(used).key, HERE.address)
    of_idle = PanelKey.objects.get(id=idle.key.id)
    assert (of_idle.uses, of_idle.last_used_at, of_idle.last_address) == (0, None, "")


def test_what_another_process_has_just_noted_is_not_noted_again(bob, account):
    """Its use is counted all the same, with the next one that is due."""
    issued = issue(bob, account)
    seen_before = enter(issued).key
    PanelKey.objects.filter(id=issued.key.id).update(
        last_used_at=clock.now(), last_address="192.0.2.99", uses=10
    )
    for _ in range(2):
        authentication.note_use(seen_before, HERE.address)
    key = PanelKey.objects.get(id=issued.key.id)
    assert (key.uses, key.last_address) == (10, "192.0.2.99")
    clock.shift(timedelta(minutes=1))
    authentication.note_use(enter(issued).key, HERE.address)
    key.refresh_from_db()
    assert (key.uses, key.last_address) == (13, HERE.address)


def test_a_use_that_cannot_be_written_is_in_nobodys_way(bob, account, monkeypatch):
    issued = issue(bob, account)
    with monkeypatch.context() as patch:
        patch.setattr("controlpanel.audit.log.read_only_state.current", lambda: object())
        authentication.note_use(enter(issued).key, HERE.address)
    authentication.note_use(enter(issued).key, HERE.address)
    assert PanelKey.objects.get().uses == 2


def test_a_flood_does_not_fill_the_log(account):
    for _ in range(40):
        assert why_not(new_text()) == "unknown"
    assert refusals().count() == rejections.ONE_BY_ONE
    clock.shift(rejections.EVERY)
    assert why_not(new_text()) == "unknown"
    told = AuditEvent.objects.get(event="panel_key.many_refused")
    assert told.chain == "panel"
    assert told.data["count"] == 40 - rejections.ONE_BY_ONE
    assert told.data["why"] == {"unknown": 40 - rejections.ONE_BY_ONE}
    assert told.data["addresses"] == [HERE.address]


def test_what_was_left_out_is_told_by_the_next_or_at_the_end(bob, account):
    issued = issue(bob, account)
    told = AuditEvent.objects.filter(event="panel_key.many_refused")
    for _ in range(10):
        why_not(new_text())
    enter(issued)
    assert not told.exists()
    clock.shift(rejections.EVERY)
    enter(issued)
    assert told.get().data["count"] == 5
    for _ in range(7):
        why_not(new_text())
    authentication.flush_uses()
    assert [event.data["count"] for event in told.order_by("seq")] == [5, 2]


def test_each_kind_of_refusal_counts_for_its_key_and_address(bob, account):
    """A flood with one key hides neither another key's refusals nor another address's."""
    one, other = issue(bob, account, "one"), issue(bob, account, "other")
    expire(one)
    expire(other)
    for _ in range(10):
        why_not(one)
    why_not(other)
    why_not(one, at("198.51.100.1"))
    names = list(refusals().values_list("target_name", flat=True))
    assert names == ["one"] * rejections.ONE_BY_ONE + ["other", "one"]


def test_nor_does_one_from_many_addresses(account):
    for number in range(200):
        why_not(new_text(), at(f"198.51.100.{number}"))
    assert refusals().count() == rejections.ALTOGETHER


def test_one_network_of_ipv6_is_one_address(account):
    for number in range(20):
        why_not(new_text(), at(f"2001:db8:1:2::{number:x}"))
    assert refusals().count() == rejections.ONE_BY_ONE


def test_a_refusal_that_cannot_be_recorded_is_one_all_the_same(account, audit_broken):
    assert why_not(new_text()) == "unknown"
