"""How VPS.org is doing and how old what is shown is, in the frame of every page."""

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from controlpanel.accounts.models import Account, TeamRole
from controlpanel.lib import clock
from controlpanel.servers.models import AccountSync
from tests.people import HTMX, join, look
from tests.web.asking import action_url, shows
from tests.web.operation_rows import operation

PAGES = (
    "servers/", "servers/new/", "operations/", "audit/", "tokens/", "panel-keys/", "api/",
    "members/", "members/invite/", "roles/", "policies/", "settings/",
)  # fmt: skip


def pill(page) -> str:
    found = re.search(r'id="provider-button".*?</button>', page.content.decode(), re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[0].partition(">")[2])) if found else ""


def trouble(account, code, *, status=None, minutes=3, **given):
    at = clock.now() - timedelta(minutes=minutes)
    AccountSync.objects.update_or_create(
        account=account,
        defaults={"trouble": code, "trouble_status": status, "trouble_since": at, **given},
    )
    return at


@pytest.mark.parametrize("path", PAGES)
def test_every_page_of_a_team_has_it(alice, synced, sandbox, path):
    before = len(sandbox.journal.entries())
    page = alice.get(f"/teams/acme/{path}")
    assert page.status_code == 200
    assert re.search(r"VPS\.org (just now|\d+ s ago)", pill(page))
    assert len(sandbox.journal.entries()) == before


def test_so_do_confirm_pages_receipts_and_servers(adam, synced, server):
    found = server("web-server-01")
    for action in ("start", "stop", "reboot", "delete", "edit", "labels", "lock"):
        assert "VPS.org" in pill(adam.get(action_url(found, action))), action
    assert "VPS.org" in pill(adam.get(f"/teams/acme/servers/{found.provider_id}/"))
    shown = operation(adam, synced)
    assert "VPS.org" in pill(adam.get(f"/teams/acme/operations/{shown.id}/"))


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("server_error", 503, "503 since"),
        ("server_error", 500, "500 since"),
        ("server_error", 502, "502 since"),
        ("unauthorized", 401, "401 since"),
        ("forbidden", 403, "403 since"),
        ("too_many_requests", 429, "429 since"),
        ("redirect", 302, "302 since"),
        ("timeout", None, "no answer in time since"),
        ("connect_timeout", None, "not reached since"),
        ("name_resolution", None, "not reached since"),
        ("connection_refused", None, "not reached since"),
        ("connection_lost", None, "connection broke since"),
        ("tls", None, "no secure connection since"),
        ("unreadable", 200, "200 since"),
        ("list_shrunk", None, "incomplete list since"),
        ("list_truncated", None, "incomplete list since"),
        ("no_sync_token", None, "no sync token since"),
        ("token_unreadable", None, "sync token unreadable since"),
        ("audit_unavailable", None, "record not writable since"),
        ("internal", None, "panel error since"),
        ("not_known_here", None, "unusable answer since"),
    ],
)
def test_what_is_wrong_is_said_with_since_when(vera, synced, code, status, words):
    at = trouble(synced, code, status=status)
    page = vera.get("/teams/acme/members/")
    assert f"VPS.org {words}" in pill(page)
    assert at.isoformat() in page.content.decode()


def test_the_code_comes_from_the_answer_and_goes_with_the_next(vera, synced, sandbox):
    sandbox.fault("status", "GET", status=503)
    look(synced)
    assert "503 since" in pill(vera.get("/teams/acme/operations/"))
    clock.shift(timedelta(minutes=6))
    look(synced)
    assert "503" not in pill(vera.get("/teams/acme/operations/"))


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/New_York", "Pacific/Auckland"])
def test_since_when_is_said_in_the_readers_zone(vera, synced, zone):
    vera.user.time_zone = zone
    vera.user.save()
    at = trouble(synced, "server_error", status=503, minutes=0)
    assert f"503 since {at.astimezone(ZoneInfo(zone)):%H:%M}" in pill(vera.get("/teams/acme/api/"))


def test_what_is_old_is_said_to_be_old(vera, synced):
    AccountSync.objects.update(ok_at=clock.now() - timedelta(minutes=12))
    assert "last heard 12 min ago" in pill(vera.get("/teams/acme/members/"))


def test_nothing_heard_yet(vera, account):
    assert "not heard yet" in pill(vera.get("/teams/acme/members/"))


def test_a_team_without_an_account_has_none(vera):
    assert pill(vera.get("/teams/acme/members/")) == ""


def test_each_account_has_its_own(vera, synced, sandbox, charlie, other_account):
    second = Account.objects.create(team=synced.team, name="Second", origin=sandbox.url)
    AccountSync.objects.create(account=second, ok_at=clock.now())
    trouble(synced, "server_error", status=503)
    page = vera.get("/teams/acme/members/")
    assert "503 since" in pill(page)
    assert "(1 of 2 accounts)" in pill(page)
    menu = page.content.decode().partition('id="provider-menu"')[2].partition("</div>")[0]
    assert "Acme" in menu
    assert "Second" in menu
    assert "Globex" not in menu
    assert "503" not in pill(charlie.get("/teams/globex/members/"))


def test_disconnected_and_foreign_accounts_do_not_count(vera, synced, sandbox):
    gone = Account.objects.create(
        team=synced.team, name="Gone", origin=sandbox.url, disconnected_at=clock.now()
    )
    foreign = Account.objects.create(team=synced.team, name="Elsewhere", origin="https://x.example")
    trouble(gone, "server_error", status=503)
    trouble(foreign, "server_error", status=503)
    assert "503" not in pill(vera.get("/teams/acme/members/"))


def test_a_poll_brings_it_along_and_nothing_else_does(vera, synced):
    poll = vera.get("/teams/acme/operations/", headers={**HTMX, "HX-Poll": "true"})
    assert 'hx-swap-oob="outerMorph"' in poll.content.decode()
    assert pill(vera.get("/teams/acme/operations/", headers=HTMX)) == ""


def test_pages_of_no_team_have_none(vera, synced):
    assert pill(vera.get("/settings/")) == ""


@pytest.mark.parametrize("action", ["start", "stop", "reboot", "delete"])
def test_a_confirm_page_shows_no_fresh_status_during_an_outage(adam, synced, server, action):
    found = server("web-server-01")
    assert 'class="badge good"' in adam.get(action_url(found, action)).content.decode()
    trouble(synced, "server_error", status=503, ok_at=clock.now() - timedelta(minutes=4))
    type(found).objects.update(seen_at=clock.now() - timedelta(minutes=4), detail_at=None)
    page = adam.get(action_url(found, action))
    assert 'class="badge good"' not in page.content.decode()
    assert re.search(r"active.*seen.*4 min ago", page.content.decode(), re.S)


@pytest.mark.parametrize("path", ["servers/", "servers/{id}/"])
def test_nor_do_the_list_and_the_servers_page(vera, synced, server, path):
    found = server("web-server-01")
    trouble(synced, "timeout")
    page = vera.get(f"/teams/acme/{path.format(id=found.provider_id)}")
    assert 'class="badge good"' not in page.content.decode()


def test_what_an_account_is_called_is_inert(vera, synced):
    Account.objects.filter(id=synced.id).update(name="<script>alert(1)</script>")
    assert "<script>alert" not in vera.get("/teams/acme/members/").content.decode()


def test_a_person_without_the_right_to_see_servers_hears_no_names(synced, team):
    TeamRole.objects.create(team=team, slug="clerk", name="Clerk", permissions=["members.view"])
    clerk = join(team, "clara", "clerk")
    page = clerk.get("/teams/acme/members/")
    assert page.status_code == 200
    assert "VPS.org" in pill(page)
    assert not shows(page, "account by account")
