"""`manage.py issue_panel_key`: the key and nothing else on stdout, a sentence on stderr."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from controlpanel.accounts.models import Account, Membership, TeamPolicy
from controlpanel.audit.models import AuditEvent
from controlpanel.credentials.models import PanelKey
from controlpanel.credentials.panel_keys import authentication
from controlpanel.credentials.panel_keys.format import is_wellformed
from controlpanel.lib.scope import Origin
from tests.people import with_labels


def issue(user="bob@example.com", team="acme", **options):
    out, err = StringIO(), StringIO()
    call_command("issue_panel_key", user=user, team=team, stdout=out, stderr=err, **options)
    assert err.getvalue() == ""
    return out.getvalue()


def test_it_works(bob, account):
    said = issue()
    assert said.endswith("\n")
    text = said.removesuffix("\n")
    assert is_wellformed(text)
    scope = authentication.enter(text, Origin("gateway")).scope
    assert scope.user_id == bob.user.id
    assert "servers.reboot" in scope.permissions
    assert "servers.delete" not in scope.permissions
    key = PanelKey.objects.get()
    assert (key.account, key.name) == (account, "command line")
    assert (key.expires_at - key.created_at).days == 90
    event = AuditEvent.objects.get(event="panel_key.issued")
    assert (event.actor_name, event.via) == ("bob@example.com", "command")
    assert text not in event.canonical


def test_again_it_is_another_one(bob, account):
    assert issue() != issue()
    assert set(PanelKey.objects.values_list("name", flat=True)) == {
        "command line", "command line 2",
    }  # fmt: skip


def test_it_takes_name_and_days(bob, account):
    issue(user="BOB@example.com", name="ci", days=7, account="acme")
    key = PanelKey.objects.get()
    assert (key.name, (key.expires_at - key.created_at).days) == ("ci", 7)


def test_it_is_for_the_servers_that_they_are_there_for(alice, bob, account):
    membership = Membership.objects.filter(user=bob.user)
    membership.update(reach_kind="labels", reach_labels=["env:prod"])
    issue()
    assert PanelKey.objects.get().reach == with_labels("env:prod")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"team": "nobodys"}, "no team “nobodys”"),
        ({"user": "charlie@example.com"}, "not in the team"),
        ({"user": "x\u202e"}, "not in the team"),
        ({"account": "other"}, "only “Acme”"),
        ({"days": 0}, "1 to 365"),
        ({"days": 366}, "1 to 365"),
    ],
)
def test_it_says_why_not(bob, charlie, account, given, words):
    with pytest.raises(CommandError, match=words):
        issue(**given)
    assert not PanelKey.objects.exists()


def test_which_account_has_to_be_said_where_there_are_more(bob, account, sandbox):
    second = Account.objects.create(team=bob.team, name="Second", origin=sandbox.url)
    with pytest.raises(CommandError, match="--account: “Acme”, “Second”"):
        issue()
    issue(account="second")
    issue(account=str(second.id))
    assert {key.account for key in PanelKey.objects.all()} == {second}


def test_there_has_to_be_one(bob, account):
    Account.objects.all().delete()
    with pytest.raises(CommandError, match="connect one first"):
        issue()


def test_not_for_somebody_suspended(bob, account):
    Membership.objects.filter(user=bob.user).update(suspended_at="2026-01-01T00:00Z")
    with pytest.raises(CommandError, match="suspended"):
        issue()


def test_not_without_the_second_step_that_is_asked_for(bob, account):
    TeamPolicy.objects.create(team=bob.team, mfa_from="2020-01-01")
    with pytest.raises(CommandError, match="second step"):
        issue()


def test_not_without_a_record(bob, account, audit_broken):
    with pytest.raises(CommandError, match="nothing was done"):
        issue()
    assert not PanelKey.objects.exists()
