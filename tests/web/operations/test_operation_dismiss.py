"""What is unknown says so first until it is resolved; what was not done, until it is noticed."""

import re
from uuid import uuid4

import pytest

from controlpanel.audit.models import AuditEvent
from tests.operations.asks import fresh, power, sent
from tests.people import HTMX
from tests.web.asking import action_url, denials, shows
from tests.web.operation_rows import URL, ago, operation

LIST = "/teams/acme/servers/"


@pytest.fixture
def failed(adam, synced):
    return operation(adam, synced, state="failed", code="bad_request", provider_status=400)


def url(undone):
    return f"{URL}{undone.id}/dismiss/"


def row(person, provider_id="12345"):
    text = person.get(LIST).content.decode()
    found = re.search(rf'<tr[^>]*data-server-id="{provider_id}".*?</tr>', text, re.S)
    assert found
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[0]))


def page_of(person, provider_id="12345"):
    return person.get(f"{LIST}{provider_id}/")


def test_it_works(bob, failed):
    assert "Failed · reboot" in row(bob)
    page = page_of(bob)
    assert shows(page, "Failed: nothing was done.")
    assert page.content.index(b'data-attention="failed"') < page.content.index(b"server-head")
    answer = bob.post(url(failed))
    assert (answer.status_code, answer["Location"]) == (303, f"{LIST}12345/")
    assert "Failed" not in row(bob)
    assert not shows(page_of(bob), "Failed: nothing was done.")
    event = AuditEvent.objects.get(event="operation.dismissed")
    assert (event.actor_name, event.data["kind"]) == (bob.user.email, "reboot")


def test_it_works_through_htmx(bob, failed):
    assert bob.post(url(failed), headers=HTMX)["HX-Redirect"] == f"{LIST}12345/"


def test_twice_is_once(bob, failed):
    assert [bob.post(url(failed)).status_code for _ in range(2)] == [303, 303]
    assert AuditEvent.objects.filter(event="operation.dismissed").count() == 1


def test_the_asker_who_opens_its_receipt_has_noticed(adam, failed):
    assert "Failed" in row(adam)
    adam.get(f"{URL}{failed.id}/")
    assert "Failed" not in row(adam)
    assert not AuditEvent.objects.filter(event="operation.dismissed").exists()


def test_nobody_elses_look_and_no_list_marks_anything(adam, bob, alice, vera, failed):
    for person in (bob, alice, vera):
        person.get(f"{URL}{failed.id}/")
    adam.head(f"{URL}{failed.id}/")
    adam.get(f"{URL}{failed.id}/", headers={"Sec-Purpose": "prefetch"})
    for path in (LIST, f"{LIST}12345/", URL):
        for headers in ({}, HTMX):
            adam.get(path, headers=headers)
    assert "Failed" in row(vera)
    assert fresh(failed.id).noticed_at is None


@pytest.mark.parametrize("kind", ["update", "delete", "start", "stop", "reboot"])
@pytest.mark.parametrize(("state", "word"), [("failed", "Failed"), ("not_seen", "Not done")])
def test_every_kind_says_so(adam, vera, synced, kind, state, word):
    operation(adam, synced, kind=kind, state=state)
    shown = {"update": "edit"}.get(kind, kind)
    assert f"{word} · {shown}" in row(vera)
    assert f'data-attention="{state}"' in page_of(vera).content.decode()


@pytest.mark.parametrize("state", ["requested", "accepted", "observed", "closed", "cancelled"])
def test_others_do_not(adam, vera, synced, state):
    operation(adam, synced, state=state)
    assert "Failed" not in row(vera)
    assert "data-attention" not in page_of(vera).content.decode()


@pytest.mark.parametrize("state", ["accepted", "observed", "unknown", "cancelled"])
def test_only_what_was_not_done_can_be_dismissed(adam, synced, state):
    other = operation(adam, synced, state=state)
    assert adam.post(url(other)).status_code == 409
    assert fresh(other.id).noticed_at is None


def test_it_is_about_this_server_alone(adam, vera, failed):
    assert "Failed" not in row(vera, "12346")
    assert "data-attention" not in page_of(vera, "12346").content.decode()


def test_several_are_counted(adam, vera, synced, failed):
    operation(adam, synced, kind="stop", state="failed")
    assert "Failed · stop, and 1 more" in row(vera)
    assert page_of(vera).content.count(b'data-attention="failed"') == 2


@pytest.mark.parametrize("kind", ["update", "delete", "start", "stop", "reboot"])
def test_what_is_unknown_says_so_first(adam, vera, synced, kind):
    operation(adam, synced, kind=kind, state="unknown", code="timeout", requested_at=ago(minutes=9))
    assert "Unknown" in row(vera)
    page = page_of(vera)
    assert shows(page, "Unknown: VPS.org may have done this or not.")
    text = page.content.decode()
    assert text.index('data-attention="unknown"') < text.index("server-head")
    assert "Dismiss" not in text


def test_a_newer_change_does_not_hide_what_is_unknown(adam, vera, synced):
    lost = operation(
        adam, synced, kind="stop", state="unknown", code="timeout", requested_at=ago(minutes=9)
    )
    operation(adam, synced, kind="reboot", state="accepted")
    assert "Unknown" in row(vera)
    assert 'data-attention="unknown"' in page_of(vera).content.decode()
    type(lost).objects.filter(id=lost.id).update(state="observed", ended_at=ago())
    assert "Unknown" not in row(vera)


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ([], []),
        ([("12345", "failed")], []),
        ([("12345", "unknown")], ["web-server-01"]),
        ([("12345", "unknown"), ("12345", "unknown")], ["web-server-01"]),
        ([("12345", "unknown"), ("12347", "unknown")], ["web-server-01", "web-server-eu"]),
        ([("12345", "closed"), ("12347", "unknown")], ["web-server-eu"]),
    ],
)
def test_the_list_names_first_what_is_unknown(adam, vera, synced, asked, named):
    """On a phone its row may be far down."""
    for provider_id, state in asked:
        operation(adam, synced, provider_id=provider_id, state=state, code="timeout")
    text = vera.get(LIST).content.decode()
    found = re.findall(r'<a id="doubt-\d+" href="[^"]*">([^<]*)</a>', text)
    assert found == named
    assert ('id="doubts"' in text) == bool(named)


def test_what_is_unknown_comes_before_what_failed(adam, vera, synced, failed):
    operation(
        adam, synced, kind="delete", state="unknown", code="timeout", requested_at=ago(hours=1)
    )
    text = page_of(vera).content.decode()
    assert text.index('data-attention="unknown"') < text.index('data-attention="failed"')


@pytest.mark.parametrize(("state", "words"), [("unknown", "Unknown"), ("failed", "Failed")])
def test_a_create_without_a_server_is_told_above_the_list(adam, vera, synced, state, words):
    operation(
        adam, synced, kind="create", state=state, provider_id="", server_name="web-99",
        code="timeout",
    )  # fmt: skip
    page = vera.get(LIST)
    assert shows(page, f"{adam.user.email} asked to create web-99. {words}:")


@pytest.mark.parametrize(
    ("kind", "name", "action", "never"),
    [
        ("stop", "web-server-01", "start", "already running"),
        ("reboot", "web-server-01", "start", "already running"),
        ("start", "build-runner", "stop", "already stopped"),
        ("start", "build-runner", "reboot", "start it instead"),
    ],
)
def test_nothing_is_said_of_what_nobody_knows(
    bob, synced, sandbox, server, kind, name, action, never
):
    found = server(name)
    assert shows(bob.get(action_url(found, action)), never)
    sandbox.fault("drop_before", "POST")
    asked = sent(power(bob, kind, found))
    assert asked.state == "unknown"
    page = bob.get(action_url(found, action))
    assert not shows(page, never)
    assert bob.post(action_url(found, action), {"form_id": uuid4().hex}).status_code == 303


def test_an_outage_makes_the_status_a_memory(bob, synced, server):
    synced.sync.trouble = "server_error"
    synced.sync.save()
    assert not shows(bob.get(action_url(server("web-server-01"), "start")), "already running")


def test_a_lost_delete_is_not_called_a_running_one(adam, synced, server):
    operation(adam, synced, kind="delete", state="unknown", code="timeout")
    page = adam.get(action_url(server("web-server-01"), "stop"))
    assert shows(page, "Nobody knows yet whether this server is being deleted.")
    assert not shows(page, "This server is being deleted. ")


def test_it_requires_sign_in(nobody, failed):
    assert nobody.post(url(failed)).status_code == 302


def test_it_requires_the_right(vera, failed):
    assert "Dismiss" not in page_of(vera).content.decode()
    assert vera.post(url(failed)).status_code == 403
    assert denials() == 1
    assert fresh(failed.id).noticed_at is None


def test_it_hides_from_outsiders(charlie, failed):
    assert charlie.post(url(failed)).status_code == 404


def test_it_rejects_get(bob, failed):
    assert bob.get(url(failed)).status_code == 405
