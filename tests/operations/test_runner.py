import queue
import threading
from datetime import timedelta

import pytest
from celery import current_app
from django.db import connection

from controlpanel.accounts.models import TeamPolicy
from controlpanel.audit.log import read_only
from controlpanel.audit.models import AuditEvent
from controlpanel.credentials.models import Credential
from controlpanel.lib import clock, request_id
from controlpanel.operations import runner, services, tasks
from controlpanel.operations.models import Operation
from controlpanel.servers.models import Server
from tests.operations.asks import NEW, ask, create, fresh, power, rename, sent
from tests.people import look
from tests.tools.breaking import broken_audit

MOMENT = timedelta(seconds=1)


def phases(operation):
    events = AuditEvent.objects.filter(operation_id=str(operation.id)).order_by("seq")
    return [(event.phase, event.result) for event in events]


def cancelled(operation, code, words):
    """Nothing was sent, and a whole sentence says why."""
    assert (operation.state, operation.code) == ("cancelled", code)
    assert words in operation.note
    assert operation.note.startswith("Th")
    assert operation.note.endswith((" address.", " sent.", " again.", " tokens."))


def is_looked_for_later(operation):
    """Not at once: the provider needs a moment."""
    assert operation.next_poll_at
    assert operation.sending_at
    return operation.next_poll_at >= operation.sending_at + runner.FIRST_POLL


def test_reboot_is_sent_once(bob, server, sandbox):
    operation = sent(power(bob, "reboot", server("web-server-01")))
    assert (operation.state, operation.provider_status) == ("accepted", 200)
    assert operation.provider_words == "Server is rebooting"
    assert [entry.path for entry in sandbox.changes()] == ["/api/v1/servers/12345/reboot/"]
    assert phases(operation) == [("intent", "pending"), ("outcome", "success")]
    assert server("web-server-01").status == "rebooting"
    assert is_looked_for_later(operation)


@pytest.mark.parametrize(("kind", "name"), [("start", "build-runner"), ("stop", "web-server-01")])
def test_it_starts_and_stops(bob, server, sandbox, kind, name):
    target = server(name)
    operation = sent(power(bob, kind, target))
    assert operation.state == "accepted"
    (entry,) = sandbox.changes()
    assert entry.path == f"/api/v1/servers/{target.provider_id}/{kind}/"
    assert server(name).status != target.status


@pytest.mark.parametrize("given", ["request-0001", ""])
def test_the_call_bears_the_id_of_the_request(bob, server, sandbox, given):
    """That in which somebody asked for it, whoever sends; else the one that sends."""
    operation = power(bob, "reboot", server("web-server-01"))
    Operation.objects.filter(id=operation.id).update(request_id=given)
    with request_id.bound("worker-0001"):
        sent(operation)
        assert request_id.current() == "worker-0001"
    assert sandbox.changes()[0].request_id == (given or "worker-0001")


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
    assert made.detail_at is None  # not all of it was shown: its own address tells the rest
    assert (operation.provider_status, operation.ended_at) == (201, None)
    events = AuditEvent.objects.filter(operation_id=str(operation.id)).order_by("seq")
    # The request has a history of its own: it can be proven without those of other servers.
    assert [event.target_id for event in events] == [f"new:{operation.id}", made.provider_id]
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


@pytest.mark.parametrize("status", [200, 202])
def test_an_answer_that_shows_nothing_is_an_answer(bob, server, sandbox, status):
    before = server("web-server-01")
    sandbox.fault("status", "PATCH", status=status, body="")
    operation = sent(rename(bob, before, "renamed"))
    assert (operation.state, operation.provider_status) == ("accepted", status)
    assert operation.provider_id == before.provider_id
    assert server("web-server-01") == before


def test_a_power_answer_without_a_status_leaves_the_mirror_alone(bob, server, sandbox):
    sandbox.fault("status", "POST", "/stop/$", status=202, body="")
    operation = sent(power(bob, "stop", server("web-server-01")))
    assert (operation.state, operation.provider_status) == ("accepted", 202)
    assert server("web-server-01").status == "active"


def test_all_three_fields_are_put(bob, server, sandbox):
    fields = {"name": "renamed", "hostname": "renamed.example.com", "backups_enabled": False}
    scope = bob.scope("servers.edit")
    sent(services.update(scope, server("web-server-01"), fields, {}, ask(), replaces=True))
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
    assert operation.code in {"connection_lost", "unreadable"}
    assert is_looked_for_later(operation)
    assert phases(operation)[-1] == ("outcome", "unknown")
    assert len(sandbox.changes()) <= 1


@pytest.mark.parametrize("since", ["before asking", "before sending", "while sending"])
def test_an_answer_about_a_server_of_before_says_nothing(bob, synced, sandbox, since):
    """One that came up while it was sent may be the new one: a list can be faster."""
    if since == "before sending":
        operation = create(bob, synced)
    other = sandbox.world.create(
        "acme", hostname="", ssh_key_id=None, backups_enabled=False, **{**NEW, "name": "other"}
    )
    look(synced)
    if since == "before asking":
        operation = create(bob, synced)
    clock.shift(MOMENT)
    if since == "while sending":
        operation = create(bob, synced)
        seen_at = clock.now() + MOMENT
        Server.objects.filter(provider_id=str(other.id)).update(first_seen_at=seen_at)
    sandbox.fault("wrong_id", "POST", "/servers/$", id=other.id)
    operation = sent(operation)
    if since == "while sending":
        assert (operation.state, operation.provider_id) == ("accepted", str(other.id))
    else:
        assert (operation.state, operation.code) == ("unknown", "unreadable")
        assert (operation.provider_status, operation.provider_id) == (201, "")


def test_a_server_of_another_account_may_have_the_same_id(
    bob, synced, other_account, server, sandbox
):
    look(other_account)
    theirs = Server.objects.filter(account=other_account)[0]
    Server.objects.filter(id=theirs.id).update(provider_id=str(sandbox.world.next_id))
    operation = sent(create(bob, synced))
    assert (operation.state, operation.provider_id) == ("accepted", str(sandbox.world.next_id - 1))


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


def test_a_second_step_that_is_asked_for_since_then_cancels(bob, server, sandbox):
    operation = power(bob, "reboot", server("web-server-01"))
    TeamPolicy.objects.create(team=bob.team, mfa_from=clock.now().date())
    operation = sent(operation)
    cancelled(operation, "right_gone", "second step at sign-in")
    assert not sandbox.changes()


def test_a_right_withdrawn_meanwhile_cancels(bob, server, sandbox):
    operation = power(bob, "reboot", server("web-server-01"))
    bob.user.memberships.update(role="viewer")
    operation = sent(operation)
    cancelled(operation, "right_gone", "withdrawn")
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
    cancelled(sent(operation), "no_token", "under API tokens, then ask again")
    assert not sandbox.changes()


def test_an_account_of_another_address_cancels(bob, server, sandbox, settings):
    operation = power(bob, "reboot", server("web-server-01"))
    settings.VPSORG_API_ORIGIN = "https://elsewhere.example"
    cancelled(sent(operation), "disconnected", "another API address")
    assert not sandbox.changes()


def test_a_token_moved_from_another_row_opens_nothing(alice, bob, server, sandbox):
    operation = power(bob, "reboot", server("web-server-01"))
    stolen = Credential.objects.get(user=alice.user).sealed
    Credential.objects.filter(user=bob.user).update(sealed=stolen)
    cancelled(sent(operation), "token_unreadable", "replace it under API tokens")
    assert not sandbox.changes()


def test_an_outcome_that_cannot_be_written_is_never_nothing_was_done(bob, server, sandbox):
    operation = power(bob, "reboot", server("web-server-01"))
    with broken_audit(), pytest.raises(runner.OutcomeNotWritten, match=str(operation.id)) as lost:
        runner.send_within_page(operation)
    assert lost.value.operation == operation
    assert len(sandbox.changes()) == 1
    assert fresh(operation.id).state == "sending"


def test_a_page_sends_at_once(bob, server, sandbox):
    operation = power(bob, "reboot", server("web-server-01"))
    assert runner.send_within_page(operation).state == "accepted"
    assert len(sandbox.changes()) == 1
    assert fresh(operation.id).answer == ""  # kept for scripts only


def test_a_page_that_comes_second_says_what_the_first_did(bob, server, sandbox):
    operation = power(bob, "reboot", server("web-server-01"))
    stale = fresh(operation.id)
    runner.send_within_page(operation)
    assert stale.state == "requested"
    assert runner.send_within_page(stale).state == "accepted"
    assert len(sandbox.changes()) == 1


def test_a_page_whose_time_is_over_sends_nothing(bob, server, sandbox):
    operation = power(bob, "reboot", server("web-server-01"))
    operation = runner.send_within_page(operation, 1e-9)
    assert (operation.state, operation.code) == ("failed", "connect_timeout")
    assert not sandbox.changes()


def test_a_worker_sends_nothing_whose_outcome_could_not_be_written(bob, server, sandbox):
    operation = power(bob, "reboot", server("web-server-01"))
    with broken_audit():
        assert runner.send(operation.id).state == "requested"
    assert not sandbox.changes()
    assert read_only.closed() is None
    assert sent(operation).state == "accepted"


def test_when_all_places_are_taken_a_worker_sends(bob, server, sandbox, valkey, monkeypatch):
    operation = power(bob, "reboot", server("web-server-01"))
    monkeypatch.setattr("controlpanel.credentials.tokens.clients._slots", queue.SimpleQueue())
    monkeypatch.setattr("controlpanel.outgoing.enqueue._silent_until", 0.0)
    with request_id.bound("request-0001"):
        assert runner.send_within_page(operation).state == "requested"
    assert not sandbox.changes()
    with current_app.connection_for_read() as connected:
        message = connected.SimpleQueue(current_app.conf.task_default_queue).get(timeout=5)
    assert message.headers["task"] == tasks.send.name
    assert message.payload[0] == [str(operation.id), "request-0001"]
    tasks.send(*message.payload[0])
    assert fresh(operation.id).state == "accepted"


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
