from typing import Any

import pytest
from django.test import Client

from controlpanel.accounts.models import Account
from controlpanel.audit.models import AuditEvent
from controlpanel.credentials.models import Credential, Revocation
from controlpanel.credentials.tokens import services as token_services
from controlpanel.credentials.tokens.services import TokenRefused
from controlpanel.lib.secret import Secret
from controlpanel.operations.models import Operation
from controlpanel.operations.own_changes import OwnChanges
from controlpanel.operations.services import Refused
from controlpanel.operations.tasks import due_accounts
from controlpanel.operations.tasks import poll as queued_look
from controlpanel.sandbox.server import Sandbox
from controlpanel.servers import sync
from controlpanel.servers.models import AccountSync, CatalogueItem, Server, ServerLabel, ServerLock
from controlpanel.vpsorg.wire import ServerSeen
from tests.operations.asks import power, sent
from tests.people import HTMX, OWNER_TOKEN, Person, join, look, with_labels

FORM = {"confirm_name": "Acme"}
SERVERS = "/teams/acme/servers/"


def url(account: Account) -> str:
    return f"/teams/acme/accounts/{account.id}/disconnect/"


@pytest.fixture
def stopped(bob: Person, server: Any) -> Operation:
    """An operation that has ended."""
    operation = sent(power(bob, "stop", server("web-server-01")))
    Operation.objects.filter(id=operation.id).update(state="observed", ended_at="2026-01-01T00:00Z")
    return operation


def test_it_says_what_goes(adam: Person, synced: Account) -> None:
    text = adam.get(url(synced)).content.decode()
    assert "Disconnect the account Acme?" in text
    for token in Credential.objects.all():
        assert token.fingerprint in text


def test_it_works(alice: Person, synced: Account, server: Any, sandbox: Sandbox) -> None:
    ServerLabel.objects.create(server=server("web-server-01"), key="env", value="prod")
    ServerLock.objects.create(server=server("web-server-01"), level="delete", by_id="x")
    kept = set(Credential.objects.values_list("fingerprint", flat=True))
    answer = alice.post(url(synced), FORM)
    assert (answer.status_code, answer["Location"]) == (303, "/teams/acme/members/revocations/")
    for model in (Credential, AccountSync, CatalogueItem):
        assert not model.objects.exists()
    # What the team put on a server stays for when it is connected again; no page shows it.
    assert [one.name for one in Server.objects.all()] == ["web-server-01"]
    assert (ServerLabel.objects.count(), ServerLock.objects.count()) == (1, 1)
    assert alice.get(f"{SERVERS}12345/").status_code == 404
    assert set(Revocation.objects.values_list("fingerprint", flat=True)) == kept
    event = AuditEvent.objects.get(event="account.disconnected")
    assert event.data["servers"] == 8
    assert {one["fingerprint"] for one in event.data["tokens"]} == kept
    synced.refresh_from_db()
    assert synced.disconnected_at
    assert synced.identity == ""
    assert not sandbox.changes()


def test_history_stays(alice: Person, synced: Account, stopped: Operation) -> None:
    alice.post(url(synced), FORM)
    receipt = alice.get(f"/teams/acme/operations/{stopped.id}/")
    text = receipt.content.decode()
    assert receipt.status_code == 200
    assert "web-server-01" in text
    assert f"{SERVERS}{stopped.provider_id}/" not in text
    assert "web-server-01" in alice.get("/teams/acme/operations/").content.decode()
    audit = alice.get("/teams/acme/audit/").content.decode()
    assert "web-server-01" in audit
    assert "disconnected the VPS.org account" in audit


def test_stale_pages_are_404(alice: Person, synced: Account, sandbox: Sandbox) -> None:
    alice.post(url(synced), FORM)
    for page in ("", "stop/", "edit/", "delete/", "labels/"):
        assert alice.get(f"{SERVERS}12345/{page}").status_code == 404
    assert alice.get(f"{SERVERS}12345/", headers=HTMX).status_code == 404
    for page in ("stop/", "reboot/", "delete/"):
        assert alice.post(f"{SERVERS}12345/{page}", {"confirm_name": "x"}).status_code == 404
    for page in ("", "disconnect/", "sync-token/"):
        answer = alice.post(f"/teams/acme/accounts/{synced.id}/{page}", {**FORM, "name": "X"})
        assert answer.status_code == 404
    assert not sandbox.changes()


def test_what_was_on_its_way_does_nothing(
    alice: Person, bob: Person, synced: Account, server: Any, sandbox: Sandbox
) -> None:
    """A page that was open, a queued look, a list that was being read, a token being stored."""
    target = server("web-server-01")
    alice.post(url(synced), FORM)
    sandbox.journal.clear()
    with pytest.raises(Refused, match="disconnected"):
        power(bob, "stop", target)
    assert not due_accounts()
    queued_look(str(synced.id))
    assert not sandbox.journal.entries()
    assert not AccountSync.objects.exists()
    with pytest.raises(TokenRefused, match="disconnected"):
        token_services.store(bob.scope(), synced, Secret(OWNER_TOKEN), frozenset())
    seen = ServerSeen("12345", status="active")
    assert sync.apply_seen(synced, seen, detail=True, own=OwnChanges(synced)) is None
    assert not Server.objects.exists()


def test_it_can_be_connected_again(alice: Person, synced: Account) -> None:
    connect = {"name": "Acme", "token": OWNER_TOKEN}
    alice.post(url(synced), FORM)
    assert alice.post("/teams/acme/accounts/connect/", connect).status_code == 303
    again = Account.objects.get(disconnected_at=None)
    assert again.id != synced.id
    look(again)
    assert alice.get(f"{SERVERS}12345/").status_code == 200
    twice = alice.post("/teams/acme/accounts/connect/", {**connect, "name": "Twice"})
    assert "already connected" in twice.content.decode()


def test_it_is_refused_while_something_is_under_way(
    alice: Person, bob: Person, synced: Account, server: Any
) -> None:
    operation = power(bob, "stop", server("web-server-01"))
    answer = alice.post(url(synced), FORM)
    assert answer.status_code == 409
    for page in (answer, alice.get(url(synced))):
        assert f"/teams/acme/operations/{operation.id}/" in page.content.decode()
    assert Credential.objects.exists()
    synced.refresh_from_db()
    assert synced.disconnected_at is None


def test_the_other_account_stays(alice: Person, synced: Account, sandbox: Sandbox) -> None:
    other = Account.objects.create(team=alice.team, name="Other", origin=sandbox.url)
    server = Server.objects.create(account=other, provider_id="77", name="other-01")
    alice.post(url(synced), FORM)
    assert Server.objects.get() == server
    assert "other-01" in alice.get(SERVERS).content.decode()


def test_it_needs_the_name(alice: Person, synced: Account) -> None:
    for wrong in ("", "acme"):
        assert alice.post(url(synced), {"confirm_name": wrong}).status_code == 422
    assert Server.objects.exists()


def test_whoever_sees_a_part_of_it_cannot(alice: Person, synced: Account) -> None:
    part = join(alice.team, "paula", "admin", with_labels("env:prod"))
    assert part.post(url(synced), FORM).status_code == 403
    assert Server.objects.exists()


def test_it_asks_again_after_a_while(alice: Person, synced: Account) -> None:
    alice.signed_in_ago(minutes=16)
    assert alice.post(url(synced), FORM).status_code == 302
    assert Server.objects.exists()


def test_without_a_record_it_stays(alice: Person, synced: Account, audit_broken: None) -> None:
    assert alice.post(url(synced), FORM).status_code == 503
    assert Server.objects.exists()
    assert Credential.objects.exists()


def test_it_requires_the_right(bob: Person, vera: Person, synced: Account) -> None:
    for person in (bob, vera):
        assert person.get(url(synced)).status_code == 403
        assert person.post(url(synced), FORM).status_code == 403


def test_it_requires_sign_in(synced: Account, nobody: Client) -> None:
    assert nobody.get(url(synced)).status_code == 302


def test_it_hides_from_outsiders(
    alice: Person, charlie: Person, synced: Account, other_account: Account
) -> None:
    assert charlie.post(url(synced), FORM).status_code == 404
    assert alice.post(url(other_account), FORM).status_code == 404
