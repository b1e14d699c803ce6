"""No record, no call. And a call whose outcome cannot be recorded is unknown, never undone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection

from controlpanel.accounts.models import Account
from controlpanel.audit.models import AuditEvent
from controlpanel.lib import clock
from controlpanel.operations import sweeper
from controlpanel.operations.models import Operation
from controlpanel.sandbox.server import Sandbox
from tests.faults import invariants
from tests.faults.changes import BASE, CHANGES, REBOOT, Change, post
from tests.operations.asks import fresh
from tests.people import HTMX, Person, look
from tests.tools.breaking import broken_audit

pytestmark = pytest.mark.databases
PersonFor = Callable[[Change], Person]
every_change = pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)

_WHEN = "NEW.canonical LIKE '%\"outcome\"%'"
_SQLITE = (
    f"""CREATE TRIGGER no_outcome BEFORE INSERT ON audit_auditevent WHEN {_WHEN}
        BEGIN SELECT RAISE(ABORT, 'disk full'); END""",
    "DROP TRIGGER no_outcome",
)
_POSTGRES = (
    f"""CREATE FUNCTION no_outcome() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'disk full'; END $$;
        CREATE TRIGGER no_outcome BEFORE INSERT ON audit_auditevent
        FOR EACH ROW WHEN ({_WHEN}) EXECUTE FUNCTION no_outcome()""",
    "DROP TRIGGER no_outcome ON audit_auditevent; DROP FUNCTION no_outcome()",
)


@contextmanager
def no_outcome() -> Iterator[None]:
    """The log takes intents and then is full."""
    broken, mended = _SQLITE if connection.vendor == "sqlite" else _POSTGRES
    with connection.cursor() as cursor:
        cursor.execute(broken.replace("%", "%%") if connection.vendor != "sqlite" else broken)
        try:
            yield
        finally:
            cursor.execute(mended)


@every_change
def test_what_cannot_be_recorded_is_not_done(
    fleet: Account, sandbox: Sandbox, person_for: PersonFor, change: Change
) -> None:
    with broken_audit():
        page = post(person_for(change), change)
    assert page.status_code == 503
    assert "Nothing was done" in invariants.words(page)
    invariants.tells_no_token(page)
    assert not sandbox.changes()
    assert not Operation.objects.exists()
    invariants.unbroken()


@every_change
def test_the_same_form_works_once_the_log_is_mended(
    fleet: Account, sandbox: Sandbox, person_for: PersonFor, change: Change
) -> None:
    person = person_for(change)
    with broken_audit():
        post(person, change, "form-0001")
    assert post(person, change, "form-0001").status_code == 303
    assert len(sandbox.changes()) == 1


@every_change
def test_an_outcome_that_cannot_be_recorded_is_unknown(
    fleet: Account, sandbox: Sandbox, person_for: PersonFor, change: Change
) -> None:
    person = person_for(change)
    with no_outcome():
        page = post(person, change, "form-0001")
        assert page.status_code == 202
        said = invariants.main(page)
        assert 'data-state="unknown"' in said
        assert "othing was done" not in said
        invariants.clean(page)
        operation = Operation.objects.get()
        assert f"{BASE}/operations/{operation.id}/" in said
        clock.shift(timedelta(seconds=21))
        sweeper.sweep()
        look(fleet)
        assert fresh(operation.id).state == "sending"
        # Sent again, the same form leads to the receipt.
        assert post(person, change, "form-0001").status_code == 303
    sweeper.sweep()
    assert fresh(operation.id).state == "unknown"
    for seconds in (35, 600):
        clock.shift(timedelta(seconds=seconds))
        sandbox.advance(seconds)
        sweeper.sweep()
        look(fleet)
    operation = fresh(operation.id)
    assert operation.state == ("unknown" if change is REBOOT else "observed")
    assert len(sandbox.changes()) == 1
    invariants.recorded(operation)
    invariants.unbroken()


def test_through_htmx_the_answer_is_the_same(fleet: Account, sandbox: Sandbox, bob: Person) -> None:
    bob.defaults = {**bob.defaults, "HTTP_HX_REQUEST": HTMX["HX-Request"]}
    with broken_audit():
        page = post(bob, REBOOT)
    assert (page.status_code, len(sandbox.changes())) == (503, 0)
    with no_outcome():
        page = post(bob, REBOOT)
    assert page.status_code == 202
    assert 'data-state="unknown"' in invariants.words(page)


def test_a_refusal_that_cannot_be_recorded_lets_nobody_in(
    fleet: Account, sandbox: Sandbox, vera: Person, charlie: Person
) -> None:
    before = AuditEvent.objects.count()
    with broken_audit():
        assert post(vera, REBOOT).status_code == 503
        assert post(charlie, REBOOT).status_code == 503
    assert not sandbox.changes()
    assert AuditEvent.objects.count() == before
