"""A form's id answers for its content: the same again is the same receipt, anything else is asked
for again."""

from datetime import timedelta

import pytest

from controlpanel.accounts.models import Team
from controlpanel.credentials.models import PanelKey
from controlpanel.lib import clock
from controlpanel.operations.models import Operation
from controlpanel.servers.models import Server
from tests.web.asking import BASE, action_url, can_send, hidden, shows

NEW = {"name": "fresh-01", "plan_id": "1", "os_id": "5", "location": "us-west"}
SAID = "This form was sent before"
NEW_URL = f"{BASE}/new/"
# What differs from a create that was sent.
OTHER_CREATES = [
    {"name": "fresh-02"},
    {"name": "Fresh-01"},
    {"plan_id": "2"},
    {"os_id": "6"},
    {"location": "eu-central"},
    {"hostname": "fresh.example.com"},
    {"backups_enabled": "on"},
    {"reason": "Growth"},
    {"labels": "env:prod"},
    {"ssh_key_id": "3"},
]
MINUTE = timedelta(seconds=61)


def create(person, **changed):
    return person.post(NEW_URL, {"form_id": "form-0001", **NEW, **changed})


def is_asked_again(page, sandbox, calls=1):
    assert page.status_code == 422
    assert shows(page, SAID)
    assert hidden(page, "form_id") != "form-0001"
    assert len(sandbox.changes()) == calls


def test_the_same_again_is_the_same_receipt(bob, synced, sandbox):
    answers = [create(bob) for _ in range(3)]
    assert len({answer["Location"] for answer in answers}) == 1
    assert len(sandbox.changes()) == 1


@pytest.mark.parametrize("changed", OTHER_CREATES)
def test_other_content_is_asked_for_again(bob, synced, sandbox, changed):
    create(bob)
    page = create(bob, **changed)
    is_asked_again(page, sandbox)
    assert f'value="{changed.get("name", "fresh-01")}"' in page.content.decode()
    assert shows(page, "See its receipt")


def test_sent_once_more_the_second_server_is_made(bob, synced, sandbox):
    """Back, another name, Create."""
    create(bob)
    page = create(bob, name="fresh-02")
    answer = create(bob, name="fresh-02", form_id=hidden(page, "form_id"))
    assert answer.status_code == 303
    assert [entry.body["name"] for entry in sandbox.changes()] == ["fresh-01", "fresh-02"]


def test_what_is_open_is_the_same_receipt_however_late(bob, synced, sandbox):
    first = create(bob)
    Operation.objects.update(requested_at=clock.now() - timedelta(hours=3))
    assert create(bob)["Location"] == first["Location"]
    assert len(sandbox.changes()) == 1


@pytest.mark.parametrize("state", ["observed", "failed", "cancelled", "not_seen", "closed"])
def test_what_has_ended_is_the_same_within_a_minute(bob, synced, server, sandbox, state):
    url = action_url(server("web-server-01"), "reboot")
    first = bob.post(url, {"form_id": "form-0001"})
    Operation.objects.update(state=state, ended_at=clock.now())
    assert bob.post(url, {"form_id": "form-0001"})["Location"] == first["Location"]
    Operation.objects.update(requested_at=clock.now() - MINUTE)
    is_asked_again(bob.post(url, {"form_id": "form-0001"}), sandbox)


@pytest.mark.parametrize(
    ("name", "action", "typed"),
    [
        ("web-server-01", "stop", {}),
        ("cache-sg-01", "reboot", {}),
        ("web-server-01", "reboot", {"reason": "another"}),
        ("web-server-01", "delete", {"confirm_name": "web-server-01"}),
        ("web-server-01", "edit", {"name": "renamed", "original_name": "web-server-01"}),
    ],
)
def test_one_form_is_one_action_on_one_server(alice, server, sandbox, name, action, typed):
    alice.post(action_url(server("web-server-01"), "reboot"), {"form_id": "form-0001"})
    page = alice.post(action_url(server(name), action), {"form_id": "form-0001", **typed})
    is_asked_again(page, sandbox)


def test_after_it_has_ended_it_can_be_sent_from_the_page(bob, server, sandbox):
    url = action_url(server("cache-sg-01"), "reboot")
    bob.post(url, {"form_id": "form-0001"})
    Operation.objects.update(state="failed", ended_at=clock.now())
    Server.objects.update(status="active")
    page = bob.post(url, {"form_id": "form-0001", "reason": "again"})
    is_asked_again(page, sandbox)
    assert can_send(page)
    assert bob.post(url, {"form_id": hidden(page, "form_id")}).status_code == 303


def test_an_edit(bob, server, sandbox):
    url = action_url(server("web-server-01"), "edit")
    typed = {
        "form_id": "form-0001",
        "name": "renamed",
        "original_name": "web-server-01",
    }
    first = bob.post(url, typed)
    assert bob.post(url, typed)["Location"] == first["Location"]
    page = bob.post(url, {**typed, "name": "renamed-2"})
    is_asked_again(page, sandbox)
    assert 'value="renamed-2"' in page.content.decode()


def test_only_a_keyed_hash_is_kept(bob, synced):
    create(bob, reason="Nobody may know")
    key, _sign, digest = Operation.objects.get().form_content.partition(":")
    assert key
    assert len(digest) == 64


def test_what_was_asked_for_before_contents_were_kept(bob, synced, sandbox):
    first = create(bob)
    Operation.objects.update(form_content="")
    assert create(bob)["Location"] == first["Location"]


def test_its_key_was_retired(bob, synced, sandbox):
    create(bob)
    Operation.objects.update(form_content="gone:" + "0" * 64)
    is_asked_again(create(bob), sandbox)


def test_somebody_else_may_use_the_same_id(alice, bob, server, sandbox):
    url = action_url(server("web-server-01"), "reboot")
    alice.post(url, {"form_id": "form-0001"})
    other = action_url(server("cache-sg-01"), "reboot")
    assert bob.post(other, {"form_id": "form-0001"}).status_code == 303
    assert len(sandbox.changes()) == 2


@pytest.mark.parametrize("changed", [{"name": "Hooli"}, {"colour": "blue"}])
def test_a_team(bob, changed):
    typed = {"name": "Initech", "colour": "green", "form_id": "form-0001"}
    first = bob.post("/teams/new/", typed)
    assert bob.post("/teams/new/", typed)["Location"] == first["Location"]
    page = bob.post("/teams/new/", {**typed, **changed})
    assert page.status_code == 422
    assert shows(page, SAID)
    assert hidden(page, "form_id") != "form-0001"
    assert Team.objects.filter(memberships__user=bob.user).count() == 2


def test_a_team_a_while_later(bob):
    typed = {"name": "Initech", "colour": "green", "form_id": "form-0001"}
    bob.post("/teams/new/", typed)
    Team.objects.update(created_at=clock.now() - MINUTE)
    assert shows(bob.post("/teams/new/", typed), SAID)


@pytest.mark.parametrize("changed", [{"name": "other"}, {"days": "30"}, {"addresses": "192.0.2.7"}])
def test_a_panel_key(bob, synced, changed):
    url = "/teams/acme/panel-keys/new/"
    typed = {"form_id": "form-0001", "name": "ci", "rights": "look", "days": "90", "reach": "all"}
    assert bob.post(url, typed).status_code == 200
    assert bob.post(url, typed).status_code == 409  # it was shown
    page = bob.post(url, {**typed, **changed})
    assert page.status_code == 422
    assert shows(page, SAID)
    assert hidden(page, "form_id") != "form-0001"
    assert PanelKey.objects.count() == 1
