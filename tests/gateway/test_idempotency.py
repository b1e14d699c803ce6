"""Idempotency-Key: what provably did nothing frees it, and a repeat asks again who may see."""

import queue

import pytest

from controlpanel.credentials.models import Credential
from controlpanel.credentials.tokens import clients
from controlpanel.gateway.models import Repeat
from controlpanel.lib import clock
from controlpanel.operations import runner
from controlpanel.operations.models import Operation
from controlpanel.servers import labels
from controlpanel.servers.models import ServerLabel
from tests.gateway.asking import key_of, said
from tests.people import with_labels

pytestmark = pytest.mark.django_db
NEW = {"name": "ci-01", "plan_id": 1, "os_id": 5, "location": "us-west"}
REBOOT = "/servers/12345/reboot/"
PROVIDERS = [
    (400, {"detail": "No."}, False),
    (401, {"detail": "Invalid token."}, True),
    (402, {"detail": "No credit."}, True),
    (403, {"detail": "Not with this token."}, True),
    (404, {"detail": "Not found."}, False),
    (409, {"detail": "Conflict."}, False),
    (422, {"detail": "Odd."}, False),
    (429, {"detail": "Slow down."}, True),
    (500, {"detail": "Oh."}, False),
    (503, {"detail": "Oh."}, False),
]


def again(script, method="POST", path=REBOOT, body=None):
    return script.send(method, path, body, Idempotency_Key="one")


@pytest.mark.parametrize(("status", "body", "frees"), PROVIDERS)
def test_what_the_provider_says_to_a_change(operator, sandbox, status, body, frees):
    sandbox.fault("status", "POST", "/reboot/$", status=status, body=body)
    first, second = again(operator), again(operator)
    assert ("Idempotency-Replayed" not in second.headers) == frees
    assert (second.status_code == 200) == frees
    assert second.status_code in {200, first.status_code}
    assert len(sandbox.changes()) == 1 + frees


def test_a_token_that_cannot_be_opened(operator, sandbox, bob):
    """Never sent: the person stores it again, and the script sends the same once more."""
    token = Credential.objects.get(user=bob.user)
    Credential.objects.filter(id=token.id).update(sealed="x")
    assert said(again(operator))["code"] == "token_unreadable"
    Credential.objects.filter(id=token.id).update(sealed=token.sealed)
    assert "Idempotency-Replayed" not in again(operator).headers
    assert len(sandbox.changes()) == 1


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        ("status", {"status": 500}),
        ("status", {"status": 429}),
        ("garbage", {}),
        ("rewrite", {"set": {"name": "production-db"}}),
        ("rewrite", {"set": {"created_at": "2020-01-01T00:00:00Z"}}),
    ],
)
def test_a_deletion_that_was_not_sent(administrator, sandbox, synced, kind, how):
    sandbox.fault(kind, "GET", r"/servers/12345/$", **how)
    first = again(administrator, "DELETE", "/servers/12345/")
    assert first.status_code in {409, 429, 503}
    assert not Repeat.objects.exists()
    synced.servers.filter(provider_id="12345").update(name="")
    synced.servers.filter(provider_id="12345").update(created_at=None)
    assert again(administrator, "DELETE", "/servers/12345/").status_code == 204
    assert len(sandbox.changes()) == 1


def test_a_lock_that_came_between(operator, sandbox, monkeypatch):
    def cancelled(_operation):
        return runner._cancelled("locked", "The server is locked.")

    with monkeypatch.context() as patch:
        patch.setattr(runner, "_forbidden", cancelled)
        assert again(operator).status_code == 409
    assert again(operator).status_code == 200


def test_what_waits_for_a_worker_is_not_over(operator, sandbox, monkeypatch):
    """Its end is told by the next repeat, not that it once had none."""
    with monkeypatch.context() as patch:
        patch.setattr(clients, "_slots", queue.SimpleQueue())
        patch.setattr("controlpanel.gateway.reads.WAIT", 0.0)
        patch.setattr("controlpanel.gateway.reads.SECONDS", 0.1)
        assert said(again(operator))["code"] == "not_sent_yet"
    operation = Operation.objects.get()
    runner.send(operation.id)
    clock.shift(runner.FIRST_POLL * 2)
    assert again(operator).status_code == 200
    assert len(sandbox.changes()) == 1


def test_what_a_worker_did_not_send_frees_it(operator, sandbox, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(clients, "_slots", queue.SimpleQueue())
        patch.setattr("controlpanel.gateway.reads.WAIT", 0.0)
        patch.setattr("controlpanel.gateway.reads.SECONDS", 0.1)
        again(operator)
    Operation.objects.update(state="cancelled", code="too_old", ended_at=clock.now())
    clock.shift(runner.FIRST_POLL * 2)
    assert again(operator).status_code == 200
    assert len(sandbox.changes()) == 1


def test_a_repeat_asks_again_who_may_see(bob, synced, server, sandbox):
    """Also of an answer that was kept."""
    labels.replace(server("web-server-01"), {"env:ci"})
    script = key_of(bob, synced, reach=with_labels("env:ci"))
    assert again(script).status_code == 200
    assert again(script)["Idempotency-Replayed"] == "true"
    ServerLabel.objects.all().delete()
    answer = again(script)
    assert (answer.status_code, said(answer)["code"]) == (404, "not_found")
    assert "X-Operation" not in answer.headers
    labels.replace(server("web-server-01"), {"env:ci"})
    assert again(script)["Idempotency-Replayed"] == "true"
    assert len(sandbox.changes()) == 1


def test_a_create_that_has_left_the_reach(bob, synced, sandbox):
    script = key_of(bob, synced, reach=with_labels("env:ci"))
    made = again(script, "POST", "/servers/", NEW)
    assert made.status_code == 201
    assert again(script, "POST", "/servers/", NEW)["Idempotency-Replayed"] == "true"
    ServerLabel.objects.all().delete()
    assert again(script, "POST", "/servers/", NEW).status_code == 404
    assert len(sandbox.changes()) == 1
