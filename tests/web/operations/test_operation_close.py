import pytest

from controlpanel.audit.models import AuditEvent
from tests.people import HTMX
from tests.web.asking import denials, shows
from tests.web.operation_rows import URL, ago, operation


@pytest.fixture
def lost(bob, account):
    return operation(bob, account, kind="reboot", state="unknown", code="timeout")


def url(lost):
    return f"{URL}{lost.id}/close/"


def test_it_works(bob, lost):
    assert shows(bob.get(f"{URL}{lost.id}/"), "Close with this note")
    answer = bob.post(url(lost), {"note": "The server answers again."})
    assert answer.status_code == 303
    lost.refresh_from_db()
    assert (lost.state, lost.note) == ("closed", "The server answers again.")
    event = AuditEvent.objects.get(event="operation.closed")
    assert event.actor_name == bob.user.email
    page = bob.get(answer["Location"])
    assert shows(page, "The server answers again.")
    assert not shows(page, "Close with this note")


def test_it_works_through_htmx(bob, lost):
    answer = bob.post(url(lost), {"note": "Seen."}, headers=HTMX)
    assert answer["HX-Redirect"] == f"{URL}{lost.id}/"


@pytest.mark.parametrize("state", ["accepted", "unknown"])
def test_what_is_stuck_can_be_closed(bob, account, state):
    stuck = operation(bob, account, kind="stop", state=state, answered_at=ago(minutes=31))
    assert bob.post(url(stuck), {"note": "Looked."}).status_code == 303


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("stop", "accepted"),
        ("stop", "unknown"),
        ("reboot", "accepted"),
        ("reboot", "observed"),
        ("reboot", "closed"),
    ],
)
def test_what_the_panel_still_follows_cannot(bob, account, kind, state):
    running = operation(bob, account, kind=kind, state=state)
    page = bob.post(url(running), {"note": "Looked."})
    assert page.status_code == 409
    running.refresh_from_db()
    assert running.state == state
    assert not AuditEvent.objects.filter(event="operation.closed").exists()


@pytest.mark.parametrize("note", ["", "   ", "\x00", "x" * 501])
def test_it_needs_a_note(bob, lost, note):
    page = bob.post(url(lost), {"note": note})
    assert page.status_code == 422
    assert shows(page, "Write what you found, in at most 500 characters.")
    lost.refresh_from_db()
    assert lost.state == "unknown"


def test_it_requires_sign_in(nobody, lost):
    assert nobody.post(url(lost), {"note": "Seen."}).status_code == 302


def test_it_requires_the_right(vera, lost):
    assert shows(vera.get(f"{URL}{lost.id}/"), "Somebody with the right to reboot servers")
    answer = vera.post(url(lost), {"note": "Seen."})
    assert answer.status_code == 403
    assert shows(answer, "reboot servers")
    assert denials() == 1
    lost.refresh_from_db()
    assert lost.state == "unknown"


def test_an_operator_cannot_close_a_deletion(bob, adam, account):
    stuck = operation(adam, account, kind="delete", state="accepted", answered_at=ago(hours=1))
    assert bob.post(url(stuck), {"note": "Seen."}).status_code == 403
    assert adam.post(url(stuck), {"note": "Seen."}).status_code == 303


def test_it_hides_from_outsiders(charlie, lost):
    assert charlie.post(url(lost), {"note": "Seen."}).status_code == 404


def test_it_rejects_get(bob, lost):
    assert bob.get(url(lost)).status_code == 405
