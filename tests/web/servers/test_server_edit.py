from datetime import timedelta
from urllib.parse import quote

import pytest
from pytest_django.asserts import assertRedirects

from controlpanel.lib import clock
from controlpanel.operations.following import polling
from controlpanel.operations.models import Operation
from controlpanel.servers.models import Server
from tests.people import HTMX, look
from tests.web.asking import action_url, denials, hidden, only_operation, receipt_of, shows

NAME, HOSTNAME = "web-server-01", "web01.example.com"


@pytest.fixture
def url(server):
    polling.poll_server(server(NAME), seconds=5)
    return action_url(server(NAME), "edit")


def form(**changed):
    """The form as a browser sends it, `changed` typed in."""
    return {
        "form_id": "form-0001",
        "original_name": NAME,
        "original_hostname": HOSTNAME,
        "original_backups_enabled": "true",
        "name": NAME,
        "hostname": HOSTNAME,
        "backups_enabled": "on",
    } | changed


def outside(sandbox, server, **values):
    """Somebody changes the server at VPS.org."""
    found = sandbox.world.anywhere(int(server(NAME).provider_id))
    sandbox.world.change(found, **values)


def test_it_works(bob, url, sandbox, synced):
    answer = bob.post(url, form(name="web-new", reason="renamed"))
    operation = only_operation()
    assertRedirects(answer, f"/teams/acme/operations/{operation.id}/", status_code=303)
    [call] = sandbox.changes()
    assert (call.method, call.body) == ("PATCH", {"name": "web-new"})
    assert operation.before == {"name": NAME}
    clock.shift(timedelta(seconds=5))
    look(synced)
    text = receipt_of(bob, operation)
    assert 'data-state="observed"' in text
    assert NAME in text
    assert "web-new" in text


def test_it_shows_the_values_as_they_are(bob, url, sandbox):
    page = bob.get(url)
    assert page.status_code == 200
    assert hidden(page, "original_name") == NAME
    assert hidden(page, "original_backups_enabled") == "true"
    assert sandbox.changes() == []


def test_all_three_changed_is_a_put(bob, url, sandbox):
    sent = form(name="web-new", hostname="new.example.com")
    del sent["backups_enabled"]
    assert bob.post(url, sent).status_code == 303
    [call] = sandbox.changes()
    assert call.method == "PUT"
    assert call.body == {
        "name": "web-new",
        "hostname": "new.example.com",
        "backups_enabled": False,
    }


def test_a_script_need_not_send_what_was_there(bob, url, sandbox):
    assert bob.post(url, {"hostname": "new.example.com"}).status_code == 303
    [call] = sandbox.changes()
    assert call.body == {"hostname": "new.example.com"}


def test_unknown_backups_can_be_left_as_they_are(bob, url, server, sandbox):
    Server.objects.filter(id=server(NAME).id).update(backups_enabled=None)
    assert shows(bob.get(url), "Leave as it is")
    sent = form(original_backups_enabled="", backups_enabled="", name="web-new")
    assert bob.post(url, sent).status_code == 303
    assert sandbox.changes()[0].body == {"name": "web-new"}


def test_unknown_backups_can_be_switched(bob, url, sandbox):
    assert (
        bob.post(url, form(original_backups_enabled="", backups_enabled="false")).status_code == 303
    )
    assert sandbox.changes()[0].body == {"backups_enabled": False}


def test_a_conflict_is_shown_and_not_overwritten(bob, url, server, sandbox):
    outside(sandbox, server, name="theirs", hostname="theirs.example.com")
    page = bob.post(url, form(name="mine"))
    assert page.status_code == 409
    assert shows(page, "You saw “web-server-01”. Meanwhile it was changed to “theirs”.")
    assert sandbox.changes() == []
    assert not Operation.objects.exists()
    # The form now knows: mine is kept, what I left alone shows theirs, a second try is deliberate.
    assert hidden(page, "original_name") == "theirs"
    assert b'value="mine"' in page.content
    assert b'name="hostname" value="theirs.example.com"' in page.content
    again = form(
        name="mine",
        hostname="theirs.example.com",
        original_name=hidden(page, "original_name"),
        original_hostname=hidden(page, "original_hostname"),
        form_id=hidden(page, "form_id"),
    )
    assert bob.post(url, again).status_code == 303
    assert sandbox.changes()[0].body == {"name": "mine"}


def test_what_others_changed_elsewhere_stays(bob, url, server, sandbox):
    outside(sandbox, server, hostname="theirs.example.com", backups_enabled=False)
    assert bob.post(url, form(name="mine")).status_code == 303
    assert sandbox.changes()[0].body == {"name": "mine"}


def test_nothing_changed_sends_nothing(bob, url, sandbox):
    page = bob.post(url, form())
    assert page.status_code == 200
    assert shows(page, "nothing to change")
    assert not Operation.objects.exists()
    assert sandbox.changes() == []


def test_what_is_there_already_is_not_sent(bob, url, server, sandbox):
    outside(sandbox, server, name="same")
    assert shows(bob.post(url, form(name="same")), "nothing to change")
    assert sandbox.changes() == []


def test_without_a_fresh_read_nothing_is_changed(bob, url, sandbox):
    sandbox.fault("drop_before", "GET", times=None)
    page = bob.post(url, form(name="mine"))
    assert page.status_code == 409
    assert shows(page, "could not be asked for the current values, so nothing was changed")
    assert b'value="mine"' in page.content
    assert sandbox.changes() == []


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("name", "not a name", "Use letters"),
        ("name", "", "Enter a name."),
        ("name", "ümläut", "Use letters"),
        ("hostname", "short", "Enter a full hostname"),
        ("hostname", "-a.example.com", "Enter a full hostname"),
        ("backups_enabled", "perhaps", "Choose on or off."),
    ],
)
def test_what_is_not_as_documented_is_not_sent(bob, url, sandbox, field, typed, words):
    page = bob.post(url, form(**{field: typed}, reason="kept"))
    assert page.status_code == 422
    assert shows(page, words)
    assert f'href="#id_{field}"' in page.content.decode()
    assert b"kept" in page.content
    assert hidden(page, "form_id") == "form-0001"
    assert sandbox.changes() == []


def test_an_old_name_that_breaks_the_rules_may_stay(bob, url, server, sandbox):
    outside(sandbox, server, name="old name")
    look(server(NAME).account)
    sent = form(name="old name", original_name="old name", hostname="new.example.com")
    assert bob.post(url, sent).status_code == 303
    assert sandbox.changes()[0].body == {"hostname": "new.example.com"}


def test_the_providers_400_lands_at_its_field(bob, url, sandbox):
    body = {"hostname": ["Already <i>taken</i>"]}
    sandbox.fault("status", "PATCH", status=400, body=body)
    page = bob.post(url, form(hostname="taken.example.com", reason="kept"))
    assert page.status_code == 422
    assert "Already &lt;i&gt;taken&lt;/i&gt;" in page.content.decode()
    assert b'value="taken.example.com"' in page.content
    assert b"kept" in page.content
    assert hidden(page, "form_id") != "form-0001"
    assert only_operation().state == "failed"


def test_other_refusals_are_told_by_the_receipt(bob, url, sandbox):
    sandbox.fault("status", "PATCH", status=403, body={"detail": "No."})
    assert bob.post(url, form(name="mine")).status_code == 303
    assert "your API token lacks the permission for this" in receipt_of(bob, only_operation())


def test_the_same_form_twice_is_one_call(bob, url, sandbox):
    first, second = bob.post(url, form(name="mine")), bob.post(url, form(name="mine"))
    assert first["Location"] == second["Location"]
    assert len(sandbox.changes()) == 1


def test_it_works_through_htmx(bob, url):
    answer = bob.post(url, form(name="mine"), headers=HTMX)
    assert answer["HX-Redirect"] == f"/teams/acme/operations/{only_operation().id}/"


def test_a_lost_answer_is_unknown(bob, url, sandbox):
    sandbox.fault("drop_after", "PATCH")
    assert bob.post(url, form(name="mine")).status_code == 303
    assert only_operation().state == "unknown"
    assert len(sandbox.changes()) == 1


def test_it_requires_sign_in(nobody, url, sandbox):
    assertRedirects(nobody.get(url), f"/accounts/login/?next={quote(url, safe='')}")
    assert nobody.post(url, form(name="mine")).status_code == 302
    assert sandbox.changes() == []


def test_it_requires_the_right(vera, url, sandbox):
    for answer in (vera.get(url), vera.post(url, form(name="mine"))):
        assert answer.status_code == 403
    assert denials() == 2
    assert sandbox.changes() == []


def test_it_hides_from_outsiders(charlie, bob, url, sandbox):
    assert charlie.post(url, form(name="mine")).status_code == 404
    assert bob.post("/teams/acme/servers/12353/edit/", form(name="mine")).status_code == 404
    assert sandbox.changes() == []


def test_hostile_values_are_inert(bob, url, server):
    Server.objects.filter(id=server(NAME).id).update(name='<script>alert(1)</script>"x')
    assert b"<script>alert" not in bob.get(url).content
