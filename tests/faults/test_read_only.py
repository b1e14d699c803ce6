"""While nothing can be recorded, nothing is done, everywhere, and everybody is told why."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import DataError, OperationalError, connection

from controlpanel.accounts.models import Account
from controlpanel.audit.log import read_only, read_only_state
from controlpanel.audit.models import AuditEvent
from controlpanel.audit.verification import full_check
from controlpanel.lib import clock
from controlpanel.operations import sweeper, tasks
from controlpanel.operations.models import Operation
from controlpanel.sandbox.server import Sandbox
from tests.faults import invariants
from tests.faults.changes import BASE, CHANGES, REBOOT, STOP, Change, address, form_of, post
from tests.operations.asks import fresh, power
from tests.people import HTMX, Person
from tests.tools import unwritable
from tests.tools.breaking import broken_audit
from tests.tools.unwritable import Way
from tests.tools.valkey import ValkeyServer

PersonFor = Callable[[Change], Person]
LATER = (unwritable.refused, unwritable.read_only, unwritable.without_keys)
BY_A_PERSON = (unwritable.changed_head, unwritable.head_put_back)
every_change = pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
pytestmark = [pytest.mark.databases, pytest.mark.django_db(transaction=True)]


def each(ways: tuple[Way, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("way", ways, ids=lambda way: way.__name__)


def told(event: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(chain="panel", event=event))


def write_something(fleet: Account, person: Person) -> None:
    """So that the team has a chain whose head can be changed."""
    assert person.get(f"{BASE}/policies/").status_code == 200
    person.post(f"{BASE}/roles/new/", {"name": "x", "permissions": "servers.view"})


@every_change
@each(LATER)
def test_nothing_is_done_and_it_recovers_by_itself(
    fleet: Account, sandbox: Sandbox, person_for: PersonFor, change: Change, way: Way
) -> None:
    person = person_for(change)
    with way(fleet.team.chain):
        page = post(person, change, "form-0001")
        invariants.tells_no_token(page)
        if change.is_edit and way is unwritable.without_keys:
            # It is read again first, and for that a token would have to be opened.
            assert page.status_code == 409
        else:
            assert page.status_code == 503
            assert "Nothing was done" in invariants.words(page)
            assert read_only.closed()
        assert post(person, REBOOT).status_code == 503
        assert read_only.closed()
        assert "The panel is read-only." in invariants.words(person.get(f"{BASE}/servers/"))
    assert not sandbox.changes()
    assert not Operation.objects.exists()
    assert "The panel is read-only." not in invariants.words(person.get(f"{BASE}/servers/"))
    assert post(person, change, "form-0001").status_code == 303
    assert len(sandbox.changes()) == 1
    assert len(told("panel.recovered")) == 1
    invariants.unbroken()


@every_change
@each(BY_A_PERSON)
def test_a_changed_log_waits_for_a_person(
    fleet: Account, sandbox: Sandbox, person_for: PersonFor, alice: Person, change: Change, way: Way
) -> None:
    write_something(fleet, alice)
    person = person_for(change)
    with way(fleet.team.chain):
        page = post(person, change, "form-0001")
        assert page.status_code == 503
        said = invariants.words(page)
        assert "Nothing was done" in said
        assert read_only.closed()
        said = invariants.words(person.get(f"{BASE}/servers/"))
        assert "manage.py verify_audit" in said
        assert "manage.py reopen" in said
        with pytest.raises(CommandError, match="not in order"):
            call_command("reopen", reason="Nothing to see.")
    assert not sandbox.changes()
    # That it is in order again is not enough: somebody has to know how that came.
    assert post(person, change, "form-0001").status_code == 503
    assert len(told("panel.closed")) == 1
    call_command("reopen", reason="A restore went wrong.")
    assert post(person, change, "form-0001").status_code == 303
    assert len(sandbox.changes()) == 1
    [event] = told("panel.reopened")
    assert (event.reason, event.data["chain"]) == ("A restore went wrong.", fleet.team.chain)
    invariants.unbroken()


def test_what_a_person_must_see_to_outlives_the_process(fleet: Account, alice: Person) -> None:
    write_something(fleet, alice)
    with unwritable.changed_head(fleet.team.chain):
        post(alice, REBOOT)
        assert read_only.closed()  # and is written down
    read_only_state.forget()
    cache.clear()
    assert read_only.closed() is None
    read_only.read_back()
    found = read_only.closed()
    assert found is not None
    assert found.why == read_only.CHANGED
    call_command("reopen", reason="Seen to.")
    read_only_state.forget()
    cache.clear()
    read_only.read_back()
    assert read_only.closed() is None


def test_a_process_that_starts_finds_a_changed_head(fleet: Account, alice: Person) -> None:
    write_something(fleet, alice)
    with unwritable.changed_head(fleet.team.chain):
        read_only.read_back()
        assert read_only.closed()


def test_nobody_opens_what_is_open(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("reopen", reason="Just so.")
    assert "nothing was done" in capsys.readouterr().out
    assert not told("panel.reopened")


def test_it_is_refused_at_once_until_it_was_tried_again(
    fleet: Account, sandbox: Sandbox, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_only_state, "TRY_EVERY", 60.0)
    with broken_audit():
        assert post(bob, REBOOT).status_code == 503
    assert post(bob, REBOOT).status_code == 503
    assert not sandbox.changes()
    monkeypatch.setattr(read_only_state, "TRY_EVERY", 0.0)
    assert post(bob, REBOOT).status_code == 303


def test_every_process_knows(fleet: Account, bob: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_only_state, "TRY_EVERY", 60.0)
    with broken_audit():
        post(bob, REBOOT)
    read_only_state.forget()
    read_only_state._Own.tried_at = 10**9  # another process, which has not tried yet
    assert post(bob, REBOOT).status_code == 503


def test_every_process_knows_through_redis(
    valkey: ValkeyServer, fleet: Account, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_only_state, "TRY_EVERY", 60.0)
    with broken_audit():
        post(bob, REBOOT)
    before = read_only.closed()
    read_only_state.forget()
    read_only_state._Own.tried_at = 10**9
    assert read_only.closed() == before
    valkey.stop()
    assert read_only.closed() == before
    monkeypatch.setattr(read_only_state, "TRY_EVERY", 0.0)
    read_only_state._Own.tried_at = 0.0
    assert read_only.closed() is None


def test_also_where_no_team_is_around_it(alice: Person, db: None) -> None:
    with broken_audit():
        alice.post("/account/settings/", {"name": "Other"})
        for page in ("/account/settings/", "/accounts/logout/", "/accounts/two-step/"):
            assert "The panel is read-only." in invariants.words(alice.get(page)), page


def test_one_that_lost_the_cache_reads_in_the_log_that_it_is_over(
    fleet: Account, bob: Person
) -> None:
    with broken_audit():
        post(bob, REBOOT)
    own = read_only_state._Own.closed
    assert read_only.closed() is None
    cache.clear()
    read_only_state._Own.closed = own
    assert read_only.closed() is None
    assert len(told("panel.recovered")) == 1


def test_what_ends_a_lock_does_not_end_a_change_of_the_log(fleet: Account, bob: Person) -> None:
    with broken_audit():
        post(bob, REBOOT)
    read_only_state.close(
        read_only_state.CHANGED, fleet.team.chain
    )  # found out here, while it lasts
    own = read_only_state._Own.closed
    cache.clear()
    read_only_state.forget()
    read_only_state.close("locked", since=own.since if own else None)
    assert read_only.closed() is None  # in another process
    read_only_state._Own.closed = own
    assert read_only.closed() == own
    cache.clear()
    assert read_only.closed() == own


def test_what_was_typed_is_kept(fleet: Account, bob: Person) -> None:
    with broken_audit():
        post(bob, STOP)
        page = bob.post(address(STOP), form_of(STOP, "form-0002") | {"reason": "For <b> & good"})
    said = page.content.decode()
    assert 'name="form_id" value="form-0002"' in said
    assert 'name="reason" value="For &lt;b&gt; &amp; good"' in said
    assert f'action="{address(STOP)}"' in said


def test_a_secret_is_not(fleet: Account, bob: Person) -> None:
    with broken_audit():
        post(bob, STOP)
        page = bob.post(f"{BASE}/tokens/", {"token": "vps_secret_0001", "account": "x"})
    assert page.status_code == 503
    assert "vps_secret_0001" not in page.content.decode()
    assert "A secret that you entered is not kept" in invariants.words(page)


def test_through_htmx_it_is_refused_as_well(fleet: Account, sandbox: Sandbox, bob: Person) -> None:
    with broken_audit():
        post(bob, REBOOT)
        page = bob.post(address(REBOOT), form_of(REBOOT), headers=HTMX)
    assert page.status_code == 503  # which is not put into the page: the form stays as it is
    assert not sandbox.changes()


def test_workers_send_nothing_that_waits(fleet: Account, sandbox: Sandbox, bob: Person) -> None:
    operation = power(bob, "reboot", fleet.servers.get(name="web-server-01"))
    with broken_audit():
        tasks.send(str(operation.id))
        clock.shift(timedelta(seconds=11))
        sweeper.sweep()
        assert fresh(operation.id).state == "requested"
    assert not sandbox.changes()
    sweeper.sweep()
    assert fresh(operation.id).state == "accepted"
    assert len(sandbox.changes()) == 1


@each(LATER)
def test_nobody_asks_the_provider_meanwhile(
    fleet: Account, sandbox: Sandbox, bob: Person, way: Way
) -> None:
    with way(fleet.team.chain):
        post(bob, REBOOT)
        before = len(sandbox.journal.entries())
        clock.shift(timedelta(minutes=1))
        assert bob.get(f"{BASE}/servers/", headers=HTMX).status_code == 200
        tasks.poll(str(fleet.id))
        assert len(sandbox.journal.entries()) == before


@pytest.fixture
def locked() -> Iterator[None]:
    if connection.vendor != "sqlite":
        pytest.skip("of SQLite only")
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 20")
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


def test_a_lock_that_lasts(fleet: Account, sandbox: Sandbox, bob: Person, locked: None) -> None:
    assert post(bob, REBOOT).status_code == 503
    said = invariants.words(bob.get(f"{BASE}/servers/"))
    assert "keeps the panel’s database locked" in said
    assert not sandbox.changes()


def test_what_happens_to_one_event_does_not_close_the_panel() -> None:
    read_only_state.close_for(DataError("value too long"))
    read_only_state.close_for(OperationalError("deadlock detected"))
    assert read_only.closed() is None


def test_the_log_stays_whole(fleet: Account, bob: Person) -> None:
    for _ in range(3):
        with broken_audit():
            post(bob, REBOOT)
        assert read_only.closed() is None
    assert len(told("panel.recovered")) == 3
    assert full_check.verify().sound
