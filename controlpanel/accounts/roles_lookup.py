"""The roles of a team as they are now: the five built-in ones and its own."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import QuerySet

from controlpanel.accounts import withheld
from controlpanel.accounts.models import TeamRole
from controlpanel.accounts.permissions import PERMISSIONS, ROLES, Role


def find(team_id: UUID, slug: str) -> Role | None:
    """A built-in role, or the team's own of that slug; None for what is neither."""
    if slug in ROLES:
        return ROLES[slug]
    own = _own(team_id).filter(slug=slug).first()
    return as_role(own) if own else None


def of_team(team_id: UUID) -> tuple[Role, ...]:
    """Built-in ones first, then the team's own by name."""
    own = _own(team_id).order_by("name")
    return (*ROLES.values(), *map(as_role, own))


def among(team_id: UUID, slugs: Collection[str]) -> dict[str, Role]:
    """The roles of these slugs, in the order of `of_team`."""
    roles = ROLES.values() if set(slugs) <= set(ROLES) else of_team(team_id)
    return {role.slug: role for role in roles if role.slug in slugs}


def label(team_id: UUID, slug: str) -> str:
    role = find(team_id, slug)
    return str(role.label) if role else slug


def _own(team_id: UUID) -> QuerySet[TeamRole]:
    return TeamRole.objects.filter(team_id=team_id).annotate(differs=withheld.ROLE)


def as_role(own: TeamRole) -> Role:
    """One that is not as the audit log says gives no rights."""
    rights = () if getattr(own, "differs", False) else own.permissions
    return Role(own.slug, own.name, "", frozenset(rights) & frozenset(PERMISSIONS))
