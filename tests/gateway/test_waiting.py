"""Where VPS.org asks to be left alone for a while: scripts are told for how long."""

from datetime import timedelta

import pytest

from controlpanel.accounts.models import Account
from controlpanel.lib import clock
from tests.gateway.asking import said

pytestmark = pytest.mark.django_db


def left(answer):
    return int(answer.headers["Retry-After"])


def told_to_wait(sandbox, seconds=3600):
    sandbox.fault(
        "status", status=429, body='{"detail": "Slow"}', headers={"Retry-After": str(seconds)}
    )


@pytest.mark.parametrize("path", ["/servers/", "/servers/12345/", "/plans/"])
def test_a_read_is_told_and_the_next_one_too(viewer, sandbox, path):
    told_to_wait(sandbox)
    first = viewer.get(path)
    assert (first.status_code, said(first), left(first)) == (429, {"detail": "Slow"}, 3600)
    sandbox.journal.clear()
    clock.shift(timedelta(minutes=30))
    second = viewer.get("/servers/")
    assert (second.status_code, said(second)["code"]) == (429, "too_many_requests")
    assert 1795 <= left(second) <= 1800
    assert not sandbox.journal.entries()


def test_a_change_is_told(operator, sandbox):
    told_to_wait(sandbox, 100)
    first = operator.post("/servers/12345/reboot/")
    assert (first.status_code, said(first)) == (429, {"detail": "Slow"})
    assert 98 <= left(first) <= 100
    sandbox.journal.clear()
    second = operator.post("/servers/12345/reboot/")
    assert (second.status_code, said(second)["code"]) == (429, "too_many_requests")
    assert 90 <= left(second) <= 100
    assert not sandbox.journal.entries()


def test_it_ends(viewer, sandbox):
    told_to_wait(sandbox, 60)
    viewer.get("/servers/")
    clock.shift(timedelta(seconds=61))
    assert viewer.get("/servers/").status_code == 200


def test_trouble_with_a_time_tells_it(viewer, sandbox):
    sandbox.fault("status", "GET", "/servers/$", status=503, headers={"Retry-After": "90"})
    answer = viewer.get("/servers/")
    assert (answer.status_code, left(answer)) == (502, 90)


@pytest.mark.parametrize("status", [429, 503])
def test_what_asks_to_wait_is_kept(viewer, sandbox, synced, status):
    sandbox.fault("status", "GET", "/servers/$", status=status, headers={"Retry-After": "90"})
    viewer.get("/servers/")
    synced.refresh_from_db()
    assert synced.wait_until is not None
    assert viewer.get("/servers/12345/").status_code == 429


@pytest.mark.parametrize("status", [400, 403, 404, 409, 500, 502])
def test_what_is_said_of_one_call_keeps_nobody_from_others(viewer, sandbox, status):
    sandbox.fault("status", "GET", "/servers/$", status=status, headers={"Retry-After": "90"})
    viewer.get("/servers/")
    assert viewer.get("/servers/12345/").status_code == 200


def test_a_429_without_a_time_is_not_kept(viewer, sandbox):
    sandbox.fault("status", "GET", "/servers/$", status=429)
    answer = viewer.get("/servers/")
    assert (answer.status_code, left(answer)) == (429, 30)
    assert viewer.get("/servers/").status_code == 200


def test_what_the_panel_answers_itself_is_answered(viewer, sandbox):
    told_to_wait(sandbox)
    viewer.get("/servers/")
    assert viewer.get("/account/me/").status_code == 200


def test_another_account_is_not_told(viewer, sandbox, synced):
    told_to_wait(sandbox)
    viewer.get("/servers/")
    assert list(Account.objects.exclude(wait_until=None)) == [synced]
