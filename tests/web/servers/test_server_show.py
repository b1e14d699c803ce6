from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import quote

from django.test import Client
from pytest_django.asserts import assertRedirects

from controlpanel.accounts.models import Account, Team
from controlpanel.lib import clock
from controlpanel.sandbox.server import Sandbox
from controlpanel.servers.models import AccountSync, Server
from tests.people import HTMX, Person
from tests.web.operation_rows import operation

URL = "/teams/acme/servers/12345/"


def text_of(response: Any) -> str:
    assert response.status_code == 200, response.status_code
    return unescape(str(response.content, "utf-8"))


def test_it_works(sandbox: Sandbox, synced: Account, bob: Person) -> None:
    sandbox.journal.clear()
    text = text_of(bob.get(URL))
    for shown in ("web-server-01", "web01.example.com", "203.0.113.10", "Ubuntu 22.04 LTS"):
        assert shown in text
    assert 'data-server-id="12345"' in text
    assert 'data-status="active"' in text
    assert not sandbox.journal.entries(), "a page is rendered from the mirror alone"


def test_it_works_through_htmx(sandbox: Sandbox, synced: Account, bob: Person) -> None:
    Server.objects.update(asked_at=None)
    text = text_of(bob.get(URL, headers=HTMX))
    assert text.strip().startswith('<div id="server"')
    assert "2001:0db8::1" in text
    for label in ("CPU", "Memory", "Disk", "Traffic"):
        assert label in text
    assert "of 4 GB" in text
    assert "of 80 GB" in text
    assert "of 2 TB" in text
    assert "on" in text


def test_many_lookers_are_one_call(sandbox: Sandbox, synced: Account, bob: Person) -> None:
    Server.objects.update(asked_at=None)
    sandbox.journal.clear()
    for _ in range(3):
        bob.get(URL, headers=HTMX)
    assert [entry.path for entry in sandbox.journal.entries()] == ["/api/v1/servers/12345/"]


def test_looking_asks_workers_for_the_detail(synced: Account, bob: Person) -> None:
    bob.get(URL)
    assert Server.objects.get(provider_id="12345").wanted_at is not None
    assert Server.objects.exclude(provider_id="12345").exclude(wanted_at=None).count() == 0


def test_the_root_password_is_nowhere(sandbox: Sandbox, synced: Account, bob: Person) -> None:
    Server.objects.update(asked_at=None)
    sandbox.fault("rewrite", "GET", "/servers/12345/", set={"password": "hunter2-canary"})
    assert "hunter2-canary" not in text_of(bob.get(URL, headers=HTMX))


def test_it_requires_sign_in(synced: Account, nobody: Client) -> None:
    assertRedirects(nobody.get(URL), f"/accounts/login/?next={quote(URL, safe='')}")


def test_it_hides_from_outsiders(synced: Account, other_account: Account, charlie: Person) -> None:
    assert charlie.get(URL).status_code == 404
    assert charlie.get("/teams/globex/servers/12345/").status_code == 404


def test_an_absent_server_is_not_found(synced: Account, bob: Person) -> None:
    for provider_id in ("99999", "x" * 300, "%00", "..%2F12345"):
        assert bob.get(f"/teams/acme/servers/{provider_id}/").status_code == 404


def test_it_rejects_post(synced: Account, bob: Person) -> None:
    assert bob.post(URL).status_code == 405


def test_everybody_in_the_team_may_look(synced: Account, vera: Person, audrey: Person) -> None:
    for person in (vera, audrey):
        assert "web-server-01" in text_of(person.get(URL))


def test_actions(synced: Account, bob: Person, adam: Person) -> None:
    text = text_of(bob.get(URL))
    for path in ("stop", "reboot", "edit"):
        assert f'href="{URL}{path}/"' in text
    assert "The server is already running." in text
    assert f'href="{URL}delete/"' not in text
    assert "this needs the right to delete servers. Alice or Adam can change your role." in text
    assert f'href="{URL}delete/"' in text_of(adam.get(URL))


def test_starting_is_a_form(server: Callable[[str], Server], bob: Person) -> None:
    url = f"/teams/acme/servers/{server('build-runner').provider_id}/"
    text = text_of(bob.get(url))
    assert f'<form class="inline" method="post" action="{url}start/"' in text
    assert 'name="form_id"' in text


def test_what_is_running(synced: Account, bob: Person) -> None:
    running = operation(bob, synced, requested_at=clock.now() - timedelta(seconds=70))
    text = text_of(bob.get(URL))
    assert "Rebooting" in text
    assert "1:10" in text
    assert f"/teams/acme/operations/{running.id}/" in text
    assert "data-moving" in text


def test_a_change_being_sent_switches_the_others_off(synced: Account, bob: Person) -> None:
    operation(bob, synced, state="sending")
    text = text_of(bob.get(URL))
    assert "Another change of this server is being sent right now." in text
    assert f'href="{URL}reboot/"' not in text


def test_its_operations_are_listed(synced: Account, bob: Person) -> None:
    done = operation(bob, synced, state="observed", ended_at=clock.now())
    other = operation(bob, synced, provider_id="12346", server_name="db-server-01")
    text = text_of(bob.get(URL))
    assert f"/teams/acme/operations/{done.id}/" in text
    assert "bob@example.com rebooted web-server-01" in text
    assert str(other.id) not in text


def test_only_the_newest_operations_are_listed(synced: Account, bob: Person) -> None:
    for number in range(25):
        operation(bob, synced, state="observed", server_name=f"n-{number}")
    assert text_of(bob.get(URL)).count("bob@example.com rebooted n-") == 20


def test_the_fragment_moves_a_running_operation_on(
    sandbox: Sandbox, synced: Account, bob: Person
) -> None:
    running = operation(bob, synced, next_poll_at=clock.now())
    AccountSync.objects.update(tried_at=None)
    bob.get(URL, headers=HTMX)
    running.refresh_from_db()
    assert running.state == "observed"


def test_a_gone_server_keeps_its_history(synced: Account, bob: Person) -> None:
    done = operation(bob, synced, kind="delete", state="observed")
    Server.objects.filter(provider_id="12345").update(gone_at=clock.now())
    text = text_of(bob.get(URL))
    assert "<s>web-server-01</s>" in text
    assert "This server no longer exists at VPS.org." in text
    assert str(done.id) in text
    assert "data-poll=" not in text
    assert f'href="{URL}reboot/"' not in text
    assert Server.objects.get(provider_id="12345").wanted_at is None


def test_a_server_that_the_provider_no_longer_knows(
    sandbox: Sandbox, synced: Account, bob: Person
) -> None:
    Server.objects.update(asked_at=None)
    gone = sandbox.world.anywhere(12345)
    assert gone is not None
    sandbox.world.delete(gone)
    assert "no longer exists at VPS.org" in text_of(bob.get(URL, headers=HTMX))


def test_trouble_is_told(synced: Account, bob: Person) -> None:
    AccountSync.objects.update(
        trouble="timeout", failures=1, ok_at=clock.now() - timedelta(minutes=7)
    )
    text = text_of(bob.get(URL))
    assert "answers too slowly" in text
    assert "last confirmed 7 min ago" in text
    assert "stale" in text


def test_what_is_not_known_is_said(synced: Account, bob: Person) -> None:
    Server.objects.filter(provider_id="12345").update(
        ip_address=None, ipv6_address=None, backups_enabled=None, cpu_percent=None,
        memory_used=None, disk_used=None, bandwidth_used=None, created_at=None,
        status="provisioning",
    )  # fmt: skip
    text = text_of(bob.get(URL))
    assert "none yet" in text
    assert "not known" in text
    assert "has not told yet how full this server is" in text


def test_hostile_words_are_inert(synced: Account, bob: Person) -> None:
    evil = "<script>alert(1)</script>\"'\u202e"
    Server.objects.filter(provider_id="12345").update(
        name=evil, hostname=evil, status=evil, location=evil, plan_name=evil, os_name=evil,
        ip_address=evil[:45], ipv6_address=evil[:45],
    )  # fmt: skip
    operation(bob, synced, server_name=evil)
    raw = bob.get(URL).content.decode()
    assert "<script>alert" not in raw
    assert "\"'" not in raw


def test_no_account_of_another_address_is_shown(team: Team, synced: Account, bob: Person) -> None:
    Account.objects.update(origin="http://127.0.0.1:10")
    assert bob.get(URL).status_code == 404


def test_a_script_can_do_the_same(synced: Account, vera: Person) -> None:
    text = text_of(vera.get(URL))
    assert "Use the API" in text
    for path in ("/servers/12345/", "/servers/12345/start/", "/servers/12345/stop/"):
        assert f'"http://localhost:8000/api/v1{path}"' in text
    assert "Use the API" not in text_of(vera.get(URL, headers=HTMX))


def test_a_server_whose_id_fits_no_address_has_no_script(synced: Account, vera: Person) -> None:
    Server.objects.filter(provider_id="12345").update(provider_id="a b")
    assert "Use the API" not in text_of(vera.get("/teams/acme/servers/a%20b/"))
