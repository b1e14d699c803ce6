"""VPS.org asked to be left alone for a while: what keeps to it, and who may try sooner."""

from datetime import timedelta

import pytest
from pytest_django.asserts import assertRedirects

from controlpanel.accounts.models import Account
from controlpanel.audit.models import AuditEvent
from controlpanel.credentials.tokens import clients
from controlpanel.lib import clock
from controlpanel.operations.models import Operation
from controlpanel.sandbox.server import Sandbox
from tests.faults.changes import CHANGES, REBOOT, Change, post
from tests.people import Person, look


@pytest.fixture
def url(synced: Account) -> str:
    return f"/teams/acme/accounts/{synced.id}/ask-again/"


@pytest.fixture
def waiting(synced: Account, sandbox: Sandbox) -> Account:
    sandbox.fault("status", "GET", "/servers/$", status=429, headers={"Retry-After": "3600"})
    look(synced)
    sandbox.journal.clear()
    synced.refresh_from_db()
    return synced


def asked(sandbox: Sandbox) -> int:
    return len(sandbox.journal.entries())


def test_it_works(alice: Person, waiting: Account, url: str, sandbox: Sandbox) -> None:
    assertRedirects(alice.post(url), "/teams/acme/servers/", status_code=303)
    waiting.refresh_from_db()
    look(waiting)
    assert asked(sandbox) >= 1
    event = AuditEvent.objects.get(event="account.asked_again")
    assert event.actor_name == alice.user.email


def test_it_works_once_a_minute(alice: Person, waiting: Account, url: str) -> None:
    alice.post(url)
    again = alice.post(url)
    assert again.status_code == 422
    assert "less than a minute ago" in again.content.decode()
    clock.shift(timedelta(seconds=61))
    assert alice.post(url).status_code == 303


def test_the_minute_is_of_one_account(
    alice: Person, charlie: Person, waiting: Account, url: str
) -> None:
    alice.post(url)
    assert charlie.post(url).status_code == 404


def test_it_waits_again_when_it_is_asked_to(
    alice: Person, waiting: Account, url: str, sandbox: Sandbox
) -> None:
    alice.post(url)
    sandbox.fault("status", "GET", "/servers/$", status=429, headers={"Retry-After": "60"})
    waiting.refresh_from_db()
    look(waiting)
    waiting.refresh_from_db()
    look(waiting)
    assert asked(sandbox) == 1


def test_the_page_offers_it_to_those_who_may(
    alice: Person, vera: Person, waiting: Account, url: str
) -> None:
    seen = alice.get("/teams/acme/servers/").content.decode()
    assert "for another 60 minutes" in seen
    assert f'action="{url}"' in seen
    others = vera.get("/teams/acme/servers/").content.decode()
    assert "for another 60 minutes" in others
    assert url not in others


def test_it_rejects_get(alice: Person, url: str) -> None:
    assert alice.get(url).status_code == 405


def test_workers_keep_to_it(waiting: Account, sandbox: Sandbox) -> None:
    clock.shift(timedelta(minutes=59))
    look(waiting)
    assert asked(sandbox) == 0
    clock.shift(timedelta(minutes=2))
    look(waiting)
    assert asked(sandbox) >= 1


@pytest.mark.parametrize("path", ["servers/", "servers/12345/", "operations/"])
def test_pages_keep_to_it(alice: Person, waiting: Account, sandbox: Sandbox, path: str) -> None:
    clock.shift(timedelta(minutes=5))
    page = alice.get(f"/teams/acme/{path}", headers={"HX-Request": "true"})
    assert page.status_code == 200
    assert asked(sandbox) == 0


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_changes_keep_to_it(
    alice: Person, waiting: Account, sandbox: Sandbox, change: Change
) -> None:
    answer = post(alice, change)
    assert not sandbox.changes()
    if change.is_edit:  # asks first how the server is now
        assert answer.status_code == 409
        return
    operation = Operation.objects.get()
    assert (operation.state, operation.code) == ("failed", "asked_to_wait")
    assert not sandbox.changes()
    receipt = alice.get(f"/teams/acme/operations/{operation.id}/").content.decode()
    assert "asked the panel to wait" in receipt


def test_a_change_that_is_told_to_wait_makes_all_wait(
    alice: Person, synced: Account, sandbox: Sandbox
) -> None:
    sandbox.fault("status", "POST", "/reboot/$", status=429, headers={"Retry-After": "120"})
    post(alice, REBOOT)
    sandbox.journal.clear()
    synced.refresh_from_db()
    look(synced)
    assert asked(sandbox) == 0


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [
        (429, "86400", 86400), (429, "90000", 300), (429, "soon", 300), (429, "7", 7),
        (503, "600", 600), (429, "", 0), (503, "", 0), (500, "600", 0), (404, "600", 0),
        (200, "600", 0),
    ],
)  # fmt: skip
def test_how_long_it_is_kept(
    synced: Account, sandbox: Sandbox, status: int, header: str, seconds: int
) -> None:
    body = '{"count": 0, "results": []}'
    sandbox.fault(
        "status", "GET", "/servers/$", status=status, body=body, headers={"Retry-After": header}
    )
    look(synced)
    synced.refresh_from_db()
    assert clients.seconds_left(synced) == pytest.approx(seconds, abs=2)


def test_another_account_is_asked_all_the_same(
    waiting: Account, other_account: Account, sandbox: Sandbox
) -> None:
    """Of another team, though at the same address."""
    sandbox.journal.clear()
    look(other_account)
    assert asked(sandbox) >= 1
