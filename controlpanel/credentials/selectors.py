from uuid import UUID

from django.db.models import QuerySet

from controlpanel.accounts.models import Account
from controlpanel.credentials.models import Credential
from controlpanel.lib.scope import Scope


def own(scope: Scope) -> QuerySet[Credential]:
    """The asking person's tokens for the team's accounts."""
    if scope.user_id is None:
        return Credential.objects.none()
    return Credential.objects.filter(
        user_id=scope.user_id, account__team_id=scope.team_id
    ).select_related("account")


def has_own(scope: Scope, account: Account) -> bool:
    return own(scope).filter(account=account).exists()


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
