"""What is sent after a session has ended is not done, and waits for the person who typed it."""

import re
import time
from html import unescape
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from controlpanel.accounts.models import Invitation, TeamPolicy
from controlpanel.accounts.signin import last_person
from controlpanel.audit.models import AuditEvent
from controlpanel.operations.models import Operation
from controlpanel.servers.models import ServerLabel, ServerLock
from tests.people import HTMX, PASSWORD, Person
from tests.web.asking import shows
from tests.web.profile.ways import is_signed_in

TEAM = "/teams/acme"
NEW = f"{TEAM}/servers/new/"
WEB = f"{TEAM}/servers/12345"
LOGIN = "/accounts/login/"
TYPED = {
    "name": "fresh-01",
    "hostname": "fresh.example.com",
    "labels": "env:prod",
    "reason": "Growth.",
}
# The page that a form is on, what is typed there, and what its fields show again.
FORMS = {
    "create": (NEW, TYPED, ["fresh-01", "fresh.example.com", "env:prod"]),
    "edit": (f"{WEB}/edit/", {"name": "renamed-01", "reason": "Why not."}, ["renamed-01"]),
    "labels": (f"{WEB}/labels/", {"labels": "env:prod urgent"}, ["env:prod urgent"]),
    "lock": (f"{WEB}/lock/", {"level": "changes", "reason": "Keep & care."}, ["Keep & care."]),
    "delete": (f"{WEB}/delete/", {"confirm_name": "web-server-01", "reason": "Old."}, ["Old."]),
    "reboot": (f"{WEB}/reboot/", {"reason": "It <hangs>."}, ["It <hangs>."]),
    "invite": (
        f"{TEAM}/members/invite/",
        {"email": "nora@example.com", "role": "viewer", "reach": "labels", "labels": "env:prod"},
        ["nora@example.com", "env:prod"],
    ),
    "role": (
        f"{TEAM}/roles/new/",
        {"name": "Night watch", "permissions": "servers.view"},
        ["Night watch"],
    ),
    "policies": (
        f"{TEAM}/policies/",
        {"reason_labels": "env:prod", "idle_minutes": "45"},
        ["env:prod", "45"],
    ),
    "settings": (f"{TEAM}/settings/", {"name": "Acme & Sons", "colour": "red"}, ["Acme & Sons"]),
    "review-rules": (f"{TEAM}/audit/review/rules/", {"in_a_row": "7", "minutes": "9"}, ["7", "9"]),
    "team": ("/teams/new/", {"name": "Second", "colour": "red"}, ["Second"]),
}


def end_session(person: Client) -> None:
    Session.objects.all().delete()
    assert not is_signed_in(person)


def sign_in(browser: Client, person: Person, to: str) -> Any:
    page = browser.get(to)
    assert page.status_code == 200
    back = re.search(r'name="next" value="([^"]*)"', page.content.decode())
    assert back, "the sign-in page does not lead back"
    form = {"login": person.user.email, "password": PASSWORD, "next": unescape(back[1])}
    return browser.post(to, form)


def shown(page: Any) -> list[str]:
    main = page.content.decode().partition("<main")[2]
    found = re.findall(r'<(?:input|textarea)\b[^>]*?\bvalue="([^"]*)"', main)
    return [unescape(text) for text in (*found, *re.findall(r"<textarea[^>]*>\n?([^<]*)<", main))]


def nothing_was_done(sandbox: Any) -> bool:
    rows = (Operation, ServerLabel, ServerLock, Invitation, TeamPolicy)
    return not any(table.objects.exists() for table in rows) and not sandbox.changes()


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
@pytest.mark.parametrize("name", FORMS)
def test_what_was_typed_stands_in_the_form_again(
    alice: Person, synced, sandbox, name: str, headers: dict[str, str]
) -> None:
    url, typed, expected = FORMS[name]
    assert alice.get(url).status_code == 200
    end_session(alice)
    if headers:
        headers = headers | {"HX-Current-URL": f"http://testserver{url}"}
    answer = alice.post(url, typed, headers=headers)
    login = answer["HX-Redirect"] if headers else answer["Location"]
    assert answer.status_code == (204 if headers else 302)
    assert nothing_was_done(sandbox)
    assert shows(alice.get(login), "Your session has ended. Nothing was sent.")
    back = sign_in(alice, alice, login)
    assert back["Location"] == url
    page = alice.get(url)
    assert page.status_code == 200
    assert shows(page, "What you typed stands in the form again.")
    fields = shown(page)
    for text in expected:
        assert text in fields
    assert nothing_was_done(sandbox)
    # Once: a second look at the page is a new form.
    again = alice.get(url)
    assert not shows(again, "What you typed stands")


@pytest.mark.parametrize("name", ["create", "labels", "invite", "team"])
def test_somebody_else_never_gets_it(
    alice: Person, adam: Person, synced, sandbox, name: str
) -> None:
    url, typed, expected = FORMS[name]
    alice.get(url)
    end_session(alice)
    login = alice.post(url, typed)["Location"]
    sign_in(alice, adam, login)
    for page in (alice.get(url), alice.get(f"{TEAM}/servers/"), alice.get(url)):
        assert page.status_code == 200
        assert not set(expected) & set(shown(page))
        assert not shows(page, "What you typed stands")
    # Nor does it come back with the first one.
    alice.post("/accounts/logout/")
    sign_in(alice, alice, f"{LOGIN}?next={url}")
    assert not set(expected) & set(shown(alice.get(url)))
    assert nothing_was_done(sandbox)


def test_a_secret_is_kept_nowhere(alice: Person, synced, sandbox) -> None:
    url = f"{TEAM}/accounts/connect/"
    alice.get(url)
    end_session(alice)
    token = "vps_sandbox_acme_admin_0001"
    login = alice.post(url, {"name": f"Main {token}", "colour": "red", "token": token})["Location"]
    kept = [one.get_decoded() for one in Session.objects.all()]
    assert kept
    assert token not in str(kept)
    assert sign_in(alice, alice, login)["Location"] == url
    page = alice.get(url).content.decode()
    assert token not in page


def test_a_form_sent_elsewhere_leads_back_to_its_page(alice: Person, synced) -> None:
    """An address that only takes a form has no page to come back to."""
    page = f"{TEAM}/tokens/"
    alice.get(page)
    end_session(alice)
    url = f"{TEAM}/accounts/{synced.id}/sync-token/"
    sent = alice.post(url, headers={"Referer": f"http://testserver{page}"})
    assert sign_in(alice, alice, sent["Location"])["Location"] == page
    assert shows(alice.get(page), "so nothing was sent")


@pytest.mark.parametrize("minutes", [31, 600])
def test_a_session_that_the_team_ended_keeps_it_as_well(
    alice: Person, team, synced, sandbox, minutes: int
) -> None:
    TeamPolicy.objects.create(team=team, idle_minutes=30)
    alice.signed_in_ago(minutes=minutes)
    session = alice.session
    session["clicked_at"] = int(time.time()) - minutes * 60
    session.save()
    answer = alice.post(NEW, TYPED)
    assert shows(alice.get(answer["Location"]), "Nothing was sent.")
    assert AuditEvent.objects.filter(event="session.expired").count() == 1
    assert sign_in(alice, alice, answer["Location"])["Location"] == NEW
    assert "fresh-01" in shown(alice.get(NEW))
    assert not Operation.objects.exists()


def test_it_waits_for_an_hour(alice: Person, synced, monkeypatch: pytest.MonkeyPatch) -> None:
    alice.get(NEW)
    end_session(alice)
    login = alice.post(NEW, TYPED)["Location"]
    sign_in(alice, alice, login)
    now = time.time() + 3601
    monkeypatch.setattr("controlpanel.web.core.typed_again.time.time", lambda: now)
    assert "fresh-01" not in shown(alice.get(NEW))


@pytest.mark.parametrize("cookie", ["", "x", "00000000-0000-4000-8000-000000000000:forged"])
def test_of_a_stranger_nothing_is_kept(alice: Person, synced, nobody: Client, cookie: str) -> None:
    """Nobody knows whose it is, and nobody fills the table of sessions."""
    if cookie:
        nobody.cookies[last_person.COOKIE] = cookie
    before = Session.objects.count()
    answer = nobody.post(NEW, TYPED)
    assert Session.objects.count() == before
    assert shows(nobody.get(answer["Location"]), "You are not signed in, so nothing was sent.")
    sign_in(nobody, alice, answer["Location"])
    assert "fresh-01" not in shown(nobody.get(NEW))


def test_what_is_too_much_is_not_kept(alice: Person, synced) -> None:
    alice.get(NEW)
    end_session(alice)
    answer = alice.post(NEW, TYPED | {"reason": "x" * 70_000})
    assert shows(alice.get(answer["Location"]), "was too much to be kept")
    assert not any("typed_again" in one.get_decoded() for one in Session.objects.all())


def test_a_page_that_was_only_looked_at_says_so_too(alice: Person, synced) -> None:
    alice.get(f"{TEAM}/servers/")
    end_session(alice)
    answer = alice.get(f"{TEAM}/servers/")
    page = alice.get(answer["Location"])
    assert shows(page, "Your session has ended. Sign in to go on.")
    assert not shows(page, "Nothing was sent")
