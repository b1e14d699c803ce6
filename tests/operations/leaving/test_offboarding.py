import pytest
from django.test import Client

from controlpanel.accounts.models import Membership
from controlpanel.accounts.teams.members import MemberRefused
from controlpanel.audit.models import AuditEvent
from controlpanel.credentials.models import Credential, Revocation
from controlpanel.credentials.tokens import offboarding as token_offboarding
from controlpanel.operations.leaving import offboarding
from tests.operations.asks import fresh, power, sent


def membership(person):
    return Membership.objects.get(user=person.user)


def let_go(by, person):
    return offboarding.let_go(by.scope("members.manage"), membership(person), {})


def test_it_shows_what_they_have(alice, bob, server):
    operation = power(bob, "reboot", server("web-server-01"))
    theirs = offboarding.holdings(alice.scope("members.manage"), membership(bob))
    assert [token.user.email for token in theirs.tokens] == ["bob@example.com"]
    assert theirs.queued == [operation]
    assert not theirs.running


def test_what_is_queued_is_not_sent_and_that_is_on_record(alice, bob, server, sandbox):
    operation = power(bob, "reboot", server("web-server-01"))
    let_go(alice, bob)
    operation = sent(operation)
    assert (operation.state, operation.code) == ("cancelled", "member_removed")
    assert not sandbox.changes()
    outcome = AuditEvent.objects.filter(operation_id=str(operation.id)).latest("seq")
    assert (outcome.phase, outcome.result) == ("outcome", "denied")


def test_tokens_are_forgotten_and_listed_to_be_revoked(alice, bob, synced):
    kept = Credential.objects.get(user=bob.user).fingerprint
    (left,) = let_go(alice, bob)
    assert (left.fingerprint, left.account_name, left.person) == (kept, "Acme", "bob@example.com")
    assert not Credential.objects.filter(user=bob.user).exists()
    scope = alice.scope("members.manage")
    assert token_offboarding.tick_off(scope, left.id)
    assert not token_offboarding.tick_off(scope, left.id)
    assert Revocation.objects.get(id=left.id).done_by == "alice@example.com"


def test_a_sync_token_is_succeeded(alice, adam, synced):
    Membership.objects.filter(user=adam.user).update(role="owner")
    heir = Credential.objects.get(user=adam.user)
    offboarding.let_go(adam.scope("members.manage"), membership(alice), {synced.id: heir.id})
    assert Credential.objects.get(is_sync=True) == heir


def test_the_next_request_is_an_outsiders(alice, bob, synced):
    assert bob.get("/teams/acme/servers/").status_code == 200
    let_go(alice, bob)
    assert bob.get("/teams/acme/servers/").status_code in {302, 404}


def test_the_last_owner_keeps_everything(alice, adam, synced):
    with pytest.raises(MemberRefused):
        let_go(adam, alice)
    assert Credential.objects.filter(user=alice.user).exists()
    assert isinstance(alice, Client)


def test_what_they_did_still_says_who_it_was(alice, bob, server):
    operation = sent(power(bob, "reboot", server("web-server-01")))
    let_go(alice, bob)
    bob.user.delete()
    assert fresh(operation.id).actor_name == "bob@example.com"
    assert AuditEvent.objects.filter(actor_name="bob@example.com", event="server.reboot").exists()
