import threading

import pytest
from django.db import connection

from controlpanel.audit.models import AuditEvent
from controlpanel.credentials.models import Credential
from controlpanel.operations import runner, services
from controlpanel.operations.models import Operation
from controlpanel.servers.models import Server
from tests.operations.asks import ask, create, fresh, power, rename, sent
from tests.tools.breaking import broken_audit


def phases(operation):
    events = AuditEvent.objects.filter(operation_id=str(operation.id)).order_by("seq")
    return [(event.phase, event.result) for event in events]


def test_reboot_is_sent_once(bob, server, sandbox):
    operation = sent(power(bob, "reboot", server("web-server-01")))
    assert (operation.state, operation.provider_status) == ("accepted", 200)
    assert operation.provider_words == "Server is rebooting"
    assert [entry.path for entry in sandbox.changes()] == ["/api/v1/servers/12345/reboot/"]
    assert phases(operation) == [("intent", "pending"), ("outcome", "success")]
    assert server("web-server-01").status == "rebooting"


def test_a_second_send_sends_nothing(bob, server, sandbox):
    operation = power(bob, "reboot", server("web-server-01"))
    sent(operation)
    sent(operation)
    assert len(sandbox.changes()) == 1


def test_create_brings_the_new_server_into_the_mirror(bob, synced, sandbox):
    operation = sent(create(bob, synced, hostname="fresh.example.com", backups_enabled=True))
    assert operation.state == "accepted"
    made = Server.objects.get(provider_id=operation.provider_id)
    assert (made.name, made.status, made.backups_enabled) == ("fresh-01", "provisioning", True)
    assert sandbox.changes()[0].body == {
        "name": "fresh-01",
        "plan_id": 1,
        "os_id": 5,
        "location": "us-west",
        "hostname": "fresh.example.com",
        "backups_enabled": True,
    }


def test_a_single_changed_field_is_patched(bob, server, sandbox):
    sent(rename(bob, server("web-server-01"), "renamed"))
    (entry,) = sandbox.changes()
    assert (entry.method, entry.body) == ("PATCH", {"name": "renamed"})


def test_all_three_fields_are_put(bob, server, sandbox):
    fields = {"name": "renamed", "hostname": "renamed.example.com", "backups_enabled": False}
    scope = bob.scope("servers.edit")
    sent(services.update(scope, server("web-server-01"), fields, {}, ask()))
    (entry,) = sandbox.changes()
    assert (entry.method, entry.body) == ("PUT", fields)


def test_delete_is_accepted_and_not_yet_observed(adam, server, sandbox):
    operation = sent(power(adam, "delete", server("web-server-01")))
    assert (operation.state, operation.provider_status) == ("accepted", 204)
    assert server("web-server-01").gone_at is None


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "bad_request"), (401, "unauthorized"), (403, "forbidden"), (404, "not_found"),
     (429, "too_many_requests")],
)  # fmt: skip
def test_a_refusal_is_failed_and_says_why(bob, server, sandbox, status, code):
    sandbox.fault("status", "POST", "/reboot/$", status=status, body={"detail": "No, because."})
    operation = sent(power(bob, "reboot", server("web-server-01")))
    assert (operation.state, operation.code) == ("failed", code)
    assert (operation.provider_status, operation.provider_words) == (status, "No, because.")
    assert phases(operation)[-1] == ("outcome", "failure")


def test_no_credit_is_failed(bob, synced, sandbox):
    sandbox.world.accounts["acme"].credit = 0
    operation = sent(create(bob, synced))
    assert (operation.state, operation.code) == ("failed", "payment_required")


def test_field_errors_are_kept(bob, synced):
    operation = sent(create(bob, synced, plan_id=999))
    assert operation.state == "failed"
    assert "plan_id" in operation.field_errors


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "reset", "garbage", "html", "empty"])
def test_a_lost_answer_is_unknown(bob, synced, sandbox, kind):
    sandbox.fault(kind, "POST", "/servers/$")
    operation = sent(create(bob, synced))
    assert operation.state == "unknown"
    assert phases(operation)[-1] == ("outcome", "unknown")
    assert len(sandbox.changes()) <= 1


@pytest.mark.parametrize("status", [500, 502, 503, 504, 302])
def test_an_answer_that_says_nothing_is_unknown(bob, server, sandbox, status):
    sandbox.fault("status", "POST", "/reboot/$", status=status, body="oops")
    assert sent(power(bob, "reboot", server("web-server-01"))).state == "unknown"


def test_a_provider_that_refuses_connections_was_never_reached(bob, server, sandbox):
    operation = power(bob, "reboot", server("web-server-01"))
    sandbox.stop()
    try:
        operation = sent(operation)
    finally:
        sandbox.start()
    assert (operation.state, operation.code) == ("failed", "connection_refused")


def test_a_right_withdrawn_meanwhile_cancels(bob, server, sandbox):
    operation = power(bob, "reboot", server("web-server-01"))
    bob.user.memberships.update(role="viewer")
    operation = sent(operation)
    assert (operation.state, operation.code) == ("cancelled", "right_gone")
    assert phases(operation)[-1] == ("outcome", "denied")
    assert not sandbox.changes()


def test_a_person_removed_meanwhile_cancels(bob, server, sandbox):
    operation = power(bob, "reboot", server("web-server-01"))
    bob.user.delete()
    operation = sent(operation)
    assert operation.state == "cancelled"
    assert operation.actor_name == "bob@example.com"
    assert not sandbox.changes()


def test_a_token_removed_meanwhile_cancels(bob, server, sandbox):
    operation = power(bob, "reboot", server("web-server-01"))
    bob.user.credentials.all().delete()
    assert sent(operation).code == "no_token"
    assert not sandbox.changes()


def test_a_token_moved_from_another_row_opens_nothing(alice, bob, server, sandbox):
    operation = power(bob, "reboot", server("web-server-01"))
    stolen = Credential.objects.get(user=alice.user).sealed
    Credential.objects.filter(user=bob.user).update(sealed=stolen)
    assert sent(operation).code == "token_unreadable"
    assert not sandbox.changes()


def test_an_outcome_that_cannot_be_written_is_never_nothing_was_done(bob, server, sandbox):
    operation = power(bob, "reboot", server("web-server-01"))
    with broken_audit(), pytest.raises(runner.OutcomeNotWritten):
        runner.send(operation.id)
    assert len(sandbox.changes()) == 1
    assert fresh(operation.id).state == "sending"


def test_when_all_places_are_taken_a_worker_sends(bob, server, sandbox, monkeypatch):
    operation = power(bob, "reboot", server("web-server-01"))
    monkeypatch.setattr("controlpanel.credentials.clients._slots", threading.Semaphore(0))
    assert runner.send_within_page(operation.id).state == "requested"
    assert not sandbox.changes()
    assert sent(operation).state == "accepted"


@pytest.mark.databases
@pytest.mark.django_db(transaction=True)
def test_eight_senders_at_once_send_once(bob, server, sandbox):
    operation = power(bob, "reboot", server("web-server-01"))
    together = threading.Barrier(8)

    def send():
        together.wait()
        try:
            runner.send(operation.id)
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sandbox.changes()) == 1
    assert Operation.objects.get(id=operation.id).state == "accepted"
