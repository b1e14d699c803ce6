import queue
from urllib.parse import quote

import pytest
from pytest_django.asserts import assertRedirects

from controlpanel.credentials.tokens import clients
from controlpanel.operations import runner
from controlpanel.operations.models import Operation
from controlpanel.servers.models import Server
from tests.people import HTMX, look
from tests.web.asking import action_url, denials, only_operation, receipt_of, shows

NAME = "staging-app"


@pytest.fixture
def url(server):
    return action_url(server(NAME), "delete")


def test_it_works(adam, url, sandbox, synced, server):
    gone = server(NAME)
    answer = adam.post(url, {"confirm_name": NAME, "reason": "old", "form_id": "form-0001"})
    operation = only_operation()
    assertRedirects(answer, f"/teams/acme/operations/{operation.id}/", status_code=303)
    assert (operation.state, operation.reason, operation.provider_status) == (
        "accepted",
        "old",
        204,
    )
    assert [entry.path for entry in sandbox.changes("DELETE")] == [
        f"/api/v1/servers/{gone.provider_id}/"
    ]
    look(synced)
    text = receipt_of(adam, operation)
    assert 'data-state="observed"' in text
    assert "gone for good" in text


def test_it_shows_what_will_be_lost(adam, url, server, sandbox):
    page = adam.get(url)
    assert page.status_code == 200
    doomed = server(NAME)
    for words in (
        NAME,
        doomed.provider_id,
        doomed.ip_address,
        "gone for good",
        "outside this panel",
    ):
        assert shows(page, words)
    assert b'<button class="button danger">Delete staging-app</button>' in page.content
    assert sandbox.changes() == []


def test_it_says_who_created_it(adam, bob, url, server):
    Operation.objects.create(
        team=bob.team,
        account=server(NAME).account,
        kind="create",
        actor_id=str(bob.user.id),
        actor_name=bob.user.email,
        form_id="earlier",
        provider_id=server(NAME).provider_id,
        state="observed",
    )
    assert shows(adam.get(url), f"by {bob.user.email}")


@pytest.mark.parametrize("typed", ["", "staging", "Staging-App", "staging-app ", "web-server-01"])
def test_another_name_deletes_nothing(adam, url, sandbox, typed):
    page = adam.post(url, {"confirm_name": typed, "reason": "kept", "form_id": "form-0001"})
    assert page.status_code == 422
    assert shows(page, "Type “staging-app” exactly")
    assert b"kept" in page.content
    assert b"form-0001" in page.content
    assert not Operation.objects.exists()
    assert sandbox.changes() == []


def test_without_a_name_the_hostname_or_the_id_is_typed(adam, url, server, sandbox):
    Server.objects.filter(id=server(NAME).id).update(name="", hostname="")
    nameless = Server.objects.get(name="")
    assert shows(adam.get(url), f"Delete {nameless.provider_id}")
    sandbox.fault("rewrite", "GET", r"/servers/\d+/$", set={"name": "", "hostname": ""})
    assert adam.post(url, {"confirm_name": nameless.provider_id}).status_code == 303
    assert len(sandbox.changes()) == 1


def test_the_same_form_twice_is_one_call(adam, url, sandbox):
    form = {"form_id": "form-0001", "confirm_name": NAME}
    first, second = adam.post(url, form), adam.post(url, form)
    assert first["Location"] == second["Location"]
    assert len(sandbox.changes()) == 1


def test_another_form_meanwhile_is_refused(adam, alice, url, sandbox):
    adam.post(url, {"confirm_name": NAME})
    page = alice.post(url, {"confirm_name": NAME})
    assert page.status_code == 409
    assert shows(page, "This server is being deleted.")
    assert len(sandbox.changes()) == 1


def test_it_works_through_htmx(adam, url):
    answer = adam.post(url, {"confirm_name": NAME}, headers=HTMX)
    assert answer["HX-Redirect"] == f"/teams/acme/operations/{only_operation().id}/"
    part = adam.get(url, headers=HTMX).content.decode()
    assert part.strip().startswith("<form")
    assert "<html" not in part


def test_a_lost_answer_is_unknown(adam, url, sandbox):
    sandbox.fault("drop_after", "DELETE")
    adam.post(url, {"confirm_name": NAME})
    assert 'data-state="unknown"' in receipt_of(adam, only_operation())
    assert "it may still be there and be billed" in receipt_of(adam, only_operation())
    assert len(sandbox.changes()) == 1


def test_it_requires_sign_in(nobody, url, sandbox):
    assertRedirects(nobody.get(url), f"/accounts/login/?next={quote(url, safe='')}")
    assert nobody.post(url, {"confirm_name": NAME}).status_code == 302
    assert sandbox.changes() == []


def test_it_requires_the_right(bob, alice, url, sandbox):
    """Operators run servers, and do not delete them."""
    for answer in (bob.get(url), bob.post(url, {"confirm_name": NAME})):
        assert answer.status_code == 403
        assert shows(answer, "delete servers")
        assert shows(answer, alice.user.email)
    assert denials() == 2
    assert sandbox.changes() == []


def test_it_hides_from_outsiders(charlie, adam, url, sandbox):
    assert charlie.post(url, {"confirm_name": NAME}).status_code == 404
    assert (
        adam.post("/teams/acme/servers/12353/delete/", {"confirm_name": "globex-api"}).status_code
        == 404
    )
    assert sandbox.changes() == []


def test_hostile_names_are_inert_and_can_be_typed(adam, url, server, sandbox):
    hostile = "<script>alert(1)</script>\"'"
    Server.objects.filter(id=server(NAME).id).update(name=hostile, hostname="\u202eevil")
    page = adam.get(url)
    assert b"<script>alert" not in page.content
    assert "\u202e" not in page.content.decode()
    assert adam.post(url, {"confirm_name": hostile}).status_code == 303


def test_it_is_another_server_by_now(adam, url, sandbox, server):
    """What was confirmed is a name: the id may have come to bear another."""
    sandbox.fault("rewrite", "GET", r"/servers/\d+/$", set={"name": "production-db"})
    adam.post(url, {"confirm_name": NAME})
    operation = only_operation()
    assert (operation.state, operation.code) == ("cancelled", "changed_meanwhile")
    text = receipt_of(adam, operation)
    assert "it was never sent" in text
    assert "shows another name" in text
    assert shows(adam.get(url), "Delete production-db")
    assert sandbox.changes() == []


def test_it_is_not_sent_without_a_look(adam, url, sandbox):
    sandbox.fault("status", "GET", r"/servers/\d+/$", status=500)
    adam.post(url, {"confirm_name": NAME})
    operation = only_operation()
    text = receipt_of(adam, operation)
    assert 'data-state="failed"' in text
    assert "the deletion was not sent" in text
    assert "VPS.org had an error of its own." in text
    assert sandbox.changes() == []


def test_a_worker_looks_too(adam, url, sandbox, monkeypatch):
    """All places of the page are taken: a worker sends it, and looks first."""
    monkeypatch.setattr(clients, "_slots", queue.SimpleQueue())
    adam.post(url, {"confirm_name": NAME})
    operation = only_operation()
    assert operation.state == "requested"
    sandbox.fault("rewrite", "GET", r"/servers/\d+/$", set={"name": "production-db"})
    runner.send(operation.id)
    assert only_operation().code == "changed_meanwhile"
    assert sandbox.changes() == []
