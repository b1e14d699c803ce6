from datetime import date, timedelta
from uuid import uuid4

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import AnonymousUser
from django.http import Http404
from django.test import RequestFactory

from controlpanel.accounts import access
from controlpanel.accounts.access import Denied
from controlpanel.accounts.models import Membership, TeamPolicy, TeamRole
from controlpanel.accounts.signin.session_policy import SecondStepMissing, SessionOver
from controlpanel.audit.models import AuditEvent
from controlpanel.lib import clock, request_id
from controlpanel.lib.scope import EVERYTHING, Actor, Origin, Scope
from tests.people import join, with_labels


def named(target):
    return (target["kind"], target["id"], target["name"])


def asked(person):
    request = RequestFactory().get("/somewhere/", HTTP_USER_AGENT="Test", REMOTE_ADDR="192.0.2.7")
    request.user, request.session = person.user, person.session
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


def test_the_teams_policy_is_read_with_it_for_the_page(bob, team):
    request = asked(bob)
    access.scope_for(request, "acme", "servers.view")
    assert request.team_policy == TeamPolicy(team=team)
    assert request.team_policy._state.adding
    kept = TeamPolicy.objects.create(team=team, service_tokens=True)
    access.scope_for(request, "acme", "servers.view")
    assert (request.team_policy, request.team_policy.service_tokens) == (kept, True)


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


@pytest.mark.parametrize(
    ("in_days", "has_one", "may"), [(0, False, 0), (1, False, 1), (0, True, 1)]
)
def test_at_work_a_person_needs_the_second_step_that_the_team_asks_for(
    bob, team, in_days, has_one, may
):
    day = clock.now().date() + timedelta(days=in_days)
    TeamPolicy.objects.create(team=team, mfa_from=day)
    if has_one:
        Authenticator.objects.create(user=bob.user, type=Authenticator.Type.TOTP, data={})
    assert bool(access.scope_at_work(bob.user.id, team.id, "servers.reboot")) == bool(may)


def test_it_says_why_a_keys_creator_can_do_nothing(team):
    team.closed_at = clock.now()
    with pytest.raises(access.NotAtWork, match="team_closed"):
        access.scope_of_key(
            None,
            team,
            Origin(via="gateway"),
            key_id=uuid4(),
            permissions=frozenset(),
            reach=EVERYTHING,
        )


def test_it_names_who_can_help(vera, bob, adam, alice, charlie):
    scope = access.scope_for(asked(vera), "acme", "servers.view")
    assert [user.email for user in access.who_can(scope, "servers.delete")] == [
        "alice@example.com",
        "adam@example.com",
    ]


def test_a_worker_may_change_nothing(team):
    scope = access.worker_scope(team)
    assert scope.permissions == {"servers.view"}


@pytest.fixture
def at_noon(monkeypatch):
    """A moment that stands still until `clock.shift`."""
    noon = clock.now().replace(hour=12, minute=0, second=0, microsecond=0)
    monkeypatch.setattr(clock, "now", lambda: noon + clock._offset)
    return noon


@pytest.fixture
def numbered():
    with request_id.bound("request-0001") as number:
        yield number


def own_role(team, *permissions):
    return TeamRole.objects.create(
        team=team, slug="keeper", name="Keeper", permissions=list(permissions)
    )


def emails(people):
    return [user.email for user in people]


def test_a_scope_says_who_asks_from_where_and_for_what(team, numbered):
    pat = join(team, "pat", "viewer", with_labels("env:prod"))
    assert access.scope_for(asked(pat), "acme", "servers.view") == Scope(
        actor=Actor("user", str(pat.user.id), "pat@example.com", "viewer"),
        origin=Origin("page", "192.0.2.7", "Test", numbered),
        team_id=team.id,
        team_slug="acme",
        team_name="Acme",
        permissions=frozenset({"servers.view", "members.view", "keys.own"}),
        user_id=pat.user.id,
        reach=with_labels("env:prod"),
    )


def test_what_every_member_may_needs_no_right(bob, team):
    bob.user.memberships.update(role="no-such-role")
    scope = access.scope_for(asked(bob), "acme", access.MEMBER)
    assert scope.permissions == frozenset()
    with pytest.raises(Denied):
        access.scope_for(asked(bob), "acme", "servers.view")


def test_nobody_signed_in_is_a_mistake_of_the_page(nobody, team):
    request = RequestFactory().get("/")
    request.user, request.session = AnonymousUser(), nobody.session
    with pytest.raises(AssertionError, match=r"^scope_for is asked for signed-in people only$"):
        access.scope_for(request, "acme", "servers.view")


def test_a_denied_person_is_told_the_right(vera, team):
    with pytest.raises(Denied) as refusal:
        access.scope_for(asked(vera), "acme", "servers.stop")
    assert str(refusal.value) == refusal.value.permission == "servers.stop"
    assert refusal.value.scope.user_id == vera.user.id


def test_the_record_of_a_denial_says_where_and_what_for(vera, team, numbered):
    request = asked(vera)
    request.path = "/" + "a" * 400
    with pytest.raises(Denied):
        access.scope_for(request, "acme", "servers.stop")
    content = AuditEvent.objects.get(event="authz_fail").content
    assert named(content["target"]) == ("team", str(team.id), "Acme")
    assert content["actor"]["id"] == str(vera.user.id)
    assert content["origin"]["request_id"] == numbered
    assert content["data"] == {"permission": "servers.stop", "path": "/" + "a" * 298 + "…"}


def test_a_second_right_is_asked_for_by_its_own_path(vera, team):
    scope = access.scope_for(asked(vera), "acme", "servers.view")
    access.require(scope, "members.view", "/one/")
    with pytest.raises(Denied):
        access.require(scope, "team.manage", "/other/")
    assert AuditEvent.objects.get(event="authz_fail").data == {
        "permission": "team.manage",
        "path": "/other/",
    }


def test_the_record_of_an_outsider_names_the_person_and_no_team(charlie, team):
    with pytest.raises(Http404):
        access.scope_for(asked(charlie), "b" * 80, "servers.view")
    content = AuditEvent.objects.get().content
    assert content["actor"] == {
        "kind": "user",
        "id": str(charlie.user.id),
        "name": "charlie@example.com",
        "role": "",
    }
    assert named(content["target"]) == ("team", "", "b" * 59 + "…")
    assert content["origin"]["address"] == "192.0.2.7"
    assert content["data"] == {"permission": "", "path": ""}
    assert content["result"] == "denied"


@pytest.mark.parametrize("ended", ["suspended", "closed", "moved"])
def test_a_membership_that_ended_opens_no_door(bob, team, other_team, ended):
    scope = bob.scope()
    if ended == "suspended":
        bob.user.memberships.update(suspended_at=clock.now())
    elif ended == "closed":
        team.closed_at = clock.now()
        team.save()
    else:
        bob.user.memberships.update(team=other_team)
    with pytest.raises(Http404):
        access.scope_for(asked(bob), "acme", "servers.view")
    assert access.scope_at_work(bob.user.id, team.id, "servers.view") is None
    now = access.as_now(scope)
    assert (now.permissions, now.actor) == (
        frozenset(),
        Actor("user", str(bob.user.id), "bob@example.com", ""),
    )
    assert now.origin == scope.origin


def test_at_work_it_is_the_worker_who_calls_in_the_persons_name(bob, team, numbered):
    scope = access.scope_at_work(bob.user.id, team.id, "servers.stop")
    assert scope is not None
    assert scope.origin == Origin("worker", request_id=numbered)
    assert (scope.actor.kind, scope.actor.name) == ("user", "bob@example.com")
    assert access.scope_at_work(bob.user.id, team.id, "servers.delete") is None
    assert access.scope_at_work(None, team.id, "servers.view") is None


def test_as_now_follows_the_role_and_keeps_the_origin(bob, team):
    scope = access.scope_for(asked(bob), "acme", "servers.view")
    bob.user.memberships.update(role="viewer")
    now = access.as_now(scope)
    assert (now.actor.role, now.allows("servers.stop")) == ("viewer", False)
    assert now.origin == scope.origin
    worker = access.worker_scope(team)
    assert access.as_now(worker) is worker


def test_the_door_reads_all_of_a_membership_at_once(bob, team, django_assert_num_queries):
    request = asked(bob)
    list(request.session.keys())
    with django_assert_num_queries(1):
        access.scope_for(request, "acme", "servers.view")
    with django_assert_num_queries(1):
        access.scope_at_work(bob.user.id, team.id, "servers.view")


def test_the_teams_policy_holds_at_the_door(bob, team):
    TeamPolicy.objects.create(team=team, mfa_from=date(2020, 1, 1))
    with pytest.raises(SecondStepMissing):
        access.scope_for(asked(bob), "acme", "servers.view")
    assert access.scope_for(asked(bob), "acme", "servers.view", second_step=False)


def test_the_page_learns_of_the_day_that_comes(bob, team):
    day = clock.now().date() + timedelta(days=9)
    TeamPolicy.objects.create(team=team, mfa_from=day)
    request = asked(bob)
    assert access.scope_for(request, "acme", "servers.view")
    assert request.second_step_from == day


def test_a_sign_in_that_is_too_old_for_the_team_ends_on_record(bob, team):
    TeamPolicy.objects.create(team=team, session_hours=1)
    bob.signed_in_ago(hours=2)
    with pytest.raises(SessionOver):
        access.scope_for(asked(bob), "acme", "servers.view")
    event = AuditEvent.objects.get()
    assert (event.chain, event.event) == (str(team.id), "session.expired")
    assert event.actor_name == "bob@example.com"


@pytest.mark.parametrize("made", ["worker", "command"])
def test_a_scope_of_no_person_says_so(team, numbered, made):
    if made == "worker":
        scope, name, rights = access.worker_scope(team), "worker", {"servers.view"}
    else:
        rights = {"members.manage"}
        scope, name = access.command_scope(team, frozenset(rights)), "command line"
    assert scope == Scope(
        actor=Actor(made, made, name),
        origin=Origin(made, request_id=numbered),
        team_id=team.id,
        team_slug="acme",
        team_name="Acme",
        permissions=frozenset(rights),
    )


def test_a_command_in_a_members_name_has_that_members_rights(bob, numbered):
    scope = access.command_scope_for(bob.membership)
    assert scope.origin == Origin("command", request_id=numbered)
    assert (scope.user_id, scope.actor.role) == (bob.user.id, "operator")
    assert scope.allows("servers.stop")


def test_another_members_rights_are_shown_from_where_the_reader_is(alice, bob):
    scope = access.scope_for(asked(alice), "acme", "members.view")
    theirs = access.of_member(scope, bob.membership)
    assert (theirs.user_id, theirs.actor.role) == (bob.user.id, "operator")
    assert theirs.origin == scope.origin


def test_a_member_of_another_team_is_not_shown(alice, charlie):
    with pytest.raises(AssertionError):
        access.of_member(alice.scope(), charlie.membership)


def test_only_who_is_active_in_this_team_can_help(team, alice, adam, bob, charlie):
    own_role(team, "servers.delete")
    join(team, "kim", "keeper")
    join(team, "abe", "admin")
    scope = bob.scope()
    assert emails(access.who_can(scope, "servers.delete")) == [
        "alice@example.com",
        "abe@example.com",
        "adam@example.com",
        "kim@example.com",
    ]
    adam.user.memberships.update(suspended_at=clock.now())
    alice.user.is_active = False
    alice.user.save()
    Membership.objects.filter(user__email="abe@example.com").update(role="no-such-role")
    assert emails(access.who_can(scope, "servers.delete")) == ["kim@example.com"]


def test_it_names_the_helpers_without_asking_for_each(
    alice, adam, bob, vera, django_assert_num_queries
):
    scope = vera.scope()
    with django_assert_num_queries(1):
        assert len(access.who_can(scope, "servers.view")) == 4


def test_only_a_manager_who_has_a_right_grants_it(team, alice, adam, bob):
    granted = access.who_grants(bob.scope(), ["servers.stop", "team.manage"])
    assert {permission: emails(people) for permission, people in granted.items()} == {
        "servers.stop": ["alice@example.com", "adam@example.com"],
        "team.manage": ["alice@example.com"],
    }


def seen(person, *, since=None):
    """When the member was active last, after a look at a page; `since`: when before that."""
    if since is not None:
        person.user.memberships.update(last_active_at=since)
    access.scope_for(asked(person), "acme", "servers.view")
    return person.membership.last_active_at


def test_activity_is_noted_at_most_once_a_minute(bob, vera, at_noon, django_assert_num_queries):
    vera.user.memberships.update(last_active_at=None)
    minute = timedelta(minutes=1)
    almost = at_noon - minute + timedelta(seconds=1)
    assert seen(bob, since=at_noon - minute) == at_noon
    assert seen(bob, since=almost) == almost
    assert vera.membership.last_active_at is None
    assert seen(vera) == at_noon


def test_of_two_requests_at_once_one_notes_the_activity(bob, at_noon):
    first, second = bob.membership, bob.membership
    first.last_active_at = second.last_active_at = at_noon - timedelta(hours=1)
    first.save()
    access._note_activity(first)
    clock.shift(timedelta(seconds=5))
    access._note_activity(second)
    assert bob.membership.last_active_at == at_noon


def test_at_work_nobody_has_another_members_rights(team, alice, vera, charlie):
    assert access.scope_at_work(vera.user.id, team.id, "servers.stop") is None
    scope = access.scope_at_work(alice.user.id, team.id, "servers.stop")
    assert scope is not None
    assert scope.user_id == alice.user.id
    assert access.scope_at_work(charlie.user.id, team.id, "servers.view") is None


def test_a_role_of_the_teams_own_gives_its_rights(team):
    own_role(team, "servers.view", "servers.stop")
    kim = join(team, "kim", "keeper")
    scope = access.scope_for(asked(kim), "acme", "servers.stop")
    assert scope.permissions == frozenset({"servers.view", "servers.stop"})
