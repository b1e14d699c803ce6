from uuid import uuid4

import pytest
from pytest_django.asserts import assertRedirects

from controlpanel.accounts.models import TeamPolicy
from controlpanel.audit.models import AuditEvent
from controlpanel.credentials.models import Credential
from tests.people import HTMX
from tests.web.asking import BASE, action_url, can_send, only_operation, receipt_of, shows

TOKENS = "/teams/acme/tokens/"
WEB = "web-server-01"


@pytest.fixture
def url(account):
    return f"/teams/acme/accounts/{account.id}/service-token/"


@pytest.fixture
def lent(account, alice, team):
    TeamPolicy.objects.create(team=team, service_tokens=True)
    Credential.objects.filter(user=alice.user).update(service_name="deploy")


def name(person):
    return Credential.objects.get(user=person.user).service_name


def test_it_works(adam, url):
    page = adam.get(url)
    assert shows(page, "Lend your token for Acme?")
    assert shows(page, "policy does not let service tokens be used")
    assertRedirects(adam.post(url, {"name": "deploy"}), TOKENS, status_code=303)
    assert name(adam) == "deploy"
    event = AuditEvent.objects.get(event="account.service_token_chosen")
    assert (event.data["name"], event.data["owner"]) == ("deploy", adam.user.email)
    assert shows(adam.get(TOKENS), "deploy")


def test_it_works_through_htmx(adam, url):
    assert adam.post(url, {"name": "deploy"}, headers=HTMX)["HX-Redirect"] == TOKENS


@pytest.mark.parametrize("given", ["", " ", "\u200b", "x" * 81])
def test_it_needs_a_name(adam, url, given):
    assert adam.post(url, {"name": given}).status_code == 422
    assert name(adam) == ""


def test_it_needs_a_token_of_ones_own(adam, url):
    Credential.objects.filter(user=adam.user).delete()
    assert shows(adam.get(url), "Store an API token of your own first")
    assert adam.post(url, {"name": "deploy"}).status_code == 422


def test_it_is_withdrawn(adam, alice, url, lent):
    page = adam.get(TOKENS)
    assert shows(page, "Withdraw the service token")
    assertRedirects(adam.post(f"{url}withdraw/"), TOKENS, status_code=303)
    assert name(alice) == ""
    adam.post(f"{url}withdraw/")
    assert AuditEvent.objects.filter(event="account.service_token_withdrawn").count() == 1


def test_its_owner_withdraws_it_with_any_role(alice, adam, url, lent):
    alice.user.memberships.update(role="operator")
    assert alice.post(f"{url}withdraw/").status_code == 303
    assert name(alice) == ""


def test_it_asks_again_who_signed_in_a_while_ago(adam, url, lent):
    adam.signed_in_ago(minutes=16)
    for answer in (adam.get(url), adam.post(url, {"name": "x"}), adam.post(f"{url}withdraw/")):
        assert "/reauthenticate/" in answer["Location"]
    assert name(adam) == ""


def test_it_requires_the_right(bob, vera, alice, url, lent):
    for person in (bob, vera):
        assert person.get(url).status_code == 403
        assert person.post(url, {"name": "mine"}).status_code == 403
        assert person.post(f"{url}withdraw/").status_code == 403
        page = person.get(TOKENS)
        assert url not in page.content.decode()
        assert shows(page, "deploy")
    assert name(alice) == "deploy"


def test_it_hides_from_outsiders(charlie, alice, url, other_account):
    assert charlie.post(url, {"name": "x"}).status_code == 404
    for wrong in (other_account.id, uuid4()):
        address = f"/teams/acme/accounts/{wrong}/service-token/"
        assert alice.post(address, {"name": "x"}).status_code == 404
        assert alice.post(f"{address}withdraw/").status_code == 404


def test_without_a_record_nothing_changes(adam, url, audit_broken):
    assert adam.post(url, {"name": "deploy"}).status_code == 503
    assert name(adam) == ""


def test_pages_say_whose_token_a_change_is_sent_with(bob, lent, server, sandbox):
    bob.user.credentials.all().delete()
    said = "Sent with the service token “deploy” of Alice, because you keep no API token here."
    for action in ("reboot", "stop", "edit"):
        page = bob.get(action_url(server(WEB), action))
        assert can_send(page)
        assert shows(page, said)
    assert shows(bob.get(f"{BASE}/new/"), said)
    assert not shows(bob.get(f"{BASE}/"), "You have no API token of your own")
    bob.post(action_url(server(WEB), "reboot"))
    assert sandbox.changes()[0].token == "acme-owner"
    text = receipt_of(bob, only_operation())
    assert "the service token “deploy” of alice@example.com" in text


def test_with_a_token_of_ones_own_they_say_nothing(bob, lent, server):
    assert not shows(bob.get(action_url(server(WEB), "reboot")), "Sent with the service token")


def test_a_refused_one_is_called_by_its_name(bob, lent, server, sandbox):
    bob.user.credentials.all().delete()
    sandbox.fault("status", "POST", "/reboot/$", status=401)
    bob.post(action_url(server(WEB), "reboot"))
    assert "does not accept the service token “deploy”" in receipt_of(bob, only_operation())


def test_the_record_shows_it(alice, bob, lent, server):
    bob.user.credentials.all().delete()
    bob.post(action_url(server(WEB), "reboot"))
    event = AuditEvent.objects.filter(event="server.reboot").latest("seq")
    assert shows(alice.get(f"/teams/acme/audit/{event.seq}/"), "“deploy” of alice@example.com")


def test_removing_a_token_says_that_it_is_lent(alice, lent, account):
    page = alice.get(f"{TOKENS}{account.id}/remove/")
    assert shows(page, "It is also the service token “deploy”")
