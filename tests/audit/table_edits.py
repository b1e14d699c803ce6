"""A panel with one of each row that stands beside the log, and what SQL can do to them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db import connection

from controlpanel.accounts import access, provider_accounts
from controlpanel.accounts.models import Invitation, Membership, TeamRole, User
from controlpanel.accounts.teams import invitations, ownership_transfer, roles, team_policies, teams
from controlpanel.audit.models import ReviewItem
from controlpanel.audit.review import queue as review_queue
from controlpanel.audit.review import scanner
from controlpanel.credentials.models import PanelKey
from controlpanel.credentials.panel_keys import services as panel_key_services
from controlpanel.lib import clock
from controlpanel.lib.scope import EVERYTHING, Reach, Scope
from controlpanel.servers import locks
from controlpanel.servers.models import Server
from tests.audit.writing import change

ALL = ("servers.view", "members.view", "audit.view")


class Panel:
    """A team with one of everything, made the way that people make it."""

    def __init__(self) -> None:
        self.owner = teams.found_team("Acme", new_user("alice"))
        self.team = self.owner.team
        command = access.command_scope(self.team, frozenset({"members.manage"}))
        self.bob = teams.add_member(command, self.team, new_user("bob"), "operator")
        self.eve = teams.add_member(command, self.team, new_user("eve"), "viewer")
        self.account = provider_accounts.add_account(command, "main")
        self.server = Server.objects.create(
            account=self.account, provider_id="7", name="web-01", status="active"
        )
        self.spare = Server.objects.create(
            account=self.account, provider_id="8", name="web-02", status="active"
        )
        scope = self.scope()
        self.role = roles.add(scope, "Watchers", ALL)
        team_policies.change(scope, reason_kinds=["delete"], service_tokens=False)
        self.invitation, self.token = invitations.invite(
            scope, "carol@example.com", "viewer", EVERYTHING
        )
        self.key = panel_key_services.issue(
            scope,
            self.account,
            name="ci",
            permissions=frozenset({"servers.view"}),
            reach=Reach("labels", labels=frozenset({"env:prod"})),
            addresses=["192.0.2.0/24"],
            days=30,
        ).key
        locks.lock(scope, self.server, "delete", "The only database.")
        ownership_transfer.offer(scope, self.bob)
        while scanner.advance(self.chain):
            pass
        waiting = ReviewItem.objects.filter(chain=self.chain, signed_at=None).order_by("seq")
        self.signed, self.unsigned = waiting[0], waiting[1]

    @property
    def chain(self) -> str:
        return self.team.chain

    def scope(self, member: Membership | None = None) -> Scope:
        return access.command_scope_for(member or self.owner)

    def sign_off(self) -> None:
        auditor = teams.add_member(
            access.command_scope(self.team, frozenset()), self.team, new_user("audrey"), "auditor"
        )
        choice = {self.signed.seq: self.signed.last_seq}
        done = review_queue.sign_off(self.scope(auditor), choice, "It was agreed upon.")
        assert done.done == (self.signed.seq,)


def new_user(name: str) -> User:
    return User.objects.create_user(f"{name}@example.com", name=name.title())


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
    user = new_user("mallory")
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
        lambda p: member(p, "user_id = %s", raw(new_user("mallory").id)), "membership of mallory@",
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
