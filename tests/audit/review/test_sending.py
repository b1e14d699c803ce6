"""Between the row that is asked for and the answer that a person gets."""

import threading
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection

from controlpanel.lib import clock
from controlpanel.operations import runner, sweeper
from controlpanel.operations.models import Operation
from tests.operations.asks import create, fresh, power
from tests.people import look
from tests.web.asking import action_url, only_operation


@contextmanager
def rows_that_cannot_be_claimed():
    if connection.vendor == "sqlite":
        make = """CREATE TRIGGER held BEFORE UPDATE ON operations_operation
                  BEGIN SELECT RAISE(ABORT, 'database is locked'); END"""
        drop = "DROP TRIGGER held"
    else:
        make = """CREATE FUNCTION held() RETURNS trigger LANGUAGE plpgsql AS
                  $$ BEGIN RAISE EXCEPTION 'locked'; END $$;
                  CREATE TRIGGER held BEFORE UPDATE ON operations_operation
                  FOR EACH ROW EXECUTE FUNCTION held()"""
        drop = "DROP TRIGGER held ON operations_operation; DROP FUNCTION held()"
    with connection.cursor() as cursor:
        cursor.execute(make)
    yield
    with connection.cursor() as cursor:
        cursor.execute(drop)


@pytest.mark.django_db(transaction=True)
def test_what_a_worker_will_send_is_never_called_nothing(bob, server, sandbox):
    """The row and its intent stand, so a worker sends it: the person is led to the receipt."""
    with rows_that_cannot_be_claimed():
        page = bob.post(action_url(server("web-server-01"), "reboot"))
    operation = only_operation()
    assert operation.state == "requested"
    assert page.status_code == 303
    assert page["Location"].endswith(f"/operations/{operation.id}/")


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_comes_after_the_sweeper_is_kept(bob, server, sandbox):
    sandbox.fault("delay", "POST", "/reboot/$", seconds=1.0)
    operation = power(bob, "reboot", server("web-server-01"))
    thread = threading.Thread(target=_send_and_leave, args=(operation,))
    thread.start()
    while fresh(operation.id).state == "requested":
        thread.join(0.02)
    Operation.objects.filter(id=operation.id).update(sending_at=clock.now() - timedelta(minutes=1))
    sweeper.sweep()
    assert fresh(operation.id).state == "unknown"
    thread.join()
    operation = fresh(operation.id)
    assert (operation.state, operation.provider_status, operation.code) == ("accepted", 200, "")
    assert len(sandbox.changes()) == 1


@pytest.mark.django_db(transaction=True)
def test_a_new_server_that_a_list_shows_before_its_own_answer_is_accepted(bob, synced, sandbox):
    sandbox.fault("delay", "POST", "/servers/$", seconds=1.0)
    operation = create(bob, synced)
    thread = threading.Thread(target=_send_and_leave, args=(operation,))
    thread.start()
    while not sandbox.changes():
        thread.join(0.02)
    thread.join(0.2)
    look(synced)
    thread.join()
    operation = fresh(operation.id)
    assert (operation.state, operation.code) == ("accepted", "")
    assert operation.provider_id


def _send_and_leave(operation):
    try:
        runner.send(operation.id)
    finally:
        connection.close()
