from datetime import timedelta

from controlpanel.audit.models import AuditEvent
from controlpanel.lib import clock
from controlpanel.operations.models import Operation
from controlpanel.operations.sweeper import ANSWERED_BY_NOW, SENT_BY_NOW, TOO_OLD_TO_SEND, sweep
from tests.operations.asks import create, fresh, power
from tests.people import look

MOMENT = timedelta(seconds=1)


def claim(operation):
    """As a process does that dies right after."""
    Operation.objects.filter(id=operation.id).update(state="sending", sending_at=clock.now())


def test_what_was_never_sent_is_sent_by_a_worker(bob, server, sandbox):
    operation = power(bob, "reboot", server("mail-relay"))
    sweep()
    assert fresh(operation.id).state == "requested"
    clock.shift(SENT_BY_NOW + MOMENT)
    sweep()
    sweep()
    assert fresh(operation.id).state == "accepted"
    assert len(sandbox.changes()) == 1


def test_what_is_too_old_is_cancelled_not_sent(bob, synced, sandbox):
    operation = create(bob, synced)
    clock.shift(TOO_OLD_TO_SEND + MOMENT)
    sweep()
    operation = fresh(operation.id)
    assert (operation.state, operation.code) == ("cancelled", "too_old")
    assert not sandbox.changes()


def test_what_was_claimed_and_never_answered_is_unknown_and_never_sent_again(bob, synced, sandbox):
    operation = create(bob, synced)
    claim(operation)
    sweep()
    assert fresh(operation.id).state == "sending"
    clock.shift(ANSWERED_BY_NOW + MOMENT)
    sweep()
    sweep()
    assert fresh(operation.id).state == "unknown"
    assert not sandbox.changes()
    outcomes = [
        event
        for event in AuditEvent.objects.filter(operation_id=str(operation.id))
        if event.phase == "outcome"
    ]
    assert [event.result for event in outcomes] == ["unknown"]


def test_a_create_that_arrived_before_the_crash_is_adopted(bob, synced, sandbox):
    operation = create(bob, synced)
    claim(operation)
    sandbox.world.create(
        "acme", hostname="", ssh_key_id=None, backups_enabled=False, **operation.body
    )
    clock.shift(ANSWERED_BY_NOW + MOMENT)
    sweep()
    look(synced)
    assert fresh(operation.id).state == "accepted"


def test_one_that_cannot_be_written_does_not_hold_up_the_others(bob, server, sandbox):
    stuck = power(bob, "reboot", server("mail-relay"))
    good = power(bob, "reboot", server("web-server-01"))
    Operation.objects.filter(id=stuck.id).update(kind="nonsense")
    clock.shift(SENT_BY_NOW + MOMENT)
    sweep()
    assert fresh(good.id).state == "accepted"
