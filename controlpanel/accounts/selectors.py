from collections import Counter
from collections.abc import Mapping
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404

from controlpanel.accounts.models import Account, Membership, Team, User
from controlpanel.lib.scope import Scope


def teams_of(user: User) -> QuerySet[Team]:
    mine = Membership.objects.filter(user=user, suspended_at=None)
    return Team.objects.filter(memberships__in=mine).order_by("name")


def members(scope: Scope) -> QuerySet[Membership]:
    return (
        Membership.objects.filter(team_id=scope.team_id)
        .select_related("user")
        .order_by("user__email")
    )


def member(scope: Scope, user_id: UUID) -> Membership:
    """Raises Http404 for somebody who is not in the team."""
    found = members(scope).filter(user_id=user_id).first()
    if found is None:
        raise Http404
    return found


def with_second_factor(scope: Scope) -> frozenset[UUID]:
    """Members who sign in with a passkey, or with an app's code."""
    types = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    found = Authenticator.objects.filter(type__in=types, user__memberships__team_id=scope.team_id)
    return frozenset(found.values_list("user_id", flat=True))


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


def identity_keys() -> Mapping[str, int]:
    """Ids of the keys that made the accounts' identities, with how many each."""
    known = Account.objects.exclude(identity="").values_list("identity", flat=True)
    return Counter(identity.split(":")[0] for identity in known)
