"""A page waits for the provider as long as was agreed, however many calls it takes."""

import logging
from datetime import timedelta

import pytest

from controlpanel.credentials.tokens import clients
from controlpanel.lib import clock
from controlpanel.operations.following import polling
from controlpanel.operations.models import Operation
from controlpanel.servers import sync
from controlpanel.servers.models import AccountSync, Server
from tests.operations.asks import power, rename, sent
from tests.people import HTMX, OPERATOR_TOKEN, look

SLOW = 0.5


@pytest.fixture
def short(monkeypatch):
    """A page's time, cut so that a test need not wait for eight seconds."""
    monkeypatch.setattr(clients, "PAGE_SECONDS", 2.0)


@pytest.fixture
def waited(caplog):
    """Seconds spent on calls to the provider: what this machine is busy with does not count."""
    caplog.set_level(logging.DEBUG, "controlpanel.vpsorg.request")

    def seconds():
        lines = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
        return sum(line["seconds"] for line in lines if line["event"] == "vpsorg.call")

    caplog.clear()
    return seconds


def test_checking_a_token_makes_its_two_calls_in_one_time(bob, account, sandbox, short, waited):
    sandbox.fault("delay", "GET", "/servers/$", seconds=1.5)
    sandbox.fault("delay", "GET", "/account/me/$", seconds=1.5)
    bob.post("/teams/acme/tokens/", {"token": OPERATOR_TOKEN})
    assert 1.5 < waited() < 2.4


def test_a_look_ends_in_time_whatever_it_follows(adam, server, synced, sandbox, caplog, waited):
    names = ("mail-relay", "db-server-01", "web-server-01")
    for name in names:
        sent(power(adam, "delete", server(name)))
    sandbox.fault("delay", "GET", r"/servers/\d+/$", seconds=SLOW, times=None)
    clock.shift(timedelta(seconds=10))
    caplog.clear()
    polling.poll(synced, at_least=timedelta(0), seconds=0.8)
    assert waited() < 1.1
    assert not AccountSync.objects.get(account=synced).trouble
    # What there was no time for is due as before, and comes first the next time.
    assert Operation.objects.filter(state="accepted", next_poll_at__lte=clock.now()).exists()
    for _ in names:
        clock.shift(timedelta(seconds=10))
        polling.poll(synced, at_least=timedelta(0), seconds=0.8)
    assert not Operation.objects.exclude(state="observed").exists()


def test_a_servers_page_asks_within_one_time(bob, server, synced, sandbox, short, caplog, waited):
    sent(power(bob, "reboot", server("mail-relay")))
    sandbox.fault("delay", "GET", "/servers/", seconds=1.5, times=None)
    clock.shift(timedelta(seconds=30))
    url = f"/teams/acme/servers/{server('mail-relay').provider_id}/"
    caplog.clear()
    bob.get(url, headers=HTMX)
    assert 1.5 <= waited() < 2.3


def test_an_edit_reads_and_sends_within_one_time(
    bob, server, synced, sandbox, short, monkeypatch, caplog, waited
):
    monkeypatch.setattr("controlpanel.operations.edits.READ_SECONDS", 1.0)
    target = server("mail-relay")
    sandbox.fault("delay", "GET", r"/servers/\d+/$", seconds=0.8)
    sandbox.fault("hang", "PATCH", seconds=4.0)
    form = {"name": "post-office", "original_name": "mail-relay"}
    url = f"/teams/acme/servers/{target.provider_id}/edit/"
    caplog.clear()
    bob.post(url, form)
    assert 1.5 < waited() < 2.3
    assert Operation.objects.get().state == "unknown"


def test_no_page_asks_for_a_detail_while_the_provider_wants_to_be_left_alone(
    synced, server, sandbox
):
    sandbox.fault("status", "GET", "/servers/$", status=429, headers={"Retry-After": "120"})
    look(synced)
    sandbox.journal.clear()
    clock.shift(timedelta(seconds=30))
    polling.poll_server(server("mail-relay"), seconds=5)
    assert not sandbox.journal.entries()
    state = AccountSync.objects.get(account=synced)
    assert state.next_at - clock.now() >= timedelta(seconds=89)


def test_too_many_requests_ends_a_look(bob, server, synced, sandbox):
    for name in ("mail-relay", "db-server-01", "web-server-01"):
        sent(rename(bob, server(name), f"{name}-x"))
    sandbox.fault(
        "status", "GET", r"/servers/\d+/$", status=429, headers={"Retry-After": "60"}, times=None
    )
    clock.shift(timedelta(seconds=10))
    sandbox.journal.clear()
    look(synced)
    assert len(sandbox.journal.entries()) == 2
    assert AccountSync.objects.get(account=synced).trouble == "too_many_requests"


def test_nothing_is_rung_for_an_account_that_waits(bob, server, synced, sandbox):
    from controlpanel.operations.tasks import due_accounts

    sent(power(bob, "reboot", server("mail-relay")))
    sync.note_trouble(synced, "too_many_requests", wait=120)
    clock.shift(timedelta(seconds=60))
    assert due_accounts() == set()
    clock.shift(timedelta(seconds=90))
    assert due_accounts() == {synced.id}


def test_a_claim_of_a_killed_process_ends(synced, sandbox):
    assert sync.claim(synced, at_least=timedelta(0))  # and never heard of again
    sandbox.journal.clear()
    look(synced)
    assert not sandbox.journal.entries()
    clock.shift(sync.CLAIM + timedelta(seconds=1))
    look(synced)
    assert sandbox.journal.entries()
    assert Server.objects.filter(account=synced).exists()
