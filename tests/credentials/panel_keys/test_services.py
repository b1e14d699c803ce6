"""Issuing, renewing and revoking panel keys."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from controlpanel.accounts import access
from controlpanel.accounts.models import Membership
from controlpanel.accounts.teams import members
from controlpanel.audit.models import AuditEvent
from controlpanel.credentials.models import PanelKey
from controlpanel.credentials.panel_keys import services as panel_key_services
from controlpanel.credentials.panel_keys.services import PanelKeyRefused
from controlpanel.lib import clock
from controlpanel.lib.scope import EVERYTHING, Reach
from tests.credentials.keyring import _fresh_minute, enter, expire, issue, why_not  # noqa: F401
from tests.people import Person, with_labels, with_servers

pytestmark = [pytest.mark.databases, pytest.mark.django_db]


def events(name):
    return AuditEvent.objects.filter(event=f"panel_key.{name}").order_by("seq")


def test_it_works(bob, account):
    issued = issue(bob, account, addresses=("192.0.2.9/24",), reach=with_labels("env:prod"))
    key = PanelKey.objects.get()
    assert key.id == issued.key.id
    assert key.expires_at - key.created_at == timedelta(days=90)
    assert key.addresses == ["192.0.2.0/24"]
    assert key.reach == with_labels("env:prod")
    event = events("issued").get()
    assert (event.target_id, event.target_name) == (str(key.id), "ci-deploy")
    assert event.data["after"]["permissions"] == key.permissions
    assert event.target_kind == "panel_key"
    assert event.data["account"] == "Acme"
    assert event.data["after"]["labels"] == ["env:prod"]
    assert event.data["after"]["addresses"] == ["192.0.2.0/24"]
    assert event.data["after"]["expires"] == key.expires_at.isoformat(timespec="seconds")
    assert event.data["fingerprint"] == key.fingerprint


@pytest.mark.parametrize("days", [0, -1, 366, 10**6])
def test_it_rejects_days(bob, account, days):
    with pytest.raises(PanelKeyRefused) as refused:
        issue(bob, account, days=days)
    assert refused.value.field == "days"
    assert not PanelKey.objects.exists()


@pytest.mark.parametrize("days", [1, 365])
def test_it_takes_days(bob, account, days):
    assert issue(bob, account, days=days).key.is_usable


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": " \u202e "}, "name"),
        ({"permissions": frozenset()}, "permissions"),
        ({"permissions": frozenset({"servers.reboot"})}, "permissions"),
        ({"permissions": frozenset({"servers.view", "servers.delete"})}, "permissions"),
        ({"permissions": frozenset({"servers.view", "tokens.own"})}, "permissions"),
        ({"permissions": frozenset({"servers.view", "servers.lock"})}, "permissions"),
        ({"permissions": frozenset({"servers.view", "nonsense"})}, "permissions"),
        ({"reach": Reach("labels")}, "reach"),
        ({"reach": Reach("servers", servers=frozenset(map(str, range(201))))}, "reach"),
        ({"addresses": ("nonsense",)}, "addresses"),
        ({"addresses": ("192.0.2.0/33",)}, "addresses"),
        ({"addresses": ("fe80::1%eth0",)}, "addresses"),
        ({"addresses": tuple(f"192.0.2.{n}" for n in range(21))}, "addresses"),
    ],
)
def test_it_rejects(bob, account, given, field):
    with pytest.raises(PanelKeyRefused) as refused:
        issue(bob, account, **given)
    assert refused.value.field == field
    assert not PanelKey.objects.exists()


def test_nobody_gives_servers_that_they_cannot_reach(alice, bob, account):
    members.change(alice.scope(), bob.membership, "operator", with_labels("env:prod"))
    for reach in (Reach(), with_labels("env"), with_labels("env:prod", "web")):
        with pytest.raises(PanelKeyRefused) as refused:
            issue(bob, account, reach=reach)
        assert refused.value.field == "reach"
    assert issue(bob, account, "a", reach=with_labels("env:prod")).key.is_usable
    assert issue(bob, account, "b", reach=with_servers("1")).key.is_usable


def test_a_name_is_given_once(bob, adam, account):
    first = issue(bob, account)
    with pytest.raises(PanelKeyRefused):
        issue(bob, account, "CI-deploy")
    assert issue(adam, account).key.is_usable
    panel_key_services.revoke(bob.scope(), first.key)
    assert issue(bob, account).key.is_usable


def test_not_for_the_account_of_another_team(bob, account, other_account):
    with pytest.raises(PanelKeyRefused) as refused:
        issue(bob, other_account)
    assert refused.value.field == "account"


def test_no_key_issues_keys(bob, account):
    scope = enter(issue(bob, account)).scope
    with pytest.raises(PanelKeyRefused):
        panel_key_services.issue(
            scope, account, name="x", permissions=scope.permissions, reach=scope.reach,
            addresses=(), days=1,
        )  # fmt: skip


def test_somebody_demoted_meanwhile_gives_what_they_have_now(alice, bob, account):
    before = bob.scope()
    members.change(alice.scope(), bob.membership, "viewer", EVERYTHING)
    with pytest.raises(PanelKeyRefused):
        panel_key_services.issue(
            before, account, name="x", permissions=frozenset({"servers.view", "servers.stop"}),
            reach=EVERYTHING, addresses=(), days=1,
        )  # fmt: skip


def test_it_is_renewed_with_an_overlap(bob, account):
    old = issue(bob, account, addresses=("192.0.2.7",), days=30)
    new = panel_key_services.rotate(bob.scope(), old.key, overlap=timedelta(hours=1))
    assert new.text != old.text
    assert new.key.addresses == old.key.addresses
    assert new.key.name == old.key.name
    assert new.key.expires_at - new.key.created_at == timedelta(days=30)
    assert (why_not(old), why_not(new)) == ("", "")
    clock.shift(timedelta(hours=1))
    assert (why_not(old), why_not(new)) == ("expired", "")
    old.key.refresh_from_db()
    assert old.key.replaced_by == new.key
    rotated = events("rotated").get()
    assert rotated.target_id == str(old.key.id)
    assert rotated.data["until"] == old.key.expires_at.isoformat(timespec="seconds")
    assert events("issued").last().data["replaces"] == str(old.key.id)


def test_renewing_makes_no_key_last_longer(bob, account):
    old = issue(bob, account, days=1)
    clock.shift(timedelta(hours=23))
    panel_key_services.rotate(bob.scope(), old.key, overlap=timedelta(days=7))
    clock.shift(timedelta(hours=1))
    assert why_not(old) == "expired"


@pytest.mark.parametrize(
    ("days", "began", "lasts"),
    [
        (30, {"days": -1}, 31),
        (30, {"days": -334}, 364),
        (30, {"days": -335}, 365),
        (30, {"days": -336}, 365),
        (30, {"days": -36500}, 365),
        (365, {}, 365),
        (365, {"seconds": -1}, 365),
        (1, {}, 1),
        (1, {"hours": 23}, 1),
        (30, {"days": 30}, 1),
        (30, {"days": 31}, 1),
        (30, {"days": 36500}, 1),
    ],
)
def test_a_renewed_key_lasts_as_long_as_a_key_can(bob, account, days, began, lasts):
    """Whoever can write to the database can move when the old one began."""
    old = issue(bob, account, days=days)
    moved = old.key.created_at + timedelta(**began)
    PanelKey.objects.filter(id=old.key.id).update(created_at=moved)
    new = panel_key_services.rotate(bob.scope(), old.key, overlap=timedelta(hours=1)).key
    assert new.expires_at - new.created_at == timedelta(days=lasts)


def test_a_renewed_key_has_what_its_creator_still_has(alice, bob, account):
    old = issue(bob, account)
    members.change(alice.scope(), bob.membership, "viewer", EVERYTHING)
    new = panel_key_services.rotate(bob.scope(), old.key, overlap=timedelta(0))
    assert new.key.permissions == ["servers.view"]


def test_only_once_and_only_what_works_is_renewed(bob, account):
    old, over, gone = (issue(bob, account, name) for name in ("a", "b", "c"))
    panel_key_services.rotate(bob.scope(), old.key, overlap=timedelta(hours=1))
    expire(over)
    panel_key_services.revoke(bob.scope(), gone.key)
    for key in (old.key, over.key, gone.key):
        with pytest.raises(PanelKeyRefused):
            panel_key_services.rotate(bob.scope(), key, overlap=timedelta(hours=1))


def test_nobody_renews_the_key_of_another(bob, alice, account):
    issued = issue(bob, account)
    with pytest.raises(PanelKeyRefused):
        panel_key_services.rotate(alice.scope(), issued.key, overlap=timedelta(0))


def test_of_several_the_one_that_is_meant_is_renewed(bob, account):
    keys = [issue(bob, account, name).key for name in ("a", "b", "c")]
    panel_key_services.rotate(bob.scope(), keys[1], overlap=timedelta(0))
    replaced = PanelKey.objects.exclude(replaced_by=None)
    assert [key.name for key in replaced] == ["b"]


@pytest.fixture
def bob_there(bob, other_team):
    """The same person, at work in another team."""
    Membership.objects.create(team=other_team, user=bob.user, role="operator")
    return Person(bob.user, other_team)


def test_nobody_renews_in_one_team_what_is_of_another(bob, bob_there, account, other_account):
    issued = issue(bob_there, other_account)
    with pytest.raises(PanelKeyRefused):
        panel_key_services.rotate(bob.scope(), issued.key, overlap=timedelta(0))
    assert not panel_key_services.revoke(bob.scope(), issued.key)
    assert why_not(issued) == ""


@pytest.mark.django_db(transaction=True)
def test_two_who_renew_it_at_once_make_one(bob, account):
    issued = issue(bob, account)
    scope = bob.scope()

    def renew(_number):
        try:
            panel_key_services.rotate(scope, issued.key, overlap=timedelta(hours=1))
        except PanelKeyRefused:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(renew, range(4))) == 1
    assert PanelKey.objects.count() == 2


@pytest.mark.parametrize("overlap", [timedelta(seconds=-1), timedelta(days=31)])
def test_it_rejects_overlaps(bob, account, overlap):
    issued = issue(bob, account)
    with pytest.raises(PanelKeyRefused):
        panel_key_services.rotate(bob.scope(), issued.key, overlap=overlap)


def test_lists_are_of_a_team_and_of_a_person(bob, bob_there, adam, charlie, account, other_account):
    mine, gone = issue(bob, account, "mine"), issue(bob, account, "gone")
    theirs = issue(adam, account, "theirs")
    issue(charlie, other_account, "foreign")
    there = issue(bob_there, other_account, "there")
    panel_key_services.revoke(bob.scope(), gone.key)
    assert list(panel_key_services.own(bob.scope())) == [gone.key, mine.key]
    assert list(panel_key_services.of_team(bob.scope())) == [theirs.key, gone.key, mine.key]
    assert list(panel_key_services.usable_of(bob.scope(), bob.user.id)) == [mine.key]
    assert list(panel_key_services.usable_of(bob_there.scope(), bob.user.id)) == [there.key]
    assert list(panel_key_services.usable_for(account)) == [theirs.key, mine.key]
    assert list(panel_key_services.usable_in(bob.team)) == [theirs.key, mine.key]


def test_nobody_has_too_many(bob, account, monkeypatch):
    monkeypatch.setattr(panel_key_services, "MOST_KEYS", 2)
    issue(bob, account, "a")
    issue(bob, account, "b")
    with pytest.raises(PanelKeyRefused, match="Revoke one"):
        issue(bob, account, "c")


def test_one_of_another_is_revoked_by_whoever_may(bob, adam, vera, charlie, account):
    issued = issue(bob, account)
    with pytest.raises(access.Denied):
        panel_key_services.revoke(vera.scope(), issued.key)
    assert not panel_key_services.revoke(charlie.scope(), issued.key)
    assert why_not(issued) == ""
    assert panel_key_services.revoke(adam.scope(), issued.key)
    assert not panel_key_services.revoke(bob.scope(), issued.key)
    key = PanelKey.objects.get()
    assert key.revoked_by == adam.user.email
    event = events("revoked").get()
    assert (event.actor_name, event.data["owner"]) == (adam.user.email, bob.user.email)
