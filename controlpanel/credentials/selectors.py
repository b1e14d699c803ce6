from collections.abc import Iterable
from contextlib import suppress
from uuid import UUID

from django.db.models import QuerySet

from controlpanel.accounts.models import Account
from controlpanel.credentials.models import Credential
from controlpanel.keys import cipher
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


def sealing_key_ids() -> Iterable[str]:
    """Ids of the keys that stored tokens need: start-up holds them against the ring."""
    for sealed in Credential.objects.values_list("sealed", flat=True).iterator():
        # A damaged row fails closed when it is used; it must not keep everybody out.
        with suppress(cipher.Unreadable):
            yield cipher.key_id(sealed)
