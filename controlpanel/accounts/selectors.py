from collections import Counter
from collections.abc import Mapping
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db.models import F, QuerySet
from django.http import Http404

from controlpanel.accounts import roles_lookup
from controlpanel.accounts.models import Account, Membership, Team, User
from controlpanel.accounts.signin.session_policy import SECOND_STEPS
from controlpanel.lib.scope import Scope


def teams_of(user: User) -> QuerySet[Team]:
    theirs = Team.objects.filter(memberships__user=user, memberships__suspended_at=None)
    return theirs.filter(closed_at=None).order_by("name")


def closed_teams_of(user: User) -> list[Team]:
    """Closed ones whose log this person may still read, the last closed first."""
    mine = Membership.objects.filter(user=user, suspended_at=None).exclude(team__closed_at=None)
    found = mine.select_related("team").order_by("-team__closed_at")
    return [one.team for one in found if _reads_log(one)]


def _reads_log(membership: Membership) -> bool:
    role = roles_lookup.find(membership.team_id, membership.role)
    return role is not None and "audit.view" in role.permissions


def latest_membership(user: User) -> Membership | None:
    """In the team where they last were; exact to a minute."""
    mine = Membership.objects.filter(user=user, suspended_at=None, team__closed_at=None)
    latest = F("last_active_at").desc(nulls_last=True)
    return mine.select_related("team").order_by(latest, "team__name").first()


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
    found = Authenticator.objects.filter(
        type__in=SECOND_STEPS, user__memberships__team_id=scope.team_id
    )
    return frozenset(found.values_list("user_id", flat=True))


def accounts(scope: Scope) -> QuerySet[Account]:
    """The team's accounts, those at another API address as well; without disconnected ones."""
    return Account.objects.filter(team_id=scope.team_id, disconnected_at=None)


def connected_accounts(scope: Scope) -> QuerySet[Account]:
    return accounts(scope).filter(origin=settings.VPSORG_API_ORIGIN)


def is_connected(account: Account) -> bool:
    """False for an account filled against another API address: its mirror is not mixed in."""
    return account.disconnected_at is None and account.origin == settings.VPSORG_API_ORIGIN


def identity_keys() -> Mapping[str, int]:
    """Ids of the keys that made the accounts' identities, with how many each."""
    known = Account.objects.exclude(identity="").values_list("identity", flat=True)
    return Counter(identity.split(":")[0] for identity in known)
