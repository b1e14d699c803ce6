from datetime import timedelta

import pytest

from controlpanel.gateway.models import Repeat
from controlpanel.lib import clock
from controlpanel.operations.models import Operation
from tests.gateway.asking import key_of, said
from tests.people import look, with_labels

pytestmark = pytest.mark.django_db
NEW = {"name": "ci-01", "plan_id": 1, "os_id": 5, "location": "us-west"}


def test_it_works(operator, sandbox):
    answer = operator.post("/servers/", NEW)
    assert answer.status_code == 201
    (call,) = sandbox.changes()
    assert call.body == NEW
    made = said(answer)
    assert (made["name"], made["status"]) == ("ci-01", "provisioning")
    operation = Operation.objects.get()
    assert (operation.state, operation.via, operation.key_name) == (
        "accepted",
        "gateway",
        "ci-deploy",
    )
    assert operation.provider_id == str(made["id"])
    assert answer["X-Operation"].endswith(f"/api/v1/operations/{operation.id}/")


def test_the_providers_own_words_pass(operator):
    answer = operator.post("/servers/", {**NEW, "name": "not a name!"})
    assert answer.status_code == 400
    assert "name" in said(answer)


def test_a_viewer_is_refused_on_record(viewer, sandbox):
    answer = viewer.post("/servers/", NEW)
    assert (answer.status_code, said(answer)["permission"]) == (403, "servers.create")
    assert not sandbox.changes()


def test_an_unknown_field_is_named(operator, sandbox):
    answer = operator.post("/servers/", {**NEW, "size": "xl"})
    assert answer.status_code == 400
    assert "size" in said(answer)
    assert not sandbox.changes()


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"name": "a", "name": "b"}', "application/json", 400),
        (b"[" * 1000, "application/json", 400),
        (b'{"name": NaN}', "application/json", 400),
        (b'{"name": "\\ud800"}', "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"{}", "application/json; charset=latin-1", 415),
        (b" " * 70_000, "application/json", 413),
    ],
)
def test_a_bad_body_is_refused(operator, sandbox, content, kind, status):
    answer = operator.raw("POST", "/servers/", content, kind)
    assert answer.status_code == status
    assert said(answer)["code"]
    assert not sandbox.changes()
    assert not Operation.objects.exists()


def test_a_lost_answer_is_unknown(operator, sandbox):
    sandbox.fault("drop_after", "POST", "/servers/$")
    answer = operator.post("/servers/", NEW)
    assert answer.status_code == 504
    found = said(answer)
    assert found["state"] == "unknown"
    again = operator.post("/servers/", NEW)
    assert (again.status_code, said(again)["operation"]) == (409, found["operation"])
    assert len(sandbox.changes()) == 1


def test_the_panels_token_is_not_the_scripts(operator, sandbox):
    sandbox.fault("status", "POST", "/servers/$", status=401, body='{"detail": "Invalid token"}')
    answer = operator.post("/servers/", NEW)
    assert (answer.status_code, said(answer)["code"]) == (502, "upstream_token_refused")


def test_a_new_server_gets_the_one_label_of_its_key(bob, synced):
    script = key_of(bob, synced, reach=with_labels("env:ci"))
    assert script.post("/servers/", NEW).status_code == 201
    made = Operation.objects.get()
    assert made.labels == "|env:ci|"


def test_the_same_key_is_answered_once(operator, sandbox):
    first = operator.post("/servers/", NEW, Idempotency_Key="one")
    again = operator.post("/servers/", NEW, Idempotency_Key="one")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again["Idempotency-Replayed"] == "true"
    assert again["X-Operation"] == first["X-Operation"]
    assert len(sandbox.changes()) == 1


def test_the_same_key_with_another_body_is_refused(operator, sandbox):
    operator.post("/servers/", NEW, Idempotency_Key="one")
    answer = operator.post("/servers/", {**NEW, "name": "ci-02"}, Idempotency_Key="one")
    assert (answer.status_code, said(answer)["code"]) == (422, "idempotency_key_reused")
    assert len(sandbox.changes()) == 1


def test_while_nothing_can_be_recorded_nothing_is_done(operator, sandbox, audit_broken):
    answer = operator.post("/servers/", NEW)
    assert (answer.status_code, said(answer)["code"]) == (503, "nothing_was_done")
    assert not sandbox.changes()


def test_a_refused_request_leaves_its_key_free(operator, sandbox):
    """Nothing was asked for, so the same key is a first one once what was wrong is mended."""
    sandbox.fault("drop_after", "POST", "/servers/$")
    operator.post("/servers/", NEW)
    refused = operator.post("/servers/", NEW, Idempotency_Key="one")
    assert refused.status_code == 409
    Operation.objects.update(state="closed", ended_at=clock.now())
    assert operator.post("/servers/", NEW, Idempotency_Key="one").status_code == 201


def test_a_key_counts_for_a_day(operator, sandbox):
    first = operator.post("/servers/", NEW, Idempotency_Key="one")
    clock.shift(timedelta(hours=25))
    Operation.objects.update(state="observed", ended_at=clock.now())
    again = operator.post("/servers/", NEW, Idempotency_Key="one")
    assert (first.status_code, again.status_code) == (201, 201)
    assert len(sandbox.changes()) == 2


def test_whoever_died_after_the_answer_came_is_stood_in_for(operator, sandbox):
    """The operation knows what was answered, also when the first process did not live to say it."""
    first = operator.post("/servers/", NEW, Idempotency_Key="one")
    Repeat.objects.update(status=None, content="", headers={})
    clock.shift(timedelta(seconds=5))
    again = operator.post("/servers/", NEW, Idempotency_Key="one")
    assert (again.status_code, again.content) == (201, first.content)
    assert len(sandbox.changes()) == 1


def test_whoever_died_before_asking_is_stood_in_for(operator, sandbox):
    operator.post("/servers/", NEW, Idempotency_Key="one")
    Operation.objects.all().delete()
    Repeat.objects.update(
        status=None, content="", headers={}, created_at=clock.now() - timedelta(minutes=1)
    )
    assert operator.post("/servers/", NEW, Idempotency_Key="one").status_code == 201
    assert Operation.objects.count() == 1


def test_many_parameters_are_no_error_of_ours(operator):
    query = "&".join(f"a{number}=1" for number in range(300))
    answer = operator.get(f"/servers/?{query}")
    assert (answer.status_code, said(answer)["code"]) == (400, "bad_request")


def test_a_repeat_after_a_crash_hears_what_was_found_out(operator, sandbox, synced):
    """The first answer was lost with its process, and a worker saw the server meanwhile."""
    sandbox.fault("drop_after", "POST", "/servers/$")
    assert operator.post("/servers/", NEW, Idempotency_Key="one").status_code == 504
    Repeat.objects.update(status=None, content="")
    clock.shift(timedelta(seconds=30))
    look(synced)
    again = operator.post("/servers/", NEW, Idempotency_Key="one")
    made = said(again)
    assert (again.status_code, made["name"]) == (201, "ci-01")
    assert operator.get(f"/servers/{made['id']}/").status_code == 200
    assert made["operation"] == again["X-Operation"]
    assert len(sandbox.changes()) == 1


@pytest.mark.parametrize("key", ["", " ", "two words", "ключ", "x" * 256, "tab\tbed"])
def test_a_bad_idempotency_key_is_refused(operator, sandbox, key):
    """An empty one too: whoever sends it means to be safe, and would not be."""
    answer = operator.post("/servers/", NEW, Idempotency_Key=key)
    assert (answer.status_code, said(answer)["code"]) == (400, "bad_idempotency_key")
    assert not sandbox.changes()


@pytest.mark.parametrize("name", ["status", "headers", "code", "detail", "self", "more"])
def test_no_name_of_a_field_is_an_error_of_ours(operator, name):
    answer = operator.post("/servers/", {**NEW, name: "x"})
    assert (answer.status_code, said(answer)["code"]) == (400, "bad_field")
    assert said(answer)["detail"].startswith("Nothing was sent")
