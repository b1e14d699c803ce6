from urllib.parse import quote

import pytest
from pytest_django.asserts import assertRedirects

from controlpanel.operations.models import Operation
from tests.people import HTMX, look
from tests.web.asking import action_url, can_send, denials, only_operation, receipt_of, shows

FIT, UNFIT = "web-server-01", "staging-app"


@pytest.fixture
def url(server):
    return action_url(server(FIT), "stop")


@pytest.fixture
def unfit(server):
    return action_url(server(UNFIT), "stop")


def test_it_works(bob, url, sandbox, synced):
    answer = bob.post(url, {"reason": "planned", "form_id": "form-0001"})
    operation = only_operation()
    assertRedirects(answer, f"/teams/acme/operations/{operation.id}/", status_code=303)
    assert (operation.kind, operation.state, operation.reason) == ("stop", "accepted", "planned")
    assert operation.actor_name == bob.user.email
    assert len(sandbox.changes()) == 1
    assert sandbox.changes("POST", "/stop/")[0].token == "acme-operator"
    sandbox.advance(60)
    look(synced)
    assert 'data-state="observed"' in receipt_of(bob, operation)


def test_it_shows_what_will_happen(bob, url, sandbox):
    page = bob.get(url)
    assert page.status_code == 200
    assert can_send(page)
    assert shows(page, f"Stop {FIT}")
    assert sandbox.changes() == []


def test_the_same_form_twice_is_one_call(bob, url, sandbox):
    form = {"form_id": "form-0001"}
    first, second = bob.post(url, form), bob.post(url, form)
    assert first["Location"] == second["Location"]
    assert len(sandbox.changes()) == 1


def test_a_reason_and_a_form_id_are_optional(bob, url):
    assert bob.post(url).status_code == 303
    assert only_operation().form_id


def test_an_overlong_reason_keeps_the_form(bob, url, sandbox):
    page = bob.post(url, {"reason": "x" * 501, "form_id": "form-0001"})
    assert page.status_code == 422
    assert b"form-0001" in page.content
    assert shows(page, "room for 500 characters")
    assert sandbox.changes() == []


def test_it_works_through_htmx(bob, url):
    answer = bob.post(url, headers=HTMX)
    assert answer.status_code == 204
    assert answer["HX-Redirect"] == f"/teams/acme/operations/{only_operation().id}/"


def test_an_illegal_one_says_why_and_cannot_be_sent(bob, unfit):
    page = bob.get(unfit)
    assert page.status_code == 200
    assert shows(page, "The server is already stopped.")
    assert not can_send(page)


def test_it_refuses_an_illegal_one(bob, unfit, sandbox):
    page = bob.post(unfit)
    assert page.status_code == 409
    assert shows(page, "The server is already stopped.")
    assert not Operation.objects.exists()
    assert sandbox.changes() == []


def test_what_the_provider_refuses_is_on_the_receipt(bob, url, sandbox):
    sandbox.fault("status", "POST", "/stop/", status=400, body={"detail": "It is not running <b>"})
    bob.post(url)
    text = receipt_of(bob, only_operation())
    assert 'data-state="failed"' in text
    assert "It is not running &lt;b&gt;" in text
    assert "The bill is unchanged." in text


def test_a_lost_answer_is_unknown(bob, url, sandbox):
    sandbox.fault("drop_after", "POST", "/stop/")
    assert bob.post(url).status_code == 303
    assert only_operation().state == "unknown"
    assert 'data-state="unknown"' in receipt_of(bob, only_operation())
    assert len(sandbox.changes()) == 1


def test_without_a_token_of_ones_own_it_says_where_to_add_one(bob, url, sandbox):
    bob.user.credentials.all().delete()
    page = bob.get(url)
    assert shows(page, "You have no API token of your own")
    assert b"/teams/acme/tokens/" in page.content
    assert bob.post(url).status_code == 409
    assert sandbox.changes() == []


def test_it_requires_sign_in(nobody, url, sandbox):
    assertRedirects(nobody.get(url), f"/accounts/login/?next={quote(url, safe='')}")
    assert nobody.post(url).status_code == 302
    assert sandbox.changes() == []


def test_it_requires_the_right(vera, url, sandbox):
    for answer in (vera.get(url), vera.post(url)):
        assert answer.status_code == 403
        assert shows(answer, "stop servers")
    assert denials() == 2
    assert sandbox.changes() == []


def test_it_hides_from_outsiders(charlie, url, bob, sandbox):
    assert charlie.post(url).status_code == 404
    assert bob.post("/teams/acme/servers/99999/stop/").status_code == 404
    assert bob.post("/teams/acme/servers/12353/stop/").status_code == 404
    assert sandbox.changes() == []


def test_a_gone_server_says_so(bob, server, url):
    gone = server(FIT)
    gone.gone_at = gone.seen_at
    gone.save()
    assert shows(bob.get(url), "no longer exists")
    assert bob.post(url).status_code == 409


def test_it_says_that_a_stopped_server_is_billed(bob, url):
    assert shows(bob.get(url), "A stopped server is still billed.")
