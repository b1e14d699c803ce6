"""What VPS.org accepted, and what was not seen in time: said with what was seen instead."""

from datetime import timedelta

import pytest

from controlpanel.audit.models import AuditEvent
from controlpanel.lib import clock
from tests.operations.asks import create, fresh, power, rename, sent
from tests.people import look

OTHERS = [("start", "build-runner"), ("stop", "mail-relay"), ("delete", "mail-relay")]


@pytest.fixture
def later(synced, sandbox):
    """Looks, each a while after the one before."""

    def pass_by(*minutes):
        for one in minutes:
            clock.shift(timedelta(minutes=one))
            look(synced)

    return pass_by


@pytest.fixture
def deaf(sandbox):
    """The provider accepts, and does nothing."""

    def to(kind, shows):
        body = {"status": "success", "server": {"status": shows}} if shows else {}
        verb = {"update": "PATCH", "delete": "DELETE"}.get(kind, "POST")
        sandbox.fault("status", verb, "/servers/", status=202, body=body)

    return to


def test_an_update_is_not_seen_after_two_minutes(bob, server, later, deaf):
    deaf("update", "")
    operation = sent(rename(bob, server("mail-relay"), "post-office"))
    assert operation.state == "accepted"
    later(1.5)
    assert fresh(operation.id).state == "accepted"
    later(1)
    operation = fresh(operation.id)
    assert (operation.state, operation.next_poll_at) == ("not_seen", None)
    assert operation.note == "VPS.org accepted it, and still shows name: mail-relay."
    event = AuditEvent.objects.filter(operation_id=str(operation.id)).order_by("-seq").first()
    assert event
    assert (event.result, event.data["state"], event.data["note"]) == (
        "failure",
        "not_seen",
        operation.note,
    )


@pytest.mark.parametrize(("kind", "name"), OTHERS)
def test_others_are_not_seen_after_ten(adam, server, later, deaf, kind, name):
    deaf(kind, "")
    target = server(name)
    operation = sent(power(adam, kind, target))
    assert operation.state == "accepted"
    later(5, 4.5)
    assert fresh(operation.id).state == "accepted"
    later(1)
    operation = fresh(operation.id)
    assert operation.state == "not_seen"
    assert f"“{target.status}”" in operation.note


@pytest.mark.parametrize(
    ("kind", "name", "word"),
    [
        ("start", "build-runner", "starting"),
        ("stop", "mail-relay", "stopping"),
        ("delete", "mail-relay", "deleting"),
    ],
)
def test_the_ten_minutes_begin_with_the_last_word_that_it_is_under_way(
    adam, server, later, deaf, sandbox, kind, name, word
):
    deaf(kind, "")
    operation = sent(power(adam, kind, server(name)))
    sandbox.fault("rewrite", "GET", "/servers/", set={"status": word}, times=None)
    later(5, 5, 5, 5)
    assert fresh(operation.id).state == "accepted"
    sandbox.desk.faults.clear()
    later(9)
    assert fresh(operation.id).state == "accepted"
    later(2)
    assert fresh(operation.id).state == "not_seen"


@pytest.mark.parametrize(("kind", "name"), OTHERS)
def test_a_stale_list_is_not_the_last_word(adam, server, later, sandbox, kind, name):
    target = server(name)
    operation = sent(power(adam, kind, target))
    sandbox.advance(60)
    sandbox.fault("rewrite", "GET", "/servers/$", set={"status": target.status}, times=None)
    later(11)
    assert fresh(operation.id).state == "observed"


def test_what_cannot_be_asked_is_not_judged(bob, server, later, deaf, sandbox):
    deaf("start", "")
    operation = sent(power(bob, "start", server("build-runner")))
    sandbox.fault("status", "GET", r"/servers/\d+/$", status=500, times=None)
    later(11, 5)
    assert fresh(operation.id).state == "accepted"
    sandbox.desk.faults.clear()
    later(5)
    assert fresh(operation.id).state == "not_seen"


def test_a_create_whose_server_answers_is_never_not_seen(bob, synced, later, sandbox):
    operation = sent(create(bob, synced))
    for status in ("provisioning", "error", "", None, "stuck?"):
        sandbox.desk.faults.clear()
        sandbox.fault("rewrite", "GET", "/servers/", set={"status": status}, times=None)
        later(60)
        assert fresh(operation.id).state in {"accepted", "observed"}


def test_an_accepted_reboot_is_not_judged_by_time(bob, server, later, deaf, sandbox):
    deaf("reboot", "")
    operation = sent(power(bob, "reboot", server("mail-relay")))
    sandbox.fault("rewrite", "GET", "/servers/", set={"status": "stopped"}, times=None)
    later(11, 60)
    assert fresh(operation.id).state == "accepted"


@pytest.mark.parametrize(("kind", "name"), [*OTHERS, ("update", "mail-relay")])
def test_a_success_code_that_says_it_failed(adam, server, sandbox, kind, name):
    target = server(name)
    for words, state in (("Locked. Nothing was done.", "failed"), ("Try again", "unknown")):
        body = {"success": False, "message": words}
        verb = {"update": "PATCH", "delete": "DELETE"}.get(kind, "POST")
        sandbox.fault("status", verb, "/servers/", status=200, body=body)
        asked = rename(adam, target, "new") if kind == "update" else power(adam, kind, target)
        operation = sent(asked)
        assert (operation.state, operation.code) == (state, "inner_failure")
        assert operation.provider_words == words
