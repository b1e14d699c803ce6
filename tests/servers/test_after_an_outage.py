"""The first that VPS.org answers ends an outage for everybody; nobody waits for the back-off."""

from datetime import timedelta

import pytest

from controlpanel.lib import clock
from controlpanel.operations.following import polling
from controlpanel.operations.tasks import due_accounts
from controlpanel.servers import sync
from controlpanel.servers.models import AccountSync
from tests.faults.changes import REBOOT, post
from tests.gateway.asking import key_of
from tests.people import look

OUTAGES = [
    {"kind": "drop_before"},
    {"kind": "reset"},
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 502, "body": "<html>"},
    {"kind": "status", "status": 503},
    {"kind": "status", "status": 504},
    {"kind": "status", "status": 302},
    {"kind": "status", "status": 408},
    {"kind": "html"},
    {"kind": "garbage"},
    {"kind": "truncated"},
    {"kind": "empty"},
]


def outage(account, sandbox, fault, times=7):
    """So long that the back-off has grown to minutes, and over."""
    given = dict(fault)
    sandbox.fault(given.pop("kind"), "GET", times=None, **given)
    for _ in range(times):
        clock.shift(timedelta(minutes=10))
        look(account)
    sandbox.desk.faults.clear()
    sandbox.journal.clear()
    state = AccountSync.objects.get(account=account)
    assert state.trouble
    assert state.next_at > clock.now() + timedelta(minutes=2)


def is_well(account):
    return not AccountSync.objects.get(account=account).trouble


@pytest.mark.parametrize("fault", OUTAGES, ids=str)
def test_a_reload_finds_it_well(alice, synced, sandbox, fault):
    outage(synced, sandbox, fault)
    clock.shift(timedelta(seconds=11))
    alice.get("/teams/acme/servers/", headers={"HX-Request": "true"})
    assert is_well(synced)


def test_reloads_ask_no_more_often_than_every_ten_seconds(alice, synced, sandbox):
    outage(synced, sandbox, {"kind": "status", "status": 500})
    sandbox.fault("status", "GET", status=500, times=None)
    clock.shift(timedelta(seconds=11))
    for _ in range(5):
        alice.get("/teams/acme/servers/", headers={"HX-Request": "true"})
        clock.shift(timedelta(seconds=1))
    assert len(sandbox.journal.entries()) == 1


@pytest.mark.parametrize("path", ["/servers/", "/servers/12345/", "/plans/"])
def test_a_read_through_the_gateway_tells_the_workers(vera, synced, sandbox, path):
    outage(synced, sandbox, {"kind": "status", "status": 500})
    assert synced.id not in due_accounts()
    assert key_of(vera, synced).get(path).status_code == 200
    assert synced.id in due_accounts()
    look(synced)
    assert is_well(synced)


def test_a_change_tells_the_workers(alice, synced, sandbox):
    outage(synced, sandbox, {"kind": "status", "status": 500})
    post(alice, REBOOT)
    assert synced.id in due_accounts()


def test_an_answer_that_is_no_success_tells_nobody(vera, synced, sandbox):
    outage(synced, sandbox, {"kind": "status", "status": 500})
    sandbox.fault("status", "GET", status=500)
    key_of(vera, synced).get("/servers/")
    assert synced.id not in due_accounts()


@pytest.mark.parametrize("code", ["unauthorized", "no_sync_token", "too_many_requests"])
def test_what_does_not_end_by_itself_is_left_alone(synced, sandbox, code):
    """It is no outage: somebody mends it, or VPS.org asked for fewer calls."""
    sync.note_trouble(synced, code)
    clock.shift(timedelta(seconds=5))
    AccountSync.objects.update(next_at=clock.now() + timedelta(minutes=5))
    sandbox.journal.clear()
    clock.shift(timedelta(seconds=20))
    sync.answered(synced)
    polling.poll_within_page([synced], at_least=timedelta(seconds=1))
    assert not sandbox.journal.entries()


def test_workers_keep_to_the_back_off(synced, sandbox):
    outage(synced, sandbox, {"kind": "status", "status": 500})
    clock.shift(timedelta(seconds=30))
    look(synced)
    assert not sandbox.journal.entries()
