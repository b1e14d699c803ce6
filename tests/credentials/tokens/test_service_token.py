"""A service token: lent only where the policy says so, and never in place of one's own."""

import pytest

from controlpanel.accounts.access import Denied
from controlpanel.accounts.models import TeamPolicy
from controlpanel.audit.models import AuditEvent
from controlpanel.credentials.models import Credential, Revocation
from controlpanel.credentials.tokens import clients, selectors, service_tokens
from controlpanel.credentials.tokens import services as token_services
from controlpanel.credentials.tokens.service_tokens import ServiceTokenRefused
from controlpanel.keys import macs
from controlpanel.lib import clock
from controlpanel.lib.secret import Secret
from controlpanel.operations.leaving import offboarding
from controlpanel.operations.services import Refused
from tests.operations.asks import power, sent
from tests.people import ADMIN_TOKEN, OWNER_TOKEN, REVOKED_TOKEN, keep_token

WEB = "web-server-01"


def of(person, account):
    return Credential.objects.select_related("account", "user").get(
        user=person.user, account=account
    )


def lend(person, account, name="deploy"):
    service_tokens.choose(person.scope(), of(person, account), name)


def events(name):
    return AuditEvent.objects.filter(event=f"account.service_token_{name}")


@pytest.fixture
def allowed(team):
    return TeamPolicy.objects.create(team=team, service_tokens=True)


@pytest.fixture
def without(bob):
    """Bob, without a token of his own."""

    def make():
        Credential.objects.filter(user=bob.user).delete()
        return bob

    return make


def test_it_works(alice, without, allowed, synced, server, sandbox):
    lend(alice, synced)
    bob = without()
    assert selectors.can_change(bob.scope(), synced)
    operation = sent(power(bob, "reboot", server(WEB)))
    assert operation.state == "accepted"
    token = {
        "name": "deploy",
        "owner": alice.user.email,
        "fingerprint": macs.fingerprint(OWNER_TOKEN),
    }
    assert operation.service_token == token
    assert sandbox.changes()[0].token == "acme-owner"
    outcome = AuditEvent.objects.filter(event="server.reboot").latest("seq")
    assert outcome.data["sent_with"] == token
    assert outcome.actor_name == bob.user.email


def test_it_is_off_twice_over(alice, without, team, synced, server):
    bob = without()
    policy = TeamPolicy.objects.create(team=team, service_tokens=True)
    with pytest.raises(Refused, match="no API token"):  # nobody lends one
        power(bob, "reboot", server(WEB))
    lend(alice, synced)
    policy.service_tokens = False
    policy.save()
    with pytest.raises(Refused, match="no API token"):
        power(bob, "reboot", server(WEB))


def test_whoever_has_their_own_uses_it(alice, bob, allowed, synced, server, sandbox):
    lend(alice, synced)
    operation = sent(power(bob, "reboot", server(WEB)))
    assert sandbox.changes()[0].token == "acme-operator"
    assert operation.service_token == {}
    assert "sent_with" not in AuditEvent.objects.filter(event="server.reboot").latest("seq").data


def test_there_is_no_falling_back_from_a_refused_one(
    alice, without, allowed, synced, server, sandbox
):
    lend(alice, synced)
    bob = without()
    keep_token(bob.user, synced, REVOKED_TOKEN)
    operation = sent(power(bob, "reboot", server(WEB)))
    assert (operation.state, operation.code) == ("failed", "unauthorized")
    assert operation.service_token == {}


@pytest.mark.parametrize("gone", ["policy", "name", "token", "owner"])
def test_what_is_withdrawn_meanwhile_is_not_sent(
    alice, without, allowed, synced, server, sandbox, gone
):
    lend(alice, synced)
    bob = without()
    operation = power(bob, "reboot", server(WEB))
    if gone == "policy":
        TeamPolicy.objects.update(service_tokens=False)
    elif gone == "name":
        service_tokens.withdraw(alice.scope(), of(alice, synced))
    elif gone == "token":
        token_services.remove(alice.scope(), of(alice, synced))
    else:
        alice.user.memberships.update(suspended_at=clock.now())
    operation = sent(operation)
    assert (operation.state, operation.code) == ("cancelled", "no_token")
    outcome = AuditEvent.objects.filter(event="server.reboot").latest("seq")
    assert (outcome.result, outcome.data["code"]) == ("denied", "no_token")
    assert not sandbox.changes()


def test_a_lost_answer_says_with_what_it_was_sent(alice, without, allowed, synced, server, sandbox):
    lend(alice, synced)
    sandbox.fault("drop_after", "POST", "/reboot/$")
    operation = sent(power(without(), "reboot", server(WEB)))
    assert operation.state == "unknown"
    assert operation.service_token["name"] == "deploy"


def test_one_takes_the_place_of_another(alice, adam, synced):
    lend(alice, synced)
    lend(adam, synced, "night jobs")
    assert not of(alice, synced).service_name
    assert of(adam, synced).service_name == "night jobs"
    assert [event.data["owner"] for event in events("chosen").order_by("seq")] == [
        alice.user.email,
        adam.user.email,
    ]
    assert events("withdrawn").get().data["name"] == "deploy"
    lend(adam, synced, "night jobs")
    assert events("chosen").count() == 2  # nothing was changed, so nothing is recorded


def test_only_ones_own_by_whoever_may_connect_accounts(alice, adam, bob, synced):
    with pytest.raises(Denied):
        lend(bob, synced)
    with pytest.raises(ServiceTokenRefused):
        service_tokens.choose(adam.scope(), of(alice, synced), "deploy")
    for name in ("", "  ", "\u200b"):
        with pytest.raises(ServiceTokenRefused, match="name"):
            lend(alice, synced, name)
    lend(alice, synced)
    with pytest.raises(Denied):
        service_tokens.withdraw(bob.scope(), of(alice, synced))
    assert service_tokens.withdraw(adam.scope(), of(alice, synced))
    assert not service_tokens.withdraw(adam.scope(), of(alice, synced))
    assert events("withdrawn").count() == 1


def test_it_stays_when_its_owner_replaces_the_token(alice, synced):
    lend(alice, synced)
    token_services.store(alice.scope(), synced, Secret(ADMIN_TOKEN), frozenset())
    assert of(alice, synced).service_name == "deploy"
    assert of(alice, synced).fingerprint == macs.fingerprint(ADMIN_TOKEN)


def test_it_leaves_with_its_owner(alice, adam, without, allowed, synced, server):
    lend(adam, synced)
    offboarding.let_go(alice.scope(), adam.membership, {})
    assert not selectors.service_tokens(alice.scope())
    assert Revocation.objects.get().fingerprint == macs.fingerprint(ADMIN_TOKEN)
    bob = without()
    assert not selectors.can_change(bob.scope(), synced)
    with pytest.raises(clients.NoClient), clients.persons_client(bob.user.id, synced, 5):
        pass


def test_another_teams_is_none_of_ours(without, allowed, synced, other_account, charlie):
    lend(charlie, other_account)
    assert not selectors.can_change(without().scope(), synced)


def test_a_viewer_changes_nothing_with_it(alice, vera, allowed, synced, server):
    lend(alice, synced)
    assert selectors.can_change(vera.scope(), synced)
    assert not vera.scope().allows("servers.reboot")
