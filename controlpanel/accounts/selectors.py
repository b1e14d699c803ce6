from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from controlpanel.accounts.models import Account, Membership, Team, User
from controlpanel.lib.scope import Scope


def teams_of(user: User) -> QuerySet[Team]:
    return Team.objects.filter(memberships__user=user).order_by("name")


def members(scope: Scope) -> QuerySet[Membership]:
    return (
        Membership.objects.filter(team_id=scope.team_id)
        .select_related("user")
        .order_by("user__email")
    )


def accounts(scope: Scope) -> QuerySet[Account]:
    """The team's accounts, connected or not."""
    return Account.objects.filter(team_id=scope.team_id)


def connected_accounts(scope: Scope) -> QuerySet[Account]:
    return accounts(scope).filter(origin=settings.VPSORG_API_ORIGIN)


def is_connected(account: Account) -> bool:
    """False for an account filled against another API address: its mirror is not mixed in."""
    return account.origin == settings.VPSORG_API_ORIGIN


def team_by_id(team_id: UUID) -> Team:
    return Team.objects.get(id=team_id)
