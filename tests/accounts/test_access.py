import pytest
from django.http import Http404
from django.test import RequestFactory

from controlpanel.accounts import access
from controlpanel.accounts.access import Denied
from controlpanel.audit.models import AuditEvent


def asked(person):
    request = RequestFactory().get("/somewhere/", HTTP_USER_AGENT="Test", REMOTE_ADDR="192.0.2.7")
    request.user = person.user
    return request


def test_it_gives_a_scope_with_the_roles_rights(bob, team):
    scope = access.scope_for(asked(bob), "acme", "servers.reboot")
    assert (scope.team_id, scope.actor.name, scope.actor.role) == (
        team.id,
        "bob@example.com",
        "operator",
    )
    assert scope.allows("servers.reboot")
    assert not scope.allows("servers.delete")
    assert scope.origin.address == "192.0.2.7"


def test_a_member_without_the_right_is_denied_once_on_record(vera, team):
    with pytest.raises(Denied):
        access.scope_for(asked(vera), "acme", "servers.reboot")
    (event,) = AuditEvent.objects.filter(event="authz_fail")
    assert (event.chain, event.result, event.actor_name) == (
        team.chain,
        "denied",
        "vera@example.com",
    )
    assert event.data["permission"] == "servers.reboot"


@pytest.mark.parametrize("slug", ["acme", "no-such-team"])
def test_an_outsider_and_an_absent_team_are_the_same(charlie, team, slug):
    with pytest.raises(Http404) as refusal:
        access.scope_for(asked(charlie), slug, "servers.view")
    assert str(refusal.value) == ""
    (event,) = AuditEvent.objects.all()
    assert (event.chain, event.event) == ("panel", "authz_fail")


def test_a_removed_member_is_an_outsider_on_the_next_request(bob, team):
    access.scope_for(asked(bob), "acme", "servers.view")
    bob.user.memberships.all().delete()
    with pytest.raises(Http404):
        access.scope_for(asked(bob), "acme", "servers.view")


def test_a_demoted_member_has_less_on_the_next_request(bob, team):
    bob.user.memberships.update(role="viewer")
    with pytest.raises(Denied):
        access.scope_for(asked(bob), "acme", "servers.stop")


def test_at_work_an_inactive_person_has_no_right(bob, team):
    assert access.scope_at_work(bob.user.id, team.id, "servers.reboot")
    bob.user.is_active = False
    bob.user.save(update_fields=["is_active"])
    assert access.scope_at_work(bob.user.id, team.id, "servers.reboot") is None


def test_it_names_who_can_help(vera, bob, adam, alice, charlie):
    scope = access.scope_for(asked(vera), "acme", "servers.view")
    assert [user.email for user in access.who_can(scope, "servers.delete")] == [
        "alice@example.com",
        "adam@example.com",
    ]


def test_a_worker_may_change_nothing(team):
    scope = access.worker_scope(team)
    assert scope.permissions == {"servers.view"}
