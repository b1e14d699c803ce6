import re
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django import Settings
from pytest_django.asserts import assertRedirects

from controlpanel.accounts.models import Account, Team
from controlpanel.credentials.models import Credential
from controlpanel.lib import clock
from controlpanel.sandbox.server import Sandbox
from controlpanel.servers.models import AccountSync, Server
from controlpanel.servers.selectors import SORTS
from tests.people import HTMX, OPERATOR_TOKEN, Person, keep_token, look
from tests.web.operation_rows import operation

URL = "/teams/acme/servers/"
TYPING = HTMX | {"HX-Source": "form#filters"}


def text_of(response: Any) -> str:
    assert response.status_code == 200, response.status_code
    return unescape(str(response.content, "utf-8"))


def ids(response: Any) -> list[str]:
    return re.findall(r'<tr [^>]*data-server-id="([^"]*)"', text_of(response))


def names(response: Any) -> list[str]:
    return re.findall(r'<tr [^>]*data-name="([^"]*)"', text_of(response))


def lists_asked(sandbox: Sandbox) -> int:
    return sum(entry.path == "/api/v1/servers/" for entry in sandbox.journal.entries())


def seed(account: Account, number: int) -> None:
    Server.objects.bulk_create(
        [
            Server(account=account, provider_id=f"{20000 + n}", name=f"srv-{n:05}", status="active")
            for n in range(number)
        ],
        batch_size=1000,
    )


def trouble(account: Account, code: str, **more: Any) -> None:
    values = {"trouble": code, "trouble_since": clock.now(), "failures": 1} | more
    AccountSync.objects.update_or_create(account=account, defaults=values)


def test_it_works(sandbox: Sandbox, synced: Account, bob: Person) -> None:
    sandbox.journal.clear()
    page = bob.get(URL)
    text = text_of(page)
    assert 'data-server-id="12345"' in text
    assert 'data-status="active"' in text
    for shown in ("web-server-01", "web01.example.com", "203.0.113.10", "2 vCPU · 4 GB · 80 GB"):
        assert shown in text
    assert f'href="{URL}12345/"' in text
    assert not sandbox.journal.entries(), "a page is rendered from the mirror alone"


def test_it_works_through_htmx(sandbox: Sandbox, synced: Account, bob: Person) -> None:
    sandbox.world.add_servers(1)
    AccountSync.objects.update(tried_at=None)
    assert len(ids(bob.get(URL))) == 8
    fragment = bob.get(URL, headers=HTMX)
    assert len(ids(fragment)) == 9
    assert "<html" not in text_of(fragment)
    assert text_of(fragment).strip().startswith('<div id="results"')


def test_many_lookers_are_one_call(sandbox: Sandbox, synced: Account, bob: Person) -> None:
    AccountSync.objects.update(tried_at=None)
    sandbox.journal.clear()
    for person in (bob, bob, bob):
        person.get(URL, headers=HTMX)
    assert lists_asked(sandbox) == 1


def test_typing_into_the_filters_asks_nobody(
    sandbox: Sandbox, synced: Account, bob: Person
) -> None:
    AccountSync.objects.update(tried_at=None)
    sandbox.journal.clear()
    found = bob.get(f"{URL}?q=db", headers=TYPING)
    assert names(found) == ["db-server-01"]
    assert "1 server found" in found["HX-Trigger"]
    assert not sandbox.journal.entries()


def test_a_silent_provider_leaves_what_is_known(
    sandbox: Sandbox, synced: Account, bob: Person
) -> None:
    AccountSync.objects.update(tried_at=None)
    sandbox.fault("drop_before", "GET", times=None)
    fragment = bob.get(URL, headers=HTMX)
    assert len(ids(fragment)) == 8
    assert "cannot be reached" in text_of(fragment)
    assert "stale" in text_of(fragment)


def test_it_requires_sign_in(team: Team, nobody: Client) -> None:
    assertRedirects(nobody.get(URL), f"/accounts/login/?next={quote(URL, safe='')}")
    expired = nobody.get(URL, headers=HTMX)
    assert expired.status_code == 204
    assert expired["HX-Redirect"].startswith("/accounts/login/")


def test_it_hides_from_outsiders(synced: Account, charlie: Person) -> None:
    assert charlie.get(URL).status_code == 404
    assert charlie.get("/teams/absent/servers/").status_code == 404


def test_it_rejects_post(team: Team, alice: Person) -> None:
    assert alice.post(URL).status_code == 405


def test_everybody_in_the_team_may_look(synced: Account, vera: Person, audrey: Person) -> None:
    for person in (vera, audrey):
        assert len(ids(person.get(URL))) == 8


def test_it_shows_the_own_team_only(synced: Account, other_account: Account, bob: Person) -> None:
    look(other_account)
    assert "globex-web" not in text_of(bob.get(URL))


def test_gone_servers_are_not_listed(synced: Account, bob: Person) -> None:
    Server.objects.filter(name="db-server-01").update(gone_at=clock.now())
    assert "db-server-01" not in names(bob.get(URL))


def test_start_is_a_form_and_the_rest_are_confirmations(synced: Account, adam: Person) -> None:
    stopped = Server.objects.get(name="build-runner").provider_id
    active = Server.objects.get(name="web-server-01").provider_id
    text = text_of(adam.get(URL))
    assert f'action="{URL}{stopped}/start/"' in text
    assert f'action="{URL}{active}/start/"' not in text
    for path in ("stop", "reboot", "edit", "delete"):
        assert f'href="{URL}{active}/{path}/"' in text
    forms = re.findall(r'name="form_id" value="([^"]+)"', text)
    assert len(forms) == len(set(forms)) == 2


def test_a_disabled_action_says_why(synced: Account, bob: Person, vera: Person) -> None:
    text = text_of(bob.get(URL))
    assert "The server is already running." in text
    assert "You are operator; this needs the right to delete servers." in text
    assert "Alice or Adam can change your role." in text
    assert "/start/" not in text_of(vera.get(URL))


def test_who_may_only_look_hears_it_once_in_each_menu(synced: Account, vera: Person) -> None:
    text = text_of(vera.get(URL))
    words = (
        "You are viewer, so you can look at servers but not change them. "
        "Alice or Adam can change your role."
    )
    assert text.count(words) == text.count("<tr id=") > 1


def test_without_a_token_it_says_so_and_links_there(synced: Account, bob: Person) -> None:
    Credential.objects.filter(user=bob.user).delete()
    text = text_of(bob.get(URL))
    assert "You have no API token of your own for “Acme”" in text
    assert 'href="/teams/acme/tokens/"' in text
    assert "/reboot/" not in text


def test_what_is_running_is_shown_instead_of_the_status(synced: Account, bob: Person) -> None:
    running = operation(bob, synced, requested_at=clock.now() - timedelta(seconds=24))
    text = text_of(bob.get(URL))
    assert "Rebooting" in text
    assert "0:24" in text
    assert f"/teams/acme/operations/{running.id}/" in text
    assert "data-moving" in text


def test_what_is_not_confirmed_is_told(synced: Account, bob: Person) -> None:
    operation(bob, synced, state="unknown")
    assert "not confirmed" in text_of(bob.get(URL))


def test_nothing_moves_in_a_quiet_list(synced: Account, bob: Person) -> None:
    assert "data-moving" not in text_of(bob.get(URL))


def test_an_unknown_status_is_shown_as_it_is(synced: Account, bob: Person) -> None:
    Server.objects.filter(provider_id="12345").update(status="Hibernating?")
    text = text_of(bob.get(URL))
    assert 'data-status="Hibernating?"' in text
    assert '<span class="badge-word">Hibernating?</span>' in text


def test_hostile_words_are_inert(synced: Account, bob: Person) -> None:
    evil = "<script>alert(1)</script>\"'"
    Server.objects.filter(provider_id="12345").update(
        name=evil, hostname="\u202egnp.exe\x00", status=evil[:64], location="--menu--",
        provider_id="../../x?y#z\"'",
    )  # fmt: skip
    raw = bob.get(URL).content.decode()
    assert "<script>alert" not in raw
    assert "\u202e" not in raw
    assert "\x00" not in raw
    assert f'href="{URL}..%2F..%2Fx%3Fy%23z%22%27/"' in raw
    assert raw.count("--menu--") == 1


def test_an_id_with_a_slash_breaks_nothing(synced: Account, bob: Person) -> None:
    Server.objects.filter(provider_id="12345").update(provider_id="a/b c")
    assert f"{URL}a%2Fb%20c/" in text_of(bob.get(URL))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=web", ["web-server-01", "web-server-eu"]),
        ("q=WEB01", ["web-server-01"]),
        ("q=203.0.113.11", ["db-server-01"]),
        ("q=12345", ["web-server-01"]),
        ("q=:db8:", ["db-server-01", "old-shop"]),  # one is written 2001:0db8::3
        ("q=db", ["db-server-01"]),
        ("status=suspended", ["old-shop"]),
        ("location=us-east", ["db-server-01", "old-shop"]),
        ("plan=4", ["build-runner"]),
        ("system=3", ["build-runner", "db-server-01"]),
        ("status=active&location=us-east", ["db-server-01"]),
        ("status=nonsense", []),
        ("account=not-an-id", []),
        ("q=%00", None),
        ("q=%F0%9F%92%A9", []),
        ("sort=nonsense", None),
        ("page=abc", None),
        ("page=-3", None),
        ("page=99999999999999999999", None),
    ],
)
def test_it_filters(synced: Account, bob: Person, query: str, found: list[str] | None) -> None:
    Server.objects.filter(name="db-server-01").update(ipv6_address="2001:db8::2")
    Server.objects.filter(name="old-shop").update(ipv6_address="2001:0db8::3")
    shown = names(bob.get(f"{URL}?{query}"))
    if found is None:
        assert len(shown) == 8
    else:
        assert shown == found


def test_each_filter_can_be_taken_away(synced: Account, bob: Person) -> None:
    text = text_of(bob.get(f"{URL}?q=web&status=active&sort=-name"))
    assert "Status: active" in text
    assert f'class="chip" href="{URL}?q=web&sort=-name"' in text
    assert f'class="chip" href="{URL}?status=active&sort=-name"' in text
    assert f'href="{URL}">Clear' in text


def test_it_offers_what_was_learned(synced: Account, bob: Person) -> None:
    text = text_of(bob.get(URL))
    for option in ("us-west", "Standard VPS", "Ubuntu 22.04 LTS", "suspended"):
        assert re.search(rf"<option [^>]*>[^<]*{option}", text), option


def test_accounts_are_told_apart_when_there_are_several(
    synced: Account, alice: Person, team: Team
) -> None:
    assert 'name="account"' not in text_of(alice.get(URL))
    second = Account.objects.create(team=team, name="Second", origin=synced.origin)
    seed(second, 1)
    text = text_of(alice.get(URL))
    assert 'aria-hidden="true"></span> Second<' in text
    assert names(alice.get(f"{URL}?account={second.id}")) == ["srv-00000"]


def test_it_sorts(synced: Account, bob: Person) -> None:
    shown = names(bob.get(f"{URL}?sort=-name"))
    assert shown == sorted(shown, reverse=True)
    text = text_of(bob.get(f"{URL}?sort=-name"))
    assert 'aria-sort="descending"' in text
    assert names(bob.get(f"{URL}?sort=-created"))[0] != names(bob.get(f"{URL}?sort=created"))[0]


def test_every_sort_of_the_heads_stands_in_the_form(synced: Account, bob: Person) -> None:
    for column in SORTS:
        for sort in (column, f"-{column}"):
            if sort != "name":
                assert f'<option value="{sort}" selected>' in text_of(bob.get(f"{URL}?sort={sort}"))


def test_it_pages(account: Account, bob: Person) -> None:
    seed(account, 120)
    first = bob.get(f"{URL}?q=srv&page=1")
    assert names(first) == [f"srv-{n:05}" for n in range(50)]
    assert "1–50 of 120" in text_of(first)
    assert f'rel="next" href="{URL}?q=srv&page=2"' in text_of(first)
    assert 'rel="prev"' not in text_of(first)
    second = text_of(bob.get(f"{URL}?q=srv&page=2"))
    assert f'rel="prev" href="{URL}?q=srv"' in second
    assert f'data-poll="{URL}?q=srv&page=2"' in second
    last = bob.get(f"{URL}?q=srv&page=900")
    assert len(names(last)) == 20
    assert 'rel="next"' not in text_of(last)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("unauthorized", "VPS.org refused the sync token of “Acme”"),
        ("forbidden", "answers 403 when it is asked for the servers of “Acme”"),
        ("no_sync_token", "“Acme” has no sync token"),
        ("token_unreadable", "cannot be opened with this panel’s keys"),
        ("too_many_requests", "asks the panel to slow down"),
        ("timeout", "answers too slowly"),
        ("connection_refused", "cannot be reached"),
        ("server_error", "has trouble of its own"),
        ("unreadable", "could not be used"),
        ("internal", "The panel failed while refreshing"),
        ("audit_unavailable", "cannot write its audit record"),
        ("list_shrunk", "looks incomplete, so nothing is taken"),
        ("list_truncated", "looks incomplete, so nothing is taken"),
    ],
)
def test_trouble_is_told_with_its_age(synced: Account, bob: Person, code: str, words: str) -> None:
    trouble(synced, code, ok_at=clock.now() - timedelta(minutes=4))
    text = text_of(bob.get(URL))
    assert words in text
    assert "last confirmed 4 min ago" in text
    assert len(ids(bob.get(URL))) == 8
    assert ' stale"' in text


def test_who_can_mend_is_named(synced: Account, alice: Person, bob: Person) -> None:
    trouble(synced, "unauthorized")
    assert "Alice or Adam can store a new token" in text_of(bob.get(URL))
    assert "can store a new token" not in text_of(alice.get(URL))
    assert 'class="banner-action button small" href="/teams/acme/tokens/"' in text_of(
        alice.get(URL)
    )


def test_the_providers_words_are_inert(synced: Account, bob: Person) -> None:
    trouble(synced, "server_error", trouble_words="<b>boom</b>\u202e")
    raw = bob.get(URL).content.decode()
    assert "VPS.org says: &lt;b&gt;boom" in raw
    assert "\u202e" not in raw


def test_a_refused_sync_token_is_seen_by_itself(
    sandbox: Sandbox, synced: Account, bob: Person
) -> None:
    sandbox.fault("status", "GET", "/servers/", status=401, body={"detail": "Invalid token."})
    AccountSync.objects.update(tried_at=None)
    assert "VPS.org refused the sync token" in text_of(bob.get(URL, headers=HTMX))


def test_a_disconnected_account_is_told(synced: Account, bob: Person, settings: Settings) -> None:
    settings.VPSORG_API_ORIGIN = "http://127.0.0.1:10"
    text = text_of(bob.get(URL))
    assert "“Acme” was filled from another API address" in text
    assert not ids(bob.get(URL))


def test_the_second_dialect_is_told(synced: Account, bob: Person) -> None:
    Account.objects.update(writable=False)
    text = text_of(bob.get(URL))
    assert "changes are switched off" in text
    assert "/reboot/" not in text


def test_no_account(team: Team, alice: Person, bob: Person) -> None:
    assert 'href="/teams/acme/accounts/connect/"' in text_of(alice.get(URL))
    text = text_of(bob.get(URL))
    assert "Alice can connect one for the team." in text
    assert "accounts/connect" not in text


def test_no_match_keeps_the_filters(synced: Account, bob: Person) -> None:
    text = text_of(bob.get(f"{URL}?q=absent&status=active"))
    assert "No server matches" in text
    assert 'value="absent"' in text
    assert '<option value="active" selected>' in text


def test_empty(account: Account, bob: Person) -> None:
    AccountSync.objects.create(account=account, ok_at=clock.now())
    text = text_of(bob.get(URL))
    assert "No servers yet" in text
    assert 'href="/teams/acme/servers/new/"' in text


def test_nothing_because_the_provider_never_answered(account: Account, bob: Person) -> None:
    trouble(account, "connection_refused")
    assert "Nothing to show yet" in text_of(bob.get(URL))


def test_the_first_list_is_on_its_way(account: Account, bob: Person) -> None:
    assert "Asking VPS.org for your servers" in text_of(bob.get(URL))
    assert len(ids(bob.get(URL, headers=HTMX))) == 8


def test_a_new_server_is_offered_to_those_who_may(
    synced: Account, bob: Person, vera: Person
) -> None:
    assert 'class="button primary" href="/teams/acme/servers/new/"' in text_of(bob.get(URL))
    assert 'href="/teams/acme/servers/new/"' not in text_of(vera.get(URL))
    assert "this needs the right to create servers" in text_of(vera.get(URL))


def test_a_token_of_one_account_is_enough_to_create(
    synced: Account, bob: Person, team: Team
) -> None:
    Credential.objects.filter(user=bob.user).delete()
    second = Account.objects.create(team=team, name="Second", origin=synced.origin)
    keep_token(bob.user, second, OPERATOR_TOKEN)
    assert 'class="button primary" href="/teams/acme/servers/new/"' in text_of(bob.get(URL))


def test_two_accounts_may_have_servers_of_one_id(synced: Account, bob: Person, team: Team) -> None:
    second = Account.objects.create(team=team, name="Second", origin=synced.origin)
    Server.objects.create(account=second, provider_id="12345", name=f"twin-{uuid4().hex}")
    assert ids(bob.get(URL)).count("12345") == 2
