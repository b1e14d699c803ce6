"""Rows beside the log: with SQL anybody makes themselves an owner, and verification says so."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError

from controlpanel.accounts import access, provider_accounts
from controlpanel.accounts.models import Account, Membership, Team, TeamRole
from controlpanel.accounts.teams import (
    invitations,
    members,
    ownership_transfer,
    team_policies,
    teams,
)
from controlpanel.accounts.teams import roles as team_roles
from controlpanel.audit.models import AuditEvent, TableDifference
from controlpanel.audit.review import settings as review_settings
from controlpanel.audit.tables import baseline, differences, projections
from controlpanel.credentials.panel_keys import authentication
from controlpanel.credentials.panel_keys import services as panel_key_services
from controlpanel.lib.scope import EVERYTHING
from controlpanel.operations.leaving import disconnecting, offboarding
from controlpanel.sandbox.server import Sandbox
from controlpanel.servers import identity, locks
from controlpanel.servers.models import Server
from tests.audit.table_edits import (
    ALL,
    EDITS,
    Panel,
    key,
    member,
    new_user,
    raw,
    update,
)
from tests.audit.writing import change

pytestmark = [pytest.mark.databases, pytest.mark.django_db]


@pytest.fixture
def panel(db: None) -> Panel:
    made = Panel()
    made.sign_off()
    return made


def verified() -> tuple[int, str]:
    out, err = StringIO(), StringIO()
    try:
        call_command("verify_audit", stdout=out, stderr=err)
    except SystemExit as ended:
        return int(str(ended.code)), err.getvalue()
    return 0, out.getvalue() + err.getvalue()


def test_an_untouched_panel_passes(panel: Panel) -> None:
    code, said = verified()
    assert code == 0, said
    assert "The rows beside it are as it says" in said


@pytest.mark.parametrize("edit", list(EDITS))
def test_every_edit_is_named(panel: Panel, edit: str) -> None:
    make, words = EDITS[edit]
    make(panel)
    code, said = verified()
    assert code == 1, said
    assert words in said.replace(": The ", ": the ")
    assert f"Team {panel.chain}: " in said


def test_several_edits_are_all_named_and_nothing_is_put_back(panel: Panel) -> None:
    member(panel, "role = 'owner'")
    change("DELETE FROM servers_serverlock")
    key(panel, "reach_kind = 'all'")
    said = verified()[1]
    assert said.count(f"Team {panel.chain}: ") == 3
    assert Membership.objects.get(id=panel.eve.id).role == "owner"


def test_what_was_found_is_told_once_and_goes_when_it_is_put_back(panel: Panel) -> None:
    member(panel, "role = 'owner'")
    differences.check_all()
    differences.check_all()
    told = AuditEvent.objects.filter(chain=panel.chain, event="tables.differ")
    assert told.count() == 1
    assert "membership of eve@example.com" in told.get().data["what"][0]
    assert TableDifference.objects.get().subject == panel.eve.user_id
    member(panel, "role = 'viewer'")
    assert differences.check_all() == []
    assert not TableDifference.objects.exists()


def test_what_cannot_be_kept_is_named_all_the_same(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_one: object) -> None:
        raise DatabaseError("disk full")

    member(panel, "role = 'owner'")
    monkeypatch.setattr(differences, "_keep", full)
    code, said = verified()
    assert code == 1
    assert "membership of eve@example.com" in said


def test_the_demos_panel_passes(db: None, sandbox: Sandbox) -> None:
    call_command("demo")
    for team in Team.objects.all():
        assert projections.is_whole(team.chain)
    code, said = verified()
    assert code == 0, said


CHANGES: dict[str, Callable[[Panel], object]] = {
    "member": lambda p: members.change(p.scope(), p.eve, "admin", EVERYTHING),
    "suspended": lambda p: members.suspend(p.scope(), p.eve),
    "restored": lambda p: _restored(p),
    "removed": lambda p: members.remove(p.scope(), p.eve),
    "left": lambda p: members.remove(p.scope(p.eve), p.eve),
    "role": lambda p: team_roles.change(p.scope(), p.role, "Lookers", ALL[:2]),
    "role removed": lambda p: team_roles.remove(p.scope(), p.role),
    "policy": lambda p: team_policies.change(
        p.scope(), reason_labels=["env:prod"], idle_minutes=30
    ),
    "invited again": lambda p: invitations.resend(p.scope(), p.invitation),
    "invitation revoked": lambda p: invitations.revoke(p.scope(), p.invitation),
    "invitation accepted": lambda p: invitations.accept(
        p.token.reveal(), new_user("carol"), p.scope().origin
    ),
    "offer withdrawn": lambda p: ownership_transfer.withdraw(p.scope(), _offer(p)),
    "offer declined": lambda p: ownership_transfer.withdraw(p.scope(p.bob), _offer(p)),
    "ownership": lambda p: ownership_transfer.accept(p.scope(p.bob), _offer(p)),
    "key rotated": lambda p: panel_key_services.rotate(
        p.scope(), p.key, overlap=timedelta(hours=1)
    ),
    "key revoked": lambda p: panel_key_services.revoke(p.scope(), p.key),
    "lock": lambda p: locks.lock(p.scope(), p.spare, "changes", "Do not touch."),
    "stronger lock": lambda p: locks.lock(p.scope(), p.server, "changes", "Do not touch."),
    "unlocked": lambda p: locks.release(p.scope(), p.server, "Done."),
    "let go": lambda p: offboarding.let_go(p.scope(), p.bob, {}),
    "let go who invited": lambda p: _let_go_the_owner(p),
    "rules of the review": lambda p: review_settings.change(p.scope(), set(), in_a_row=7),
    "disconnected": lambda p: disconnecting.disconnect(p.scope(), p.account),
    "connected again": lambda p: _connected_again(p),
    "closed": lambda p: disconnecting.close(p.scope()),
    "key used": lambda p: authentication.note_use(p.key, "192.0.2.7"),
}


def _restored(panel: Panel) -> None:
    members.suspend(panel.scope(), panel.eve)
    members.restore(panel.scope(), panel.eve)


def _let_go_the_owner(panel: Panel) -> None:
    ownership_transfer.accept(panel.scope(panel.bob), _offer(panel))
    panel.bob.refresh_from_db()
    offboarding.let_go(panel.scope(panel.bob), panel.owner, {})


def _connected_again(panel: Panel) -> None:
    """The lock waits for the server, and is given once more at its new row."""
    disconnecting.disconnect(panel.scope(), panel.account)
    account = provider_accounts.add_account(access.command_scope(panel.team, frozenset()), "again")
    server = Server.objects.create(account=account, provider_id="7", name="web-01")
    identity.take_over(account, [server])
    assert not verified()[0]
    locks.lock(panel.scope(), server, "changes", "Once more.")
    assert not verified()[0]
    locks.release(panel.scope(), server, "Done.")


def _offer(panel: Panel) -> Any:
    found = ownership_transfer.open_offer(panel.scope())
    assert found
    return found


@pytest.mark.parametrize("kind", list(CHANGES))
def test_every_change_through_the_panel_passes(panel: Panel, kind: str) -> None:
    CHANGES[kind](panel)
    code, said = verified()
    assert code == 0, said


def test_an_invitation_that_the_log_does_not_know_lets_nobody_in(panel: Panel) -> None:
    """At once, before anybody verifies."""
    update("accounts_invitation", "role = 'admin'", "accepted_at IS NULL")
    with pytest.raises(invitations.InvitationUnusable):
        invitations.accept(panel.token.reveal(), new_user("carol"), panel.scope().origin)


def test_an_offer_that_the_log_does_not_know_gives_nothing(panel: Panel) -> None:
    update("accounts_ownershipoffer", "receiver_id = %s", "1 = 1", raw(panel.eve.user_id))
    with pytest.raises(members.MemberRefused):
        ownership_transfer.accept(panel.scope(panel.eve), _offer(panel))


def test_nobody_takes_over_from_a_member_that_the_log_does_not_know(panel: Panel) -> None:
    """An owner who was demoted since, and made themselves one again."""
    scope = panel.scope(panel.bob)
    also = teams.add_member(
        access.command_scope(panel.team, frozenset()), panel.team, new_user("olga"), "owner"
    )
    members.change(panel.scope(also), panel.owner, "viewer", EVERYTHING)
    update("accounts_membership", "role = 'owner'", "id = %s", panel.owner.id)
    with pytest.raises(members.MemberRefused, match="not as the audit log says"):
        ownership_transfer.accept(scope, _offer(panel))
    assert Membership.objects.get(id=panel.bob.id).role == "operator"


@pytest.fixture
def older(db: None) -> Panel:
    """A panel from before events named rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("controlpanel.audit.log.content.rows_said", lambda _: {})
        return Panel()


def test_rows_from_before_are_taken_as_they_are_found_once(older: Panel) -> None:
    assert not projections.is_whole(older.chain)
    assert verified()[0] == 0
    baseline.take()
    baseline.take()
    events = AuditEvent.objects.filter(event="tables.baseline")
    assert sorted(events.values_list("chain", flat=True)) == sorted([older.chain, "panel"])
    assert projections.is_whole(older.chain)
    assert verified()[0] == 0
    member(older, "role = 'owner'")
    assert verified()[0] == 1


def test_a_team_that_was_founded_with_its_rows_needs_none(panel: Panel) -> None:
    baseline.take()
    assert not AuditEvent.objects.filter(chain=panel.chain, event="tables.baseline").exists()


def test_many_rows_are_named_in_several_events(
    older: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projections, "AT_ONCE", 2)
    baseline.take()
    events = AuditEvent.objects.filter(chain=older.chain, event="tables.baseline")
    assert events.count() > 2
    assert sum(event.data["rows"] for event in events) == len(projections.as_they_are(older.chain))
    assert verified()[0] == 0


@pytest.mark.parametrize(("rows", "events"), [(1, 1), (199, 1), (200, 1), (201, 2), (450, 3)])
def test_many_rows_are_confirmed_in_several_events(panel: Panel, rows: int, events: int) -> None:
    roles = [TeamRole(team=panel.team, slug=f"r{n}", name=f"R{n}") for n in range(rows)]
    TeamRole.objects.bulk_create(roles)
    found = [(one.table, one.key, one.found) for one in differences.of_chain(panel.chain)]
    assert differences.confirm(panel.scope(), found, "A restore.") == rows
    told = AuditEvent.objects.filter(chain=panel.chain, event="tables.confirmed")
    assert [len(one.content["rows"]) <= 200 for one in told] == [True] * events
    assert sum(one.data["count"] for one in told) == rows
    assert projections.compare(panel.chain) == []
    assert verified()[0] == 0


def test_another_teams_rows_are_no_concern(panel: Panel) -> None:
    other = teams.found_team("Globex", new_user("charlie"))
    update("accounts_membership", "role = 'viewer'", "id = %s", other.id)
    said = verified()[1]
    assert f"Team {other.team.chain}: " in said
    assert f"Team {panel.chain}: " not in said


def test_a_database_put_back_is_read_again(panel: Panel) -> None:
    """What this process remembers of a chain is worth nothing if the chain is another one."""
    assert projections.compare(panel.chain) == []
    projections._known[panel.chain].hash = "f" * 64
    projections._known[panel.chain].rows.clear()
    assert projections.compare(panel.chain) == []


def test_every_row_that_a_team_has_is_named_by_its_events(panel: Panel) -> None:
    tables = {one.table for one in projections.as_they_are(panel.chain)}
    assert tables == {one.table for one in projections.registered()} - {"review_rules"}
    assert Account.objects.count() == 1
    assert Team.objects.count() == 1
