"""Before a server is deleted the panel looks at it, with the token that deletes it."""

from datetime import timedelta

import pytest

from controlpanel.operations import runner, services
from controlpanel.operations.checks import target_check
from controlpanel.operations.models import Operation
from controlpanel.servers import locks
from controlpanel.servers.models import Server
from tests.operations.asks import ask, power, sent
from tests.people import look

NAME, ID = "staging-app", "12350"
OWN = rf"/servers/{ID}/$"  # its own address
# What a look may end in that is no 200, and how the operation is told then.
NO_LOOK = [
    ("status", {"status": 500}, "not_sent"),
    ("status", {"status": 502}, "not_sent"),
    ("status", {"status": 503, "headers": {"Retry-After": "7"}}, "not_sent"),
    ("status", {"status": 504}, "not_sent"),
    ("status", {"status": 202, "body": {"id": int(ID), "name": NAME}}, "not_sent"),
    ("status", {"status": 204}, "not_sent"),
    ("status", {"status": 400, "body": {"detail": "No."}}, "not_sent"),
    ("status", {"status": 409, "body": {"detail": "Busy."}}, "not_sent"),
    ("status", {"status": 410}, "not_sent"),
    ("status", {"status": 401, "body": {"detail": "Invalid token."}}, "unauthorized"),
    ("status", {"status": 403, "body": {"detail": "In maintenance."}}, "forbidden"),
    ("status", {"status": 429, "headers": {"Retry-After": "9"}}, "too_many_requests"),
    ("status", {"status": 404, "body": {"detail": "Not found."}}, "not_found"),
    ("redirect", {}, "not_sent"),
    ("garbage", {}, "not_sent"),
    ("html", {}, "not_sent"),
    ("empty", {}, "not_sent"),
    ("truncated", {}, "not_sent"),
    ("oversize", {}, "not_sent"),
    ("drop_before", {"times": None}, "not_sent"),
    ("reset", {"times": None}, "not_sent"),
    ("wrong_id", {}, "not_sent"),
]
# What a look may show that is not what was meant; the last column: also said to a page, where the
# name is what was confirmed.
ANOTHER = [
    ({"name": "production-db"}, True),
    ({"name": "Staging-App"}, True),
    ({"name": "staging-app2"}, True),
    ({"name": " "}, True),
    ({"name": None}, True),
    ({"name": 7}, True),
    ({"name": "staging-app\u202e"}, False),  # which the mapper leaves out, here as in the mirror
    ({"created_at": "2020-01-01T00:00:00Z"}, True),
    ({"created_at": "2031-01-01T00:00:00Z"}, True),
    ({"name": NAME, "hostname": "elsewhere.example.com"}, False),
    ({"status": "stopped"}, False),
    ({"ip_address": "192.0.2.77"}, False),
]


def delete(person, server, **more):
    return services.delete(person.scope("servers.delete"), server, ask(), **more)


def deletes(sandbox):
    return [entry for entry in sandbox.changes() if entry.method == "DELETE"]


def test_it_looks_with_the_token_that_deletes(adam, server, sandbox):
    doomed = server(NAME)
    since = max((entry.number for entry in sandbox.journal.entries()), default=0)
    assert sent(delete(adam, doomed)).state == "accepted"
    look_, call = sandbox.journal.entries(since=since)
    assert [(one.method, one.path) for one in (look_, call)] == [
        ("GET", f"/api/v1/servers/{doomed.provider_id}/"),
        ("DELETE", f"/api/v1/servers/{doomed.provider_id}/"),
    ]
    assert look_.token == call.token == "acme-admin"


@pytest.mark.parametrize("kind", ["reboot", "stop"])
def test_what_can_be_undone_needs_no_look(adam, server, sandbox, kind):
    before = len(sandbox.journal.entries())
    sent(power(adam, kind, server("web-server-01")))
    assert len(sandbox.journal.entries()) == before + 1


@pytest.mark.parametrize(("kind", "how", "code"), NO_LOOK)
def test_without_a_look_nothing_is_sent(adam, server, sandbox, kind, how, code):
    doomed = server(NAME)
    sandbox.fault(kind, "GET", OWN, **how)
    operation = sent(delete(adam, doomed))
    assert (operation.state, operation.code) == ("failed", code)
    assert deletes(sandbox) == []


def test_a_look_that_takes_all_the_time_sends_nothing(adam, server, sandbox):
    sandbox.fault("delay", "GET", r"/servers/\d+/$", seconds=1.2)
    operation = runner.send_within_page(delete(adam, server(NAME)), 2.0)
    assert (operation.state, operation.code) == ("failed", "not_sent")
    assert deletes(sandbox) == []


@pytest.mark.parametrize(("shown", "is_another"), ANOTHER)
def test_another_server_under_the_id_stays(adam, server, sandbox, shown, is_another):
    sandbox.fault("rewrite", "GET", r"/servers/\d+/$", set=shown)
    operation = sent(delete(adam, server(NAME)))
    assert (operation.state == "cancelled") == is_another
    assert (operation.code == "changed_meanwhile") == is_another
    assert len(deletes(sandbox)) == (not is_another)


def test_what_was_seen_instead_comes_into_the_mirror(adam, server, sandbox):
    doomed = server(NAME)
    sandbox.fault("rewrite", "GET", r"/servers/\d+/$", set={"name": "production-db"})
    sent(delete(adam, doomed))
    assert server("production-db").provider_id == doomed.provider_id


def test_a_moment_is_compared_to_the_second(adam, server, sandbox):
    doomed = server(NAME)
    shown = doomed.created_at + timedelta(milliseconds=400)
    sandbox.fault("rewrite", "GET", r"/servers/\d+/$", set={"created_at": shown.isoformat()})
    assert sent(delete(adam, doomed)).state == "accepted"


def test_a_name_that_the_mirror_learns_later_was_not_confirmed(adam, synced, server, sandbox):
    """Between the click and the worker that sends it."""
    operation = delete(adam, server(NAME))
    sandbox.fault("rewrite", "GET", r"/servers/", set={"name": "production-db"}, times=None)
    look(synced)
    assert sent(operation).code == "changed_meanwhile"
    assert deletes(sandbox) == []


def test_a_lock_that_was_put_on_during_the_look_holds(adam, alice, server, sandbox, monkeypatch):
    doomed = server(NAME)
    operation = delete(adam, doomed)
    looked = target_check.fetch

    def look_and_lock(client, about):
        seen = looked(client, about)
        locks.lock(alice.scope("servers.lock"), doomed, "delete", "No!")
        return seen

    monkeypatch.setattr(target_check, "fetch", look_and_lock)
    assert sent(operation).code == "locked"
    assert deletes(sandbox) == []


def test_what_was_asked_for_before_there_was_a_look_is_looked_at(adam, server, sandbox):
    operation = delete(adam, server(NAME))
    Operation.objects.filter(id=operation.id).update(before={})
    assert sent(operation).state == "accepted"
    assert len(deletes(sandbox)) == 1


def test_a_server_without_a_name_is_confirmed_by_its_hostname(adam, server, sandbox):
    doomed = server(NAME)
    Server.objects.filter(id=doomed.id).update(name="", hostname="db.example.com")
    doomed.refresh_from_db()
    operation = delete(adam, doomed)
    assert sent(operation).code == "changed_meanwhile"  # it has a name by now
    assert deletes(sandbox) == []
