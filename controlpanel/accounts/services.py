"""Founding teams, and who and what belongs to them."""

from django.conf import settings
from django.db import transaction
from django.utils.text import slugify

from controlpanel.accounts import access, colours, projections, selectors
from controlpanel.accounts.models import Account, Membership, Team, User
from controlpanel.audit.log.recorder import Target, record_by
from controlpanel.lib.scope import Scope
from controlpanel.lib.text import clean

_SLUG_LENGTH = 50
# What stands at a team's place in an address and is none.
_RESERVED = ("new",)


def found_team(name: str, owner: User) -> Membership:
    """A new team with its first owner, founded from the command line."""
    with transaction.atomic():
        team = Team.objects.create(
            slug=free_slug(name), name=clean(name, 120), colour=_colour_for(owner)
        )
        scope = access.command_scope(team, frozenset({"members.manage"}))
        said = [projections.of_team(team)]
        record_by(scope, "team.created", Target("team", str(team.id), team.name), rows=said)
        return add_member(scope, team, owner, "owner")


def add_member(scope: Scope, team: Team, user: User, role: str) -> Membership:
    with transaction.atomic():
        membership = Membership.objects.create(team=team, user=user, role=role)
        target = Target("user", str(user.id), user.email)
        record_by(
            scope, "member.added", target, rows=[projections.of_member(membership)], role=role
        )
    return membership


def add_account(scope: Scope, name: str) -> Account:
    """An account at the API address in use, before anybody has a token for it."""
    with transaction.atomic():
        account = Account.objects.create(
            team_id=scope.team_id,
            name=_free_name(scope, name),
            colour=free_colour(scope),
            origin=settings.VPSORG_API_ORIGIN,
        )
        record_by(scope, "account.connected", Target("account", str(account.id), account.name))
    return account


def free_slug(name: str) -> str:
    """“Acme Corp.” is acme-corp, the second one acme-corp-2."""
    base = slugify(name)[: _SLUG_LENGTH - 4].strip("-_") or "team"
    taken = set(Team.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    return _numbered(base, "-", {*taken, *_RESERVED})


def free_colour(scope: Scope) -> str:
    """For another account of the team."""
    return colours.next_unused(selectors.accounts(scope).values_list("colour", flat=True))


def _colour_for(owner: User) -> str:
    """For another team in this person's menu."""
    return colours.next_unused(selectors.teams_of(owner).values_list("colour", flat=True))


def _free_name(scope: Scope, name: str) -> str:
    names = selectors.accounts(scope).values_list("name", flat=True)
    return _numbered(clean(name, 110), " ", set(names))


def _numbered(base: str, joint: str, taken: set[str]) -> str:
    if base not in taken:
        return base
    number = 2
    while f"{base}{joint}{number}" in taken:
        number += 1
    return f"{base}{joint}{number}"
