"""A reason that the team asks for: marked up front, and said at the field where it is missing."""

import re
from dataclasses import replace

import pytest

from controlpanel.accounts.models import TeamPolicy
from controlpanel.operations import services
from controlpanel.operations.models import Operation
from controlpanel.operations.services import Refused
from controlpanel.servers import labels, selectors
from controlpanel.web.servers import action_views
from tests.people import HTMX
from tests.web.asking import BASE, action_url, only_operation, shows

RUNNING, STOPPED = "web-server-01", "staging-app"
ON = {"start": STOPPED, "stop": RUNNING, "reboot": RUNNING, "delete": RUNNING, "edit": RUNNING}
WORDS = {
    "start": "before a server is started",
    "stop": "before a server is stopped",
    "reboot": "before a server is rebooted",
    "delete": "before a server is deleted",
    "edit": "before a server is changed",
}
TYPED = {
    "delete": {"confirm_name": RUNNING},
    "edit": {"name": "renamed-01", "original_name": RUNNING},
}
NEW = {"name": "fresh-01", "plan_id": "1", "os_id": "5", "location": "us-west"}


@pytest.fixture
def policy(team):
    kinds = ["create", "update", "start", "stop", "reboot", "delete"]
    return TeamPolicy.objects.create(team=team, reason_kinds=kinds)


@pytest.fixture
def by_label(team):
    return TeamPolicy.objects.create(team=team, reason_labels=["env:prod"])


def at_the_field(page):
    found = re.search(r'id="id_reason_error">(.*?)</p>', page.content.decode(), re.S)
    return found[1] if found else ""


def is_marked(page):
    field = re.search(r'<label for="id_reason">(.*?)</label>', page.content.decode(), re.S)
    return field and "optional" not in field[1] and shows(page, "Your team asks for a reason")


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
@pytest.mark.parametrize("action", ON)
def test_it_is_asked_for_at_every_door(alice, policy, server, sandbox, action, headers):
    url = action_url(server(ON[action]), action)
    assert is_marked(alice.get(url, headers=headers))
    form = {"form_id": "form-0001", **TYPED.get(action, {})}
    for reason in ("", "  ", "\u200b\u202e"):
        page = alice.post(url, {**form, "reason": reason}, headers=headers)
        assert page.status_code == 422
        assert WORDS[action] in at_the_field(page)
        assert b'value="form-0001"' in page.content
        for typed in TYPED.get(action, {}).values():
            assert typed.encode() in page.content
    assert not Operation.objects.exists()
    assert not sandbox.changes()
    sent = alice.post(url, {**form, "reason": "Planned."}, headers=headers)
    assert sent.status_code == (204 if headers else 303)
    assert only_operation().reason == "Planned."


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_a_create_is_asked_as_well(bob, policy, synced, sandbox, headers):
    assert is_marked(bob.get(f"{BASE}/new/", headers=headers))
    page = bob.post(f"{BASE}/new/", {**NEW, "form_id": "form-0001"}, headers=headers)
    assert page.status_code == 422
    assert "before a server is created" in at_the_field(page)
    assert b'value="form-0001"' in page.content
    assert b"fresh-01" in page.content
    assert not Operation.objects.exists()
    bob.post(f"{BASE}/new/", {**NEW, "form_id": "form-0001", "reason": "Growth."}, headers=headers)
    assert only_operation().reason == "Growth."


def test_a_new_servers_labels_decide(bob, by_label, synced):
    page = bob.get(f"{BASE}/new/")
    assert not is_marked(page)
    assert shows(page, "one of these labels: env:prod")
    page = bob.post(f"{BASE}/new/", {**NEW, "labels": "env:prod"})
    assert page.status_code == 422
    assert is_marked(page)
    assert bob.post(f"{BASE}/new/", {**NEW, "labels": "env:test"}).status_code == 303


def test_a_start_of_one_click_becomes_a_page(alice, bob, by_label, server):
    """Only where a reason is needed: rows with the same menu do not share this."""
    url = action_url(server(STOPPED), "start")
    for address in (f"{BASE}/", f"{BASE}/{server(STOPPED).provider_id}/"):
        assert f'action="{url}"' in bob.get(address).content.decode()
    labels.put(alice.scope(), server(STOPPED), frozenset({"env:prod"}), "It is production.")
    for address in (f"{BASE}/", f"{BASE}/{server(STOPPED).provider_id}/"):
        text = bob.get(address).content.decode()
        assert f'action="{url}"' not in text
        assert f'href="{url}"' in text


def test_a_page_from_before_the_policy_says_it_too(bob, server, monkeypatch, sandbox):
    """The policy came between the form and the service."""

    def refuse(*_asked):
        raise Refused("Your team asks for a reason.", field="reason")

    action = action_views._STOP
    url = action_url(server(RUNNING), "stop")
    monkeypatch.setattr(action_views, "_STOP", replace(action, ask=refuse))
    page = bob.post(url, {"form_id": "form-0001"})
    assert page.status_code == 422
    assert "Your team asks" in at_the_field(page)
    assert b'value="form-0001"' in page.content


def test_the_name_and_the_reason_are_said_at_once(alice, policy, server):
    page = alice.post(action_url(server(RUNNING), "delete"), {"confirm_name": "other"})
    assert page.status_code == 422
    assert shows(page, f"Type “{RUNNING}” exactly")
    assert WORDS["delete"] in at_the_field(page)


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_a_server_that_leaves_the_reach_meanwhile_is_absent(
    alice, bob, server, monkeypatch, sandbox, headers
):
    """Between the page's look and the service's."""
    url = action_url(server(RUNNING), "reboot")
    absent = bob.post(action_url(server(RUNNING), "reboot").replace("12345", "99999"))
    real = selectors.get

    def just_before(scope, provider_id):
        found = real(scope, provider_id)
        bob.user.memberships.update(reach_kind="labels", reach_labels=["env:prod"])
        return found

    monkeypatch.setattr(selectors, "get", just_before)
    monkeypatch.setattr(services, "reboot", _with_todays_reach(services.reboot, bob))
    monkeypatch.setattr(
        action_views,
        "_REBOOT",
        replace(action_views._REBOOT, ask=services.reboot),
    )
    answer = bob.post(url, headers=headers)
    assert answer.status_code == absent.status_code == 404
    assert not Operation.objects.exists()
    assert not sandbox.changes()


def _with_todays_reach(ask, person):
    return lambda _scope, server, asked: ask(person.scope(), server, asked)
