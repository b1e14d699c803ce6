"""Handing a team over: offered by an owner, done by the receiver."""

from datetime import timedelta

import pytest

from controlpanel.accounts.models import OwnershipOffer
from controlpanel.accounts.teams import members, ownership_transfer
from controlpanel.accounts.teams.members import MemberRefused
from controlpanel.audit.models import AuditEvent
from controlpanel.lib import clock
from controlpanel.lib.scope import EVERYTHING
from tests.people import join, with_labels


@pytest.fixture
def offered(alice, bob):
    ownership_transfer.offer(alice.scope(), bob.membership)
    return OwnershipOffer.objects.select_related("receiver", "giver").get()


def recorded():
    found = AuditEvent.objects.filter(event__startswith="ownership.").order_by("seq")
    return [event.event.partition(".")[2] for event in found]


def test_it_works(alice, bob, offered):
    members.change(alice.scope(), bob.membership, "operator", with_labels("env:prod"))
    ownership_transfer.accept(bob.scope(), offered)
    assert (bob.membership.role, bob.membership.reach) == ("owner", EVERYTHING)
    assert alice.membership.role == "admin"
    assert recorded() == ["offered", "transferred"]
    event = AuditEvent.objects.get(event="ownership.transferred")
    assert event.data["before"] == {"receiver": "operator", "giver": "owner"}
    assert ownership_transfer.open_offer(alice.scope()) is None


def test_only_the_receiver_accepts(alice, adam, bob, offered):
    for person in (alice, adam):
        with pytest.raises(MemberRefused):
            ownership_transfer.accept(person.scope(), offered)
    assert bob.membership.role == "operator"


def test_it_can_be_declined(bob, offered):
    ownership_transfer.withdraw(bob.scope(), offered)
    with pytest.raises(MemberRefused, match="no longer stands"):
        ownership_transfer.accept(bob.scope(), offered)
    assert recorded() == ["offered", "declined"]


def test_it_can_be_withdrawn_by_an_owner(alice, adam, bob, offered):
    with pytest.raises(MemberRefused, match="Only an owner"):
        ownership_transfer.withdraw(adam.scope(), offered)
    ownership_transfer.withdraw(alice.scope(), offered)
    ownership_transfer.withdraw(alice.scope(), offered)
    assert recorded() == ["offered", "withdrawn"]


def test_it_runs_out(bob, offered):
    clock.shift(timedelta(hours=72))
    with pytest.raises(MemberRefused, match="no longer stands"):
        ownership_transfer.accept(bob.scope(), offered)


def test_a_second_offer_takes_the_place_of_the_first(alice, adam, bob, offered):
    ownership_transfer.offer(alice.scope(), adam.membership)
    with pytest.raises(MemberRefused, match="no longer stands"):
        ownership_transfer.accept(bob.scope(), offered)
    second = ownership_transfer.open_offer(adam.scope())
    assert second is not None
    ownership_transfer.accept(adam.scope(), second)
    assert adam.membership.role == "owner"


def test_whoever_offers_is_an_owner(adam, bob):
    with pytest.raises(MemberRefused, match="Only an owner"):
        ownership_transfer.offer(adam.scope(), bob.membership)


def test_a_giver_who_is_no_longer_owner_gives_nothing(alice, bob, team, offered):
    olga = join(team, "olga", "owner")
    members.change(olga.scope(), alice.membership, "viewer", EVERYTHING)
    with pytest.raises(MemberRefused, match="no longer an owner"):
        ownership_transfer.accept(bob.scope(), offered)
    members.remove(olga.scope(), alice.membership)
    with pytest.raises(MemberRefused, match="no longer stands"):
        ownership_transfer.accept(bob.scope(), offered)


def test_it_needs_a_receiver_who_is_there(alice, bob, team):
    members.suspend(alice.scope(), bob.membership)
    for receiver in (bob, join(team, "olga", "owner")):
        with pytest.raises(MemberRefused, match="Choose a member"):
            ownership_transfer.offer(alice.scope(), receiver.membership)
