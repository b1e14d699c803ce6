from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from controlpanel.accounts.models import Account, Membership
from controlpanel.audit.models import TableDifference
from controlpanel.credentials.models import Credential
from controlpanel.lib.scope import Scope


def own(scope: Scope) -> QuerySet[Credential]:
    """The asking person's tokens for the team's accounts."""
    if scope.user_id is None:
        return Credential.objects.none()
    return Credential.objects.filter(
        user_id=scope.user_id, account__team_id=scope.team_id
    ).select_related("account")


def for_changes(team_id: UUID, user_id: UUID | None) -> dict[UUID, Credential]:
    """By account, the token with which this person's changes are sent.

    Their own wherever they have one, even one that VPS.org refuses. Without one the account's
    service token, where the team's policy lets it be used.
    """
    found: dict[UUID, Credential] = {}
    for credential in _usable(team_id, user_id).select_related("user"):
        if credential.user_id == user_id or credential.account_id not in found:
            found[credential.account_id] = credential
    return found


def changeable(team_id: UUID, user_id: UUID | None) -> frozenset[UUID]:
    """Ids of the accounts for which there is such a token."""
    return frozenset(_usable(team_id, user_id).values_list("account_id", flat=True))


def can_change(scope: Scope, account: Account) -> bool:
    """Whether there is a token with which this person's changes can be sent."""
    return account.id in changeable(scope.team_id, scope.user_id)


def lent(scope: Scope, account: Account) -> Credential | None:
    """The service token with which this person's changes are sent, if it is not their own."""
    credential = for_changes(scope.team_id, scope.user_id).get(account.id)
    return credential if credential and credential.user_id != scope.user_id else None


def service_tokens(scope: Scope) -> dict[UUID, Credential]:
    """The service token of each of the team's accounts that has one, by account id."""
    found = Credential.objects.filter(account__team_id=scope.team_id).exclude(service_name="")
    return {one.account_id: one for one in found.select_related("user", "account")}


def sync_tokens(scope: Scope) -> dict[UUID, Credential]:
    """The sync token of each of the team's accounts that has one, by account id."""
    found = Credential.objects.filter(account__team_id=scope.team_id, is_sync=True)
    return {credential.account_id: credential for credential in found.select_related("user")}


def of_team(scope: Scope) -> dict[UUID, list[Credential]]:
    """Everybody's tokens for the team's accounts, by person: that they are there, never what."""
    found: dict[UUID, list[Credential]] = {}
    tokens = Credential.objects.filter(account__team_id=scope.team_id).defer("sealed")
    for credential in tokens.select_related("account").order_by("account__name"):
        found.setdefault(credential.user_id, []).append(credential)
    return found


def _usable(team_id: UUID, user_id: UUID | None) -> QuerySet[Credential]:
    if user_id is None:
        return Credential.objects.none()
    lent = ~Q(service_name="") & Q(account__team__policy__service_tokens=True) & Q(_owner_at_work())
    # Policies that are not as the audit log says lend nothing.
    differs = TableDifference.objects.filter(team=OuterRef("account__team_id"), table="policy")
    lent &= ~Q(Exists(differs))
    return Credential.objects.filter(Q(user_id=user_id) | lent, account__team_id=team_id)


def _owner_at_work() -> Exists:
    """Nothing is sent with the token of somebody who is suspended."""
    return Exists(
        Membership.objects.filter(
            user_id=OuterRef("user_id"),
            team_id=OuterRef("account__team_id"),
            suspended_at=None,
            user__is_active=True,
        )
    )
