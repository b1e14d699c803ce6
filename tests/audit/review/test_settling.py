"""What must not be concluded from an old list, a strange one, or none at all."""

from datetime import timedelta

import pytest

from controlpanel.audit.models import AuditEvent
from controlpanel.lib import clock
from controlpanel.operations import states
from controlpanel.operations.following import polling
from controlpanel.operations.models import Operation
from controlpanel.servers.models import AccountSync, Server
from tests.operations.asks import NEW, create, fresh, power, rename, sent
from tests.people import look


def after(seconds, account):
    clock.shift(timedelta(seconds=seconds))
    look(account)


def add_outside(sandbox, **fields):
    return sandbox.world.create(
        "acme", hostname="", ssh_key_id=None, backups_enabled=False, **{**NEW, **fields}
    )


def test_a_list_from_before_a_reboot_does_not_show_its_end(bob, server, synced, sandbox):
    """The list was asked for, then the reboot was accepted, then the list arrived."""
    operation = sent(power(bob, "reboot", server("mail-relay")))
    sandbox.advance(60)
    Operation.objects.filter(id=operation.id).update(answered_at=clock.now() + timedelta(seconds=5))
    look(synced)
    assert fresh(operation.id).state == "accepted"
    after(10, synced)
    assert fresh(operation.id).state == "observed"


def test_an_operation_may_be_followed_for_days(bob, server, synced, sandbox):
    sandbox.fault("stuck", "POST", "/reboot/$")
    operation = sent(power(bob, "reboot", server("mail-relay")))
    Operation.objects.filter(id=operation.id).update(polls=5000, next_poll_at=clock.now())
    look(synced)
    assert not AccountSync.objects.get(account=synced).trouble
    assert fresh(operation.id).polls == 5001


def test_the_first_list_after_an_outage_is_not_enough_to_offer_a_second_create(
    bob, synced, sandbox
):
    sandbox.fault("drop_before", "POST", "/servers/$")
    operation = sent(create(bob, synced))
    after(3600, synced)
    assert fresh(operation.id).state == "unknown"
    after(1, synced)  # somebody looks at the page meanwhile
    assert fresh(operation.id).state == "unknown"
    after(10, synced)
    assert fresh(operation.id).state == "not_seen"


@pytest.mark.parametrize("field", [{"plan_id": 2}, {"os_id": 3}, {"location": "us-east"}])
def test_a_namesake_that_differs_is_for_a_person_and_never_offers_a_second_create(
    bob, synced, sandbox, field
):
    sandbox.fault("drop_before", "POST", "/servers/$")
    operation = sent(create(bob, synced))
    add_outside(sandbox, **field)
    for seconds in (10, 300, 600, 60):
        after(seconds, synced)
    operation = fresh(operation.id)
    assert operation.state == "unknown"
    assert "Say on this receipt" in operation.note


def test_a_provider_whose_clock_is_behind_invites_nobody_to_buy_twice(bob, synced, sandbox):
    sandbox.advance(-8 * 3600)  # or one that tells its own time without saying so
    sandbox.fault("drop_after", "POST", "/servers/$")
    operation = sent(create(bob, synced))
    for seconds in (10, 300, 600, 60):
        after(seconds, synced)
    assert fresh(operation.id).state == "unknown"
    assert "Say on this receipt" in fresh(operation.id).note


def test_a_server_of_unknown_age_is_not_adopted_by_itself(bob, synced, sandbox):
    sandbox.fault("rewrite", "GET", "/servers/$", remove=["created_at"], times=None)
    sandbox.fault("drop_after", "POST", "/servers/$")
    operation = sent(create(bob, synced))
    after(10, synced)
    assert fresh(operation.id).state == "unknown"
    assert "Say on this receipt" in fresh(operation.id).note


def test_a_stale_list_does_not_make_a_lost_delete_undone(adam, server, synced, sandbox):
    sandbox.fault("stale_list", "GET", "/servers/$", times=None)
    sandbox.fault("drop_after", "DELETE")
    operation = sent(power(adam, "delete", server("mail-relay")))
    after(150, synced)
    assert fresh(operation.id).state == "observed"


def test_a_stale_list_does_not_make_a_lost_stop_undone(bob, server, synced, sandbox):
    sandbox.fault("stale_list", "GET", "/servers/$", times=None)
    sandbox.fault("drop_after", "POST", "/stop/$")
    operation = sent(power(bob, "stop", server("mail-relay")))
    sandbox.advance(60)
    after(150, synced)
    assert fresh(operation.id).state == "observed"


def test_a_stale_list_does_not_hold_up_an_accepted_delete(adam, server, synced, sandbox):
    sandbox.fault("stale_list", "GET", "/servers/$", times=None)
    operation = sent(power(adam, "delete", server("mail-relay")))
    after(10, synced)
    assert fresh(operation.id).state == "observed"
    assert server("mail-relay").gone_at is not None


def test_a_new_server_that_was_deleted_elsewhere_leaves_the_mirror(bob, synced, sandbox):
    operation = sent(create(bob, synced))
    look(synced)
    del sandbox.world.fleets["acme"][int(operation.provider_id)]
    clock.shift(states.STUCK + timedelta(minutes=1))
    for _ in range(3):
        after(10, synced)
    assert Server.objects.get(provider_id=operation.provider_id).gone_at is not None
    assert fresh(operation.id).state == "accepted"  # a person closes it


def test_many_servers_that_are_really_gone_leave_the_mirror_one_by_one(synced, sandbox):
    for server_id in list(sandbox.world.fleets["acme"])[:6]:
        del sandbox.world.fleets["acme"][server_id]
    for _ in range(4):
        after(600, synced)
    assert Server.objects.filter(account=synced, gone_at=None).count() == 2
    assert not AccountSync.objects.get(account=synced).trouble


def test_an_adopted_create_is_followed_fast_again(bob, synced, sandbox):
    sandbox.fault("drop_after", "POST", "/servers/$")
    operation = sent(create(bob, synced))
    Operation.objects.filter(id=operation.id).update(polls=9)
    look(synced)
    assert fresh(operation.id).state == "accepted"
    assert fresh(operation.id).polls <= 1


def test_the_outcome_of_an_edit_tells_what_was_set(bob, server, synced, sandbox):
    operation = sent(rename(bob, server("mail-relay"), "post-office"))
    outcome = next(
        event
        for event in AuditEvent.objects.filter(operation_id=str(operation.id))
        if event.phase == "outcome"
    )
    assert outcome.data["before"] == {"name": "mail-relay"}
    assert outcome.data["body"] == {"name": "post-office"}


def test_one_server_that_cannot_be_shown_is_no_trouble_of_the_account(synced, server, sandbox):
    sandbox.fault("status", "GET", r"/servers/\d+/$", status=500, times=None)
    polling.poll_server(server("mail-relay"), seconds=5)
    assert not AccountSync.objects.get(account=synced).trouble
    from controlpanel.servers import sync

    sync.want_detail(server("mail-relay"))
    after(20, synced)
    assert not AccountSync.objects.get(account=synced).trouble
