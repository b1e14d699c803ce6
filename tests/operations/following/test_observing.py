from datetime import timedelta

import pytest

from controlpanel.audit.models import AuditEvent
from controlpanel.lib import clock
from controlpanel.operations import states
from controlpanel.operations.following import observing
from tests.operations.asks import create, fresh, power, rename, sent
from tests.people import look


def observed_events(operation):
    events = AuditEvent.objects.filter(operation_id=str(operation.id))
    return [event for event in events if event.phase == "observed"]


def test_a_create_is_observed_when_the_server_is_active(bob, synced, sandbox, monkeypatch):
    monkeypatch.setattr(sandbox.world.settings, "provision_seconds", 30.0)
    operation = sent(create(bob, synced))
    look(synced)
    assert fresh(operation.id).state == "accepted"
    sandbox.advance(60)
    look(synced)
    operation = fresh(operation.id)
    assert operation.state == "observed"
    assert operation.observed_at
    assert operation.ended_at
    assert operation.next_poll_at is None
    (event,) = observed_events(operation)
    assert event.actor_kind == "worker"


@pytest.mark.parametrize(
    ("kind", "name"), [("start", "build-runner"), ("stop", "mail-relay"), ("reboot", "mail-relay")]
)
def test_a_power_action_is_observed_when_the_state_says_so(
    bob, server, synced, sandbox, kind, name
):
    operation = sent(power(bob, kind, server(name)))
    sandbox.advance(60)
    look(synced)
    assert fresh(operation.id).state == "observed"


def test_an_update_is_observed_when_the_fields_are_there(bob, server, synced, sandbox):
    operation = sent(rename(bob, server("mail-relay"), "post-office"))
    clock.shift(states.STUCK)
    look(synced)
    assert fresh(operation.id).state == "observed"


def test_a_delete_is_observed_only_when_its_own_address_says_404(adam, server, synced, sandbox):
    target = server("mail-relay")
    operation = sent(power(adam, "delete", target))
    sandbox.fault("status", "GET", rf"/servers/{target.provider_id}/$", status=500)
    look(synced)
    assert fresh(operation.id).state == "accepted"
    look(synced)
    assert fresh(operation.id).state == "observed"
    target.refresh_from_db()
    assert target.gone_at is not None


def test_a_stale_list_after_a_delete_brings_nothing_back(adam, server, synced, sandbox):
    target = server("mail-relay")
    sandbox.fault("stale_list", "GET", "/servers/$", skip=1, times=None)
    sent(power(adam, "delete", target))
    look(synced)
    look(synced)
    target.refresh_from_db()
    assert target.gone_at is not None


def test_a_server_that_is_being_made_is_not_missed_in_a_stale_list(bob, synced, server, sandbox):
    sandbox.fault("stale_list", "GET", "/servers/$", times=None)
    sent(create(bob, synced))
    for _ in range(4):
        look(synced)
    assert server("fresh-01").gone_at is None


def test_it_backs_off_with_jitter(bob, synced):
    operation = sent(create(bob, synced))
    pauses = []
    for _ in range(12):
        observing.later(operation)
        operation = fresh(operation.id)
        assert operation.next_poll_at
        pauses.append((operation.next_poll_at - clock.now()).total_seconds())
    assert pauses[0] == pytest.approx(5, rel=0.25)
    assert pauses[-1] == pytest.approx(60, rel=0.25)


def test_long_is_not_failed(bob, synced, sandbox):
    sandbox.fault("stuck", "POST", "/servers/$")
    operation = sent(create(bob, synced))
    clock.shift(states.STUCK + timedelta(minutes=1))
    look(synced)
    assert fresh(operation.id).state == "accepted"
