"""Rows beside the log: with SQL anybody makes themselves an owner, and verification says so."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection

from controlpanel.accounts import access, invitations, members, ownership, policies, roles, services
from controlpanel.accounts.models import Account, Invitation, Membership, Team, TeamRole, User
from controlpanel.audit import (
    baseline,
    differences,
    projections,
    review,
    review_queue,
    review_settings,
)
from controlpanel.audit.models import AuditEvent, ReviewItem, TableDifference
from controlpanel.credentials import key_door, panel_keys
from controlpanel.credentials.models import PanelKey
from controlpanel.lib import clock
from controlpanel.lib.scope import EVERYTHING, Reach, Scope
from controlpanel.operations import closing, offboarding
from controlpanel.sandbox.server import Sandbox
from controlpanel.servers import identity, locks
from controlpanel.servers.models import Server
from tests.audit.writing import change

pytestmark = [pytest.mark.databases, pytest.mark.django_db]

ALL = ("servers.view", "members.view", "audit.view")


class Panel:
    """A team with one of everything, made the way that people make it."""

    def __init__(self) -> None:
        self.owner = services.found_team("Acme", _user("alice"))
        self.team = self.owner.team
        command = access.command_scope(self.team, frozenset({"members.manage"}))
        self.bob = services.add_member(command, self.team, _user("bob"), "operator")
        self.eve = services.add_member(command, self.team, _user("eve"), "viewer")
        self.account = services.add_account(command, "main")
        self.server = Server.objects.create(
            account=self.account, provider_id="7", name="web-01", status="active"
        )
        self.spare = Server.objects.create(
            account=self.account, provider_id="8", name="web-02", status="active"
        )
        scope = self.scope()
        self.role = roles.add(scope, "Watchers", ALL)
        policies.change(scope, reason_kinds=["delete"], service_tokens=False)
        self.invitation, self.token = invitations.invite(
            scope, "carol@example.com", "viewer", EVERYTHING
        )
        self.key = panel_keys.issue(
            scope,
            self.account,
            name="ci",
            permissions=frozenset({"servers.view"}),
            reach=Reach("labels", labels=frozenset({"env:prod"})),
            addresses=["192.0.2.0/24"],
            days=30,
        ).key
        locks.lock(scope, self.server, "delete", "The only database.")
        ownership.offer(scope, self.bob)
        while review.advance(self.chain):
            pass
        waiting = ReviewItem.objects.filter(chain=self.chain, signed_at=None).order_by("seq")
        self.signed, self.unsigned = waiting[0], waiting[1]

    @property
    def chain(self) -> str:
        return self.team.chain

    def scope(self, member: Membership | None = None) -> Scope:
        return access.command_scope_for(member or self.owner)

    def sign_off(self) -> None:
        auditor = services.add_member(
            access.command_scope(self.team, frozenset()), self.team, _user("audrey"), "auditor"
        )
        choice = {self.signed.seq: self.signed.last_seq}
        done = review_queue.sign_off(self.scope(auditor), choice, "It was agreed upon.")
        assert done.done == (self.signed.seq,)


def _user(name: str) -> User:
    return User.objects.create_user(f"{name}@example.com", name=name.title())


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


def dated(**ago: float) -> Any:
    return connection.ops.adapt_datetimefield_value(clock.now() + timedelta(**ago))


def raw(value: Any) -> Any:
    """An id as the database keeps it."""
    return str(value) if connection.vendor == "postgresql" else value.hex


def update(table: str, assignment: str, where: str, *values: Any) -> None:
    change(f"UPDATE {table} SET {assignment} WHERE {where}", *values)  # noqa: S608


def member(panel: Panel, assignment: str, *values: Any) -> None:
    update("accounts_membership", assignment, "id = %s", *values, panel.eve.id)


def key(panel: Panel, assignment: str, *values: Any) -> None:
    update("credentials_panelkey", assignment, "id = %s", *values, raw(panel.key.id))


def insert_member(panel: Panel) -> None:
    user = _user("mallory")
    Membership(team=panel.team, user=user, role="owner").save()


def insert_key(panel: Panel) -> None:
    found = PanelKey.objects.get(id=panel.key.id)
    found.id, found.digest, found.name = uuid4(), "0" * 64, "mine"
    found.save(force_insert=True)


def insert_invitation(panel: Panel) -> None:
    found = Invitation.objects.get(id=panel.invitation.id)
    found.id, found.digest, found.email = uuid4(), "0" * 64, "mallory@example.com"
    found.role = "owner"
    found.save(force_insert=True)


Edit = Callable[[Panel], object]
EDITS: dict[str, tuple[Edit, str]] = {
    "oneself made owner": (lambda p: member(p, "role = 'owner'"), "membership of eve@"),
    "another role of the team": (
        lambda p: member(p, "role = %s", p.role.slug), "membership of eve@",
    ),
    "reach by labels": (
        lambda p: member(p, "reach_kind = 'labels', reach_labels = '[\"x\"]'"), "ship of eve@",
    ),
    "reach to one server": (
        lambda p: member(p, "reach_kind = 'servers', reach_servers = '[\"7\"]'"),
        "membership of eve@",
    ),
    "a suspended one": (lambda p: member(p, "suspended_at = %s", dated()), "membership of eve@"),
    "a membership of somebody else": (
        lambda p: member(p, "user_id = %s", raw(_user("mallory").id)), "membership of mallory@",
    ),
    "a membership more": (insert_member, "membership of mallory@"),
    "a membership less": (
        lambda p: change("DELETE FROM accounts_membership WHERE id = %s", p.bob.id), "membership",
    ),
    "the rights of a role": (
        lambda p: update(
            "accounts_teamrole", "permissions = '[\"members.manage\"]'", "slug = %s", p.role.slug
        ),
        "role Watchers",
    ),
    "the name of a role": (
        lambda p: update("accounts_teamrole", "name = 'Nobody'", "slug = %s", p.role.slug),
        "role Nobody",
    ),
    "a role more": (
        lambda p: TeamRole.objects.create(
            team=p.team, slug="mine", name="Mine", permissions=["servers.delete"]
        ),
        "role Mine",
    ),
    "a role less": (
        lambda p: change("DELETE FROM accounts_teamrole WHERE slug = %s", p.role.slug), "role",
    ),
    "service tokens allowed": (
        lambda p: update(
            "accounts_teampolicy", "service_tokens = %s", "team_id = %s", True, raw(p.team.id)
        ),
        "policies",
    ),
    "no reasons asked": (
        lambda p: update(
            "accounts_teampolicy", "reason_kinds = '[]'", "team_id = %s", raw(p.team.id)
        ),
        "policies",
    ),
    "no policies": (lambda _: change("DELETE FROM accounts_teampolicy"), "policies"),
    "a key with more rights": (
        lambda p: key(p, "permissions = '[\"servers.view\", \"servers.delete\"]'"), "key ci",
    ),
    "a key for all servers": (lambda p: key(p, "reach_kind = 'all'"), "key ci"),
    "a key from anywhere": (lambda p: key(p, "addresses = '[]'"), "key ci"),
    "a key that lasts": (lambda p: key(p, "expires_at = %s", dated(days=900)), "key ci"),
    "a key of somebody else": (lambda p: key(p, "user_id = %s", raw(p.bob.user_id)), "key ci"),
    "another key's digest": (lambda p: key(p, "digest = %s", "1" * 64), "key ci"),
    "a key less": (lambda _: change("DELETE FROM credentials_panelkey"), "panel key"),
    "a key more": (insert_key, "key mine"),
    "a lock less": (lambda _: change("DELETE FROM servers_serverlock"), "lock of"),
    "a weaker lock's words": (
        lambda _: update("servers_serverlock", "reason = 'none'", "level = 'delete'"), "lock of w",
    ),
    "a lock of another level": (
        lambda _: update("servers_serverlock", "level = 'changes'", "level = 'delete'"),
        "lock of web",
    ),
    "an invitation to more": (
        lambda _: update("accounts_invitation", "role = 'owner'", "accepted_at IS NULL"),
        "invitation of carol@",
    ),
    "an invitation of somebody else": (
        lambda _: update("accounts_invitation", "email = 'eve@x.example'", "accepted_at IS NULL"),
        "invitation of eve@",
    ),
    "an invitation more": (insert_invitation, "invitation of mallory@"),
    "an invitation that lasts": (
        lambda _: update(
            "accounts_invitation", "expires_at = %s", "accepted_at IS NULL", dated(days=99)
        ),
        "invitation of carol@",
    ),
    "an offer to somebody else": (
        lambda p: update(
            "accounts_ownershipoffer", "receiver_id = %s", "1 = 1", raw(p.eve.user_id)
        ),
        "offer of the team to eve@",
    ),
    "a closed team": (
        lambda p: update("accounts_team", "closed_at = %s", "id = %s", dated(), raw(p.team.id)),
        "the team Acme",
    ),
    "a sign-off more": (
        lambda p: update(
            "audit_reviewitem",
            "signed_at = %s, signed_by_id = 'x', signed_by_name = 'audrey'",
            "id = %s",
            dated(),
            p.unsigned.id,
        ),
        "sign-off of event",
    ),
    "a sign-off by somebody else": (
        lambda p: update("audit_reviewitem", "signed_by_id = 'x'", "id = %s", p.signed.id),
        "sign-off of event",
    ),
    "a sign-off with other words": (
        lambda p: update("audit_reviewitem", "note = 'x'", "id = %s", p.signed.id),
        "sign-off of event",
    ),
    "a sign-off taken back": (
        lambda p: update("audit_reviewitem", "signed_at = NULL", "id = %s", p.signed.id),
        "sign-off of event",
    ),
    "rules of the review": (
        lambda p: change(
            "INSERT INTO audit_reviewrules (chain, from_seq, settings) VALUES (%s, 1, '{}')",
            p.chain,
        ),
        "rules of the review",
    ),
}  # fmt: skip


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
    "role": lambda p: roles.change(p.scope(), p.role, "Lookers", ALL[:2]),
    "role removed": lambda p: roles.remove(p.scope(), p.role),
    "policy": lambda p: policies.change(p.scope(), reason_labels=["env:prod"], idle_minutes=30),
    "invited again": lambda p: invitations.resend(p.scope(), p.invitation),
    "invitation revoked": lambda p: invitations.revoke(p.scope(), p.invitation),
    "invitation accepted": lambda p: invitations.accept(
        p.token.reveal(), _user("carol"), p.scope().origin
    ),
    "offer withdrawn": lambda p: ownership.withdraw(p.scope(), _offer(p)),
    "offer declined": lambda p: ownership.withdraw(p.scope(p.bob), _offer(p)),
    "ownership": lambda p: ownership.accept(p.scope(p.bob), _offer(p)),
    "key rotated": lambda p: panel_keys.rotate(p.scope(), p.key, overlap=timedelta(hours=1)),
    "key revoked": lambda p: panel_keys.revoke(p.scope(), p.key),
    "lock": lambda p: locks.lock(p.scope(), p.spare, "changes", "Do not touch."),
    "stronger lock": lambda p: locks.lock(p.scope(), p.server, "changes", "Do not touch."),
    "unlocked": lambda p: locks.release(p.scope(), p.server, "Done."),
    "let go": lambda p: offboarding.let_go(p.scope(), p.bob, {}),
    "let go who invited": lambda p: _let_go_the_owner(p),
    "rules of the review": lambda p: review_settings.change(p.scope(), set(), in_a_row=7),
    "disconnected": lambda p: closing.disconnect(p.scope(), p.account),
    "connected again": lambda p: _connected_again(p),
    "closed": lambda p: closing.close(p.scope()),
    "key used": lambda p: key_door.note_use(p.key, "192.0.2.7"),
}


def _restored(panel: Panel) -> None:
    members.suspend(panel.scope(), panel.eve)
    members.restore(panel.scope(), panel.eve)


def _let_go_the_owner(panel: Panel) -> None:
    ownership.accept(panel.scope(panel.bob), _offer(panel))
    panel.bob.refresh_from_db()
    offboarding.let_go(panel.scope(panel.bob), panel.owner, {})


def _connected_again(panel: Panel) -> None:
    """The lock waits for the server, and is given once more at its new row."""
    closing.disconnect(panel.scope(), panel.account)
    account = services.add_account(access.command_scope(panel.team, frozenset()), "again")
    server = Server.objects.create(account=account, provider_id="7", name="web-01")
    identity.take_over(account, [server])
    assert not verified()[0]
    locks.lock(panel.scope(), server, "changes", "Once more.")
    assert not verified()[0]
    locks.release(panel.scope(), server, "Done.")


def _offer(panel: Panel) -> Any:
    found = ownership.open_offer(panel.scope())
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
        invitations.accept(panel.token.reveal(), _user("carol"), panel.scope().origin)


def test_an_offer_that_the_log_does_not_know_gives_nothing(panel: Panel) -> None:
    update("accounts_ownershipoffer", "receiver_id = %s", "1 = 1", raw(panel.eve.user_id))
    with pytest.raises(members.MemberRefused):
        ownership.accept(panel.scope(panel.eve), _offer(panel))


def test_nobody_takes_over_from_a_member_that_the_log_does_not_know(panel: Panel) -> None:
    """An owner who was demoted since, and made themselves one again."""
    scope = panel.scope(panel.bob)
    also = services.add_member(
        access.command_scope(panel.team, frozenset()), panel.team, _user("olga"), "owner"
    )
    members.change(panel.scope(also), panel.owner, "viewer", EVERYTHING)
    update("accounts_membership", "role = 'owner'", "id = %s", panel.owner.id)
    with pytest.raises(members.MemberRefused, match="not as the audit log says"):
        ownership.accept(scope, _offer(panel))
    assert Membership.objects.get(id=panel.bob.id).role == "operator"


@pytest.fixture
def older(db: None) -> Panel:
    """A panel from before events named rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("controlpanel.audit.content.rows_said", lambda _: {})
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
    other = services.found_team("Globex", _user("charlie"))
    update("accounts_membership", "role = 'viewer'", "id = %s", other.id)
    said = verified()[1]
    assert f"Team {other.team.chain}: " in said
    assert f"Team {panel.chain}: " not in said


def test_a_database_put_back_is_read_anew(panel: Panel) -> None:
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
