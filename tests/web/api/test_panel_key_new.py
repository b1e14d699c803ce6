"""/teams/<slug>/panel-keys/new/: a key is issued, and is on one page once."""

import re
import subprocess
import sys
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from django.apps import apps
from django.test import Client
from pytest_django.asserts import assertRedirects

from controlpanel.accounts.models import Account, Membership, Team, TeamRole
from controlpanel.audit.models import AuditEvent
from controlpanel.credentials.models import PanelKey
from controlpanel.credentials.panel_keys import authentication
from controlpanel.credentials.panel_keys.format import is_wellformed
from controlpanel.lib.scope import Reach
from controlpanel.sandbox.server import Sandbox
from controlpanel.servers.models import ServerLabel
from tests.credentials.keyring import HERE, issue
from tests.people import HTMX, OPERATOR_TOKEN, Person, join, with_labels, with_servers
from tests.web.asking import hidden, shows

URL = "/teams/acme/panel-keys/new/"
LIST = "/teams/acme/panel-keys/"
GOOD = {"name": "ci-deploy", "rights": "look", "reach": "all", "days": "90"}


def key_on(page: Any) -> str:
    found = re.search(r'<pre class="code key-text"[^>]*>(\w+)</pre>', page.content.decode())
    assert found, "no key on this page"
    return found[1]


def pieces_on(page: Any) -> dict[str, str]:
    found = re.findall(
        r'<pre class="code"[^>]*aria-labelledby="piece-(\w+)">(.*?)</pre>',
        page.content.decode(),
        re.DOTALL,
    )
    return {name: unescape(code) for name, code in found}


def given(**changes: Any) -> dict[str, Any]:
    return GOOD | changes


def test_it_works(bob: Person, account: Account) -> None:
    """Without JavaScript: a plain form and a plain answer."""
    form = bob.get(URL)
    assert form.status_code == 200
    for text in ("Issue a panel key", "Look only", "Reboot servers", "Days until it ends"):
        assert shows(form, text), text
    assert not shows(form, "Delete servers")
    page = bob.post(URL, given(form_id=hidden(form, "form_id")))
    assert page.status_code == 200
    text = key_on(page)
    assert is_wellformed(text)
    key = PanelKey.objects.get()
    assert (key.name, key.user, key.account, key.permissions) == (
        "ci-deploy",
        bob.user,
        account,
        ["servers.view"],
    )
    assert (key.expires_at - key.created_at).days == 90
    assert shows(page, key.fingerprint)
    assert AuditEvent.objects.filter(event="panel_key.issued", target_id=str(key.id)).count() == 1


def test_it_works_through_htmx(bob: Person, account: Account) -> None:
    answer = bob.post(URL, given(), headers=HTMX)
    assert answer.status_code == 200
    assert key_on(answer)


def test_the_key_opens_the_door(bob: Person, account: Account) -> None:
    text = key_on(bob.post(URL, given()))
    entered = authentication.enter(text, HERE)
    assert entered.scope.user_id == bob.user.id
    assert entered.scope.permissions == {"servers.view"}


def test_it_is_not_kept_by_anybody(bob: Person, account: Account) -> None:
    page = bob.post(URL, given())
    text = key_on(page)
    assert "no-store" in page["Cache-Control"]
    assert text not in bob.get(LIST).content.decode()
    for model in apps.get_models():
        assert text not in str(list(model._base_manager.values())), model


def test_a_reload_neither_shows_it_again_nor_issues_another(bob: Person, account: Account) -> None:
    body = given(form_id=hidden(bob.get(URL), "form_id"))
    text = key_on(bob.post(URL, body))
    again = bob.post(URL, body)
    assert again.status_code == 409
    assert shows(again, "This form was sent already")
    assert text not in again.content.decode()
    assert PanelKey.objects.count() == 1


def test_the_same_form_of_somebody_else_is_another(
    bob: Person, vera: Person, account: Account
) -> None:
    for person in (bob, vera):
        assert person.post(URL, given(form_id="the-same-form")).status_code == 200
    assert PanelKey.objects.count() == 2


def test_a_form_that_was_refused_can_be_sent_again(bob: Person, account: Account) -> None:
    body = given(form_id="the-same-form", addresses="nonsense")
    assert bob.post(URL, body).status_code == 422
    assert bob.post(URL, body | {"addresses": ""}).status_code == 200


@pytest.mark.parametrize(
    ("chosen", "permissions"),
    [
        ({"rights": "look"}, ["servers.view"]),
        (
            {"rights": "all"},
            [
                "servers.view",
                "servers.create",
                "servers.edit",
                "servers.start",
                "servers.stop",
                "servers.reboot",
            ],
        ),
        (
            {"rights": "some", "permissions": ["servers.stop", "servers.start"]},
            ["servers.view", "servers.start", "servers.stop"],
        ),
        # What stands in the fields of another choice is left aside.
        ({"rights": "look", "permissions": ["servers.stop"]}, ["servers.view"]),
    ],
)
def test_rights(
    bob: Person, account: Account, chosen: dict[str, Any], permissions: list[str]
) -> None:
    assert bob.post(URL, given(**chosen)).status_code == 200
    assert PanelKey.objects.get().permissions == permissions


@pytest.mark.parametrize(
    ("chosen", "reach"),
    [
        ({"reach": "all"}, Reach()),
        ({"reach": "labels", "labels": "env:prod team"}, with_labels("env:prod", "team")),
        ({"reach": "servers", "servers": ["12345"]}, with_servers("12345")),
    ],
)
def test_servers(bob: Person, synced: Account, chosen: dict[str, Any], reach: Reach) -> None:
    assert bob.post(URL, given(**chosen)).status_code == 200
    assert PanelKey.objects.get().reach == reach


def test_addresses(bob: Person, account: Account) -> None:
    typed = "203.0.113.7, 2001:db8::/48\n198.51.100.9/24"
    assert bob.post(URL, given(addresses=typed)).status_code == 200
    assert PanelKey.objects.get().addresses == [
        "203.0.113.7/32",
        "2001:db8::/48",
        "198.51.100.0/24",
    ]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": ""}, "Give the key a name"),
        ({"name": "x" * 81}, "A name has room for 80 characters"),
        ({"name": " \u202e "}, "Give the key a name"),
        ({"rights": ""}, "Choose what the key may do"),
        ({"rights": "owner"}, "Choose what the key may do"),
        ({"rights": "some"}, "Tick at least one"),
        ({"rights": "some", "permissions": "servers.delete"}, "Choose rights from the list"),
        ({"rights": "some", "permissions": "team.manage"}, "Choose rights from the list"),
        ({"reach": "labels"}, "Write at least one label"),
        ({"reach": "labels", "labels": "no/label"}, "no/label"),
        ({"reach": "servers"}, "Choose at least one server"),
        ({"reach": "servers", "servers": "999999"}, "Choose servers from the list"),
        ({"addresses": "203.0.113.300"}, "203.0.113.300"),
        ({"addresses": "here"}, "is no address and no network"),
        ({"days": ""}, "Write a number of days from 1 to 365"),
        ({"days": "0"}, "Write a number of days from 1 to 365"),
        ({"days": "366"}, "Write a number of days from 1 to 365"),
        ({"days": "soon"}, "Write a number of days from 1 to 365"),
    ],
)
def test_it_refuses(bob: Person, synced: Account, wrong: dict[str, str], words: str) -> None:
    page = bob.post(URL, given(form_id="the-same-form", **wrong))
    assert page.status_code == 422
    assert shows(page, words)
    assert hidden(page, "form_id") == "the-same-form"
    assert not PanelKey.objects.exists()


def test_a_name_is_taken_once(bob: Person, account: Account) -> None:
    issue(bob, account)
    page = bob.post(URL, given())
    assert page.status_code == 422
    assert shows(page, "You have a key of this name already")


def test_a_viewer_is_offered_to_look_only(vera: Person, account: Account) -> None:
    page = vera.get(URL)
    assert shows(page, "Look only")
    assert not shows(page, "All that I may do with servers")
    assert vera.post(URL, given(rights="all")).status_code == 422
    assert vera.post(URL, given()).status_code == 200


def test_somebody_there_for_labels_chooses_among_their_servers(
    team: Team, synced: Account, server: Any
) -> None:
    ServerLabel.objects.create(server=server("web-server-01"), key="env", value="prod")
    sam = join(team, "sam", "operator", with_labels("env:prod"))
    page = sam.get(URL)
    assert shows(page, "All servers that I see, new ones too")
    assert shows(page, "web-server-01")
    assert not shows(page, "db-server-01")
    mine = given(reach="servers", servers=server("web-server-01").provider_id)
    assert sam.post(URL, mine).status_code == 200
    other = given(name="two", reach="servers", servers=server("db-server-01").provider_id)
    assert sam.post(URL, other).status_code == 422


def test_of_several_accounts_one_is_chosen(
    bob: Person, account: Account, other_account: Account, sandbox: Sandbox
) -> None:
    second = Account.objects.create(team=account.team, name="Second", origin=sandbox.url)
    assert 'name="account"' in bob.get(URL).content.decode()
    for wrong in ("", str(other_account.id), "x"):
        assert bob.post(URL, given(account=wrong)).status_code == 422
    assert bob.post(URL, given(account=str(second.id))).status_code == 200
    assert PanelKey.objects.get().account == second


def test_without_an_account_there_is_no_form(bob: Person, alice: Person) -> None:
    page = bob.get(URL)
    assert shows(page, "No VPS.org account is connected yet. Alice can connect one.")
    assert 'name="days"' not in page.content.decode()
    assert bob.post(URL, given()).status_code == 422


def test_the_pieces_are_ready(bob: Person, account: Account, settings: Any) -> None:
    settings.PANEL_PUBLIC_URL = "https://panel.example.com"
    page = bob.post(URL, given())
    text, pieces = key_on(page), pieces_on(page)
    assert set(pieces) == {"curl", "python", "ci"}
    assert "VPSORG_API_URL=https://panel.example.com/api/v1\n" in pieces["curl"]
    assert f"VPSORG_API_TOKEN={text}\n" in pieces["curl"]
    assert "VPSORG_API_TOKEN: ${{ secrets.VPSORG_API_TOKEN }}" in pieces["ci"]
    # It stands where it must and nowhere else.
    assert text not in pieces["python"] + pieces["ci"]


def test_the_pieces_run(bob: Person, synced: Account, sandbox: Sandbox, settings: Any) -> None:
    """Against the provider's own API, which the gateway speaks."""
    settings.PANEL_PUBLIC_URL = sandbox.url
    page = bob.post(URL, given())
    pieces = pieces_on(page)
    shell = pieces["curl"].replace(key_on(page), OPERATOR_TOKEN)
    assert "web-server-01" in _out(["sh", "-c", shell])
    env = {"VPSORG_API_URL": f"{sandbox.url}/api/v1", "VPSORG_API_TOKEN": OPERATOR_TOKEN}
    assert "12345 web-server-01 active" in _out([sys.executable, "-c", pieces["python"]], env)


def _out(command: list[str], env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        env={"PATH": "/usr/bin:/bin", **(env or {})},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return done.stdout


def test_a_sign_in_of_a_while_ago_is_asked_again(bob: Person, account: Account) -> None:
    bob.signed_in_ago(minutes=16)
    assert bob.get(URL)["Location"].startswith("/accounts/reauthenticate/")
    answer = bob.post(URL, given())
    assert answer["Location"].startswith("/accounts/reauthenticate/")
    assert not PanelKey.objects.exists()


def test_without_a_record_none_is_issued(
    bob: Person, account: Account, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("audit_broken")
    bob.raise_request_exception = False
    assert bob.post(URL, given()).status_code == 503
    assert not PanelKey.objects.exists()


def test_it_requires_the_right(team: Team, vera: Person, account: Account) -> None:
    TeamRole.objects.create(team=team, slug="web", name="Web", permissions=["servers.view"])
    Membership.objects.filter(user=vera.user).update(role="web")
    assert vera.get(URL).status_code == 403
    assert vera.post(URL, given()).status_code == 403
    assert not PanelKey.objects.exists()


def test_it_requires_sign_in(team: Team, nobody: Client) -> None:
    assertRedirects(nobody.get(URL), f"/accounts/login/?next={quote(URL, safe='')}")
    assert nobody.post(URL, given()).status_code == 302


def test_it_hides_from_outsiders(team: Team, charlie: Person) -> None:
    assert charlie.get(URL).status_code == 404
    assert charlie.post(URL, given()).status_code == 404
