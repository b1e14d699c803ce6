"""Rows that differ from the audit log: who and what they are about holds no rights meanwhile."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command

from controlpanel.accounts import access, roles_lookup
from controlpanel.accounts.models import Membership, User
from controlpanel.accounts.teams import team_policies, teams
from controlpanel.audit.models import AuditEvent, TableDifference
from controlpanel.audit.tables import differences
from controlpanel.credentials.panel_keys import authentication
from controlpanel.credentials.panel_keys import services as panel_key_services
from controlpanel.credentials.tokens.selectors import changeable
from controlpanel.lib.scope import EVERYTHING
from tests.audit.table_edits import Panel, key, member, update
from tests.people import PASSWORD, Person

pytestmark = [pytest.mark.databases, pytest.mark.django_db]


@pytest.fixture
def panel(db: None) -> Panel:
    return Panel()


def person(panel: Panel, member: Membership) -> Person:
    return Person(member.user, panel.team)


def url(panel: Panel, page: str = "audit/differences/") -> str:
    return f"/teams/{panel.team.slug}/{page}"


def choices(panel: Panel) -> list[str]:
    return [f"{one.table} {one.key} {one.found}" for one in differences.of_chain(panel.chain)]


def make_owner(panel: Panel) -> None:
    member(panel, "role = 'owner'")
    differences.check_all()


def test_who_differs_holds_no_rights_and_is_told_what_to_do(panel: Panel) -> None:
    eve = person(panel, panel.eve)
    assert eve.get(url(panel, "servers/")).status_code == 200
    make_owner(panel)
    answer = eve.get(url(panel, "servers/"))
    assert answer.status_code == 403
    assert "is not as the audit log says" in answer.text
    assert "confirm_tables" in answer.text
    assert access.scope_at_work(eve.user.id, panel.team.id, "servers.view") is None
    assert access.command_scope_for(panel.eve).permissions == frozenset()


def test_the_panel_stays_open_for_everybody_else(panel: Panel) -> None:
    make_owner(panel)
    answer = person(panel, panel.bob).get(url(panel, "servers/"))
    assert answer.status_code == 200
    assert "Rows differ from the audit log." in answer.text
    other = teams.found_team("Globex", User.objects.create_user("c@example.com", name="C"))
    elsewhere = Person(other.user, other.team).get("/teams/globex/servers/")
    assert "Rows differ" not in elsewhere.text


def test_an_owner_confirms_with_a_reason_on_record(panel: Panel) -> None:
    make_owner(panel)
    alice = person(panel, panel.owner)
    page = alice.get(url(panel))
    assert "The membership of eve@example.com is not as event #" in page.text
    sent = {"row": choices(panel), "reason": "Restored by hand."}
    assert alice.post(url(panel), sent).status_code == 303
    event = AuditEvent.objects.get(chain=panel.chain, event="tables.confirmed")
    assert event.reason == "Restored by hand."
    assert event.actor_id == str(panel.owner.user_id)
    assert differences.check_all() == []
    assert person(panel, panel.eve).get(url(panel, "servers/")).status_code == 200


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"reason": "x"}, "Choose at least one row"),
        ({"row": "ours", "reason": ""}, "Say what you found out"),
        ({"row": "ours", "reason": "   "}, "Say what you found out"),
        ({"row": "membership 1 2", "reason": "x"}, "Something has changed meanwhile"),
        ({"row": "", "reason": "x"}, "Something has changed meanwhile"),
    ],
)
def test_what_cannot_be_confirmed_is_said(panel: Panel, sent: dict[str, Any], words: str) -> None:
    make_owner(panel)
    if sent.get("row") == "ours":
        sent = {**sent, "row": choices(panel)}
    answer = person(panel, panel.owner).post(url(panel), sent)
    assert answer.status_code == 409
    assert words in answer.text
    assert TableDifference.objects.exists()


def test_a_row_that_changed_again_is_not_confirmed(panel: Panel) -> None:
    make_owner(panel)
    sent = {"row": choices(panel), "reason": "x"}
    member(panel, "role = 'admin'")
    assert person(panel, panel.owner).post(url(panel), sent).status_code == 409


def test_who_differs_confirms_nothing(panel: Panel) -> None:
    make_owner(panel)
    sent = {"row": choices(panel), "reason": "x"}
    assert person(panel, panel.eve).post(url(panel), sent).status_code == 403


def test_nobody_confirms_their_own_membership(panel: Panel) -> None:
    """In the minute before anybody has verified."""
    member(panel, "role = 'owner'")
    sent = {"row": choices(panel), "reason": "x"}
    answer = person(panel, panel.eve).post(url(panel), sent)
    assert answer.status_code == 409
    assert "Nobody confirms their own" in answer.text


def test_only_an_owner_confirms(panel: Panel) -> None:
    make_owner(panel)
    command = access.command_scope(panel.team, frozenset())
    user = User.objects.create_user("adam@example.com", PASSWORD, name="Adam")
    adam = person(panel, teams.add_member(command, panel.team, user, "admin"))
    sent = {"row": choices(panel), "reason": "x"}
    answer = adam.post(url(panel), sent)
    assert answer.status_code in (403, 409)
    assert TableDifference.objects.exists()


def test_a_stale_sign_in_is_asked_again(panel: Panel) -> None:
    make_owner(panel)
    alice = person(panel, panel.owner)
    panel.owner.user.set_password(PASSWORD)
    panel.owner.user.save()
    alice.signed_in_ago(hours=3)
    assert "reauthenticate" in alice.post(url(panel), {"row": choices(panel)})["Location"]


def test_a_key_that_differs_is_refused(panel: Panel) -> None:
    issued = _issued(panel, "deploy")
    origin = panel.scope().origin
    assert authentication.enter(issued.text.reveal(), origin).scope.permissions
    update("credentials_panelkey", "permissions = '[\"servers.delete\"]'", "name = %s", "deploy")
    differences.check_all()
    with pytest.raises(authentication.KeyNotAccepted) as refused:
        authentication.enter(issued.text.reveal(), origin)
    assert refused.value.why == "differs"
    assert authentication.at_work(issued.key.id, "servers.view") is None


def test_the_keys_of_a_creator_who_differs_are_refused(panel: Panel) -> None:
    issued = _issued(panel, "deploy")
    update("accounts_membership", "role = 'admin'", "id = %s", panel.owner.id)
    differences.check_all()
    with pytest.raises(authentication.KeyNotAccepted):
        authentication.enter(issued.text.reveal(), panel.scope().origin)


def _issued(panel: Panel, name: str) -> panel_key_services.Issued:
    return panel_key_services.issue(
        panel.scope(),
        panel.account,
        name=name,
        permissions=frozenset({"servers.view"}),
        reach=EVERYTHING,
        addresses=(),
        days=30,
    )


def test_a_role_that_differs_gives_no_rights(panel: Panel) -> None:
    update("accounts_membership", "role = %s", "id = %s", panel.role.slug, panel.bob.id)
    assert access.command_scope_for(panel.bob.__class__.objects.get(id=panel.bob.id)).permissions
    update("accounts_membership", "role = 'operator'", "id = %s", panel.bob.id)
    update(
        "accounts_teamrole", "permissions = '[\"members.manage\"]'", "slug = %s", panel.role.slug
    )
    differences.check_all()
    found = roles_lookup.find(panel.team.id, panel.role.slug)
    assert found
    assert found.permissions == frozenset()


def test_policies_that_differ_lend_no_token(panel: Panel) -> None:
    update("accounts_teampolicy", "service_tokens = %s", "1 = 1", True)
    differences.check_all()
    assert changeable(panel.team.id, panel.bob.user_id) == frozenset()


def test_what_differs_is_not_changed_in_part(panel: Panel) -> None:
    """Which would vouch for the rest: at once, before anybody verifies."""
    update("accounts_teampolicy", "service_tokens = %s", "1 = 1", True)
    with pytest.raises(team_policies.PolicyRefused):
        team_policies.change(panel.scope(), idle_minutes=30)
    member(panel, "role = 'admin'")
    alice = person(panel, panel.owner)
    alice.post(url(panel, f"members/{panel.eve.user_id}/suspend/"))
    assert Membership.objects.get(id=panel.eve.id).suspended_at is None
    key(panel, "reach_kind = 'all'")
    with pytest.raises(panel_key_services.PanelKeyRefused):
        panel_key_services.rotate(panel.scope(), panel.key, overlap=panel.key.expires_at.resolution)


def test_a_command_lists_and_confirms(panel: Panel, capsys: Any) -> None:
    make_owner(panel)
    call_command("confirm_tables", team=panel.team.slug)
    said = capsys.readouterr().out
    assert "The membership of eve@example.com" in said
    assert "Nothing was confirmed" in said
    assert TableDifference.objects.exists()
    call_command("confirm_tables", team=panel.team.slug, reason="A restore.")
    event = AuditEvent.objects.get(chain=panel.chain, event="tables.confirmed")
    assert event.actor_kind == "command"
    call_command("confirm_tables", team=panel.team.slug, reason="A restore.")
    assert "nothing was done" in capsys.readouterr().out
    with pytest.raises(CommandError):
        call_command("confirm_tables", team="none")


def test_the_door_asks_no_query_more(panel: Panel, django_assert_max_num_queries: Any) -> None:
    membership = access._membership(panel.eve.user, panel.team.slug, "servers.view")
    assert membership
    with django_assert_max_num_queries(0):
        scope = access._scope(membership, panel.scope().origin)
    assert scope.permissions
