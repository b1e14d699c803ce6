"""The table of what happens when an answer was lost."""

from datetime import timedelta

import pytest

from controlpanel.audit.models import AuditEvent
from controlpanel.lib import clock
from controlpanel.operations import services
from controlpanel.operations.models import Operation
from controlpanel.servers.models import Server
from tests.operations.asks import NEW, create, fresh, power, rename, sent
from tests.people import look


def after(minutes: float, account) -> None:
    clock.shift(timedelta(minutes=minutes))
    look(account)


def add_outside(sandbox, **fields):
    """A server that somebody makes at the provider meanwhile."""
    world = sandbox.world
    return world.create(
        "acme",
        hostname="",
        ssh_key_id=None,
        backups_enabled=False,
        **{**NEW, **fields},
    )


def test_a_lost_create_is_adopted_by_itself(bob, synced, sandbox):
    sandbox.fault("drop_after", "POST", "/servers/$")
    operation = sent(create(bob, synced))
    assert operation.state == "unknown"
    look(synced)
    operation = fresh(operation.id)
    assert operation.state == "accepted"
    assert "adopted" in operation.note
    assert Server.objects.get(provider_id=operation.provider_id).name == "fresh-01"
    sandbox.advance(60)
    look(synced)
    assert fresh(operation.id).state == "observed"
    assert len(sandbox.changes()) == 1
    phases = [e.phase for e in AuditEvent.objects.filter(operation_id=str(operation.id))]
    assert sorted(phases) == ["intent", "observed", "outcome", "reconciled"]


def test_a_create_that_never_arrived_is_not_seen_after_ten_minutes(bob, synced, sandbox):
    sandbox.fault("drop_before", "POST", "/servers/$")
    operation = sent(create(bob, synced))
    after(9, synced)
    assert fresh(operation.id).state == "unknown"
    after(2, synced)
    operation = fresh(operation.id)
    assert operation.state == "not_seen"
    assert len(sandbox.changes()) == 1
    create(bob, synced)  # now it may be asked for again


@pytest.mark.parametrize(
    "field", [{"name": "other"}, {"plan_id": 2}, {"os_id": 3}, {"location": "us-east"}]
)
def test_a_server_that_differs_is_not_adopted(bob, synced, sandbox, field):
    sandbox.fault("drop_before", "POST", "/servers/$")
    operation = sent(create(bob, synced))
    add_outside(sandbox, **field)
    look(synced)
    assert fresh(operation.id).state == "unknown"


def test_an_older_server_of_that_name_is_not_adopted(bob, synced, sandbox):
    add_outside(sandbox)
    look(synced)
    sandbox.fault("drop_before", "POST", "/servers/$")
    operation = sent(create(bob, synced))
    look(synced)
    assert fresh(operation.id).state == "unknown"


def test_a_server_of_another_create_is_not_adopted(alice, bob, synced, sandbox):
    theirs = sent(create(alice, synced))
    sandbox.advance(60)
    look(synced)
    assert fresh(theirs.id).state == "observed"
    sandbox.fault("drop_before", "POST", "/servers/$")
    operation = create(bob, synced)
    Operation.objects.filter(id=operation.id).update(requested_at=theirs.requested_at)
    operation = sent(operation)
    look(synced)
    assert fresh(operation.id).state == "unknown"


def test_several_matches_wait_for_a_person(bob, synced, sandbox):
    sandbox.fault("drop_after", "POST", "/servers/$")
    operation = sent(create(bob, synced))
    twin = add_outside(sandbox)
    look(synced)
    operation = fresh(operation.id)
    assert operation.state == "unknown"
    assert "which one" in operation.note
    after(30, synced)
    assert fresh(operation.id).state == "unknown"
    picked = Server.objects.get(provider_id=str(twin.id))
    assert services.adopt(bob.scope("servers.create"), fresh(operation.id), picked)
    assert fresh(operation.id).provider_id == str(twin.id)


def test_a_suspicious_list_proves_nothing(bob, synced, sandbox):
    sandbox.fault("drop_before", "POST", "/servers/$")
    operation = sent(create(bob, synced))
    sandbox.fault("short_list", "GET", "/servers/$", keep=1, times=None)
    after(11, synced)
    assert fresh(operation.id).state == "unknown"


@pytest.mark.parametrize(("kind", "name"), [("start", "build-runner"), ("stop", "mail-relay")])
def test_a_lost_power_action_is_read_from_the_state(bob, server, synced, sandbox, kind, name):
    sandbox.fault("drop_after", "POST", f"/{kind}/$")
    operation = sent(power(bob, kind, server(name)))
    sandbox.advance(60)
    look(synced)
    assert fresh(operation.id).state == "observed"


@pytest.mark.parametrize(("kind", "name"), [("start", "build-runner"), ("stop", "mail-relay")])
def test_a_power_action_that_never_arrived_is_not_seen(bob, server, synced, sandbox, kind, name):
    sandbox.fault("drop_before", "POST", f"/{kind}/$")
    operation = sent(power(bob, kind, server(name)))
    after(1, synced)
    assert fresh(operation.id).state == "unknown"
    after(2, synced)
    assert fresh(operation.id).state == "not_seen"


def test_a_lost_update_is_read_from_the_fields(bob, server, synced, sandbox):
    sandbox.fault("drop_after", "PATCH")
    operation = sent(rename(bob, server("mail-relay"), "post-office"))
    look(synced)
    assert fresh(operation.id).state == "observed"


def test_an_update_that_never_arrived_is_not_seen(bob, server, synced, sandbox):
    sandbox.fault("drop_before", "PATCH")
    operation = sent(rename(bob, server("mail-relay"), "post-office"))
    after(3, synced)
    assert fresh(operation.id).state == "not_seen"


def test_a_lost_delete_is_done_when_the_server_answers_404(adam, server, synced, sandbox):
    sandbox.fault("drop_after", "DELETE")
    operation = sent(power(adam, "delete", server("mail-relay")))
    look(synced)
    assert fresh(operation.id).state == "observed"


def test_a_delete_that_never_arrived_is_not_seen(adam, server, synced, sandbox):
    sandbox.fault("drop_before", "DELETE")
    operation = sent(power(adam, "delete", server("mail-relay")))
    after(3, synced)
    assert fresh(operation.id).state == "not_seen"
    assert server("mail-relay").gone_at is None


def test_a_lost_reboot_stays_unknown(bob, server, synced, sandbox):
    sandbox.fault("drop_after", "POST", "/reboot/$")
    operation = sent(power(bob, "reboot", server("mail-relay")))
    after(60, synced)
    assert fresh(operation.id).state == "unknown"
