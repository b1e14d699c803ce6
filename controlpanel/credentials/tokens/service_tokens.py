"""A named token of somebody's, lent to people who keep none of their own for the account.

Off twice over: an account has none until somebody marks theirs, and none is used unless the team's
policy says so.
"""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from controlpanel.accounts import access
from controlpanel.accounts.models import Account
from controlpanel.audit.log.recorder import Target, record_by
from controlpanel.credentials.models import Credential
from controlpanel.lib.scope import Scope
from controlpanel.lib.text import clean

NAME_LENGTH = 80


class ServiceTokenRefused(Exception):
    """Nothing was changed; the message is a sentence for the person."""


def choose(scope: Scope, credential: Credential, name: str) -> None:
    """Marks the person's own token, in place of the one that was the account's service token.

    Raises ServiceTokenRefused, Denied.
    """
    access.require(scope, "accounts.connect", "")
    name = clean(name, NAME_LENGTH)
    if not name:
        raise ServiceTokenRefused(_("Give it a name that says what it is for, such as “deploy”."))
    with transaction.atomic():
        # One at a time, since an account has one service token at most.
        account = Account.objects.select_for_update().get(id=credential.account_id)
        mine = Credential.objects.filter(id=credential.id).select_related("user").first()
        if mine is None or mine.user_id != scope.user_id:
            raise ServiceTokenRefused(_("You have no API token for this account any more."))
        others = Credential.objects.filter(account=account).exclude(service_name="")
        for earlier in others.select_related("user"):
            if earlier.id == mine.id and earlier.service_name == name:
                return
            _withdraw(scope, earlier)
        Credential.objects.filter(id=mine.id).update(service_name=name)
        mine.service_name = name
        _record(scope, "account.service_token_chosen", mine)


def withdraw(scope: Scope, credential: Credential) -> bool:
    """By its owner, and by whoever may connect accounts. False if it is none any more."""
    if credential.user_id != scope.user_id:
        access.require(scope, "accounts.connect", "")
    with transaction.atomic():
        Account.objects.select_for_update().get(id=credential.account_id)
        found = Credential.objects.filter(id=credential.id).exclude(service_name="").first()
        if found is None:
            return False
        _withdraw(scope, found)
    return True


def shown(credential: Credential) -> dict[str, str]:
    """For receipts and records: which token it was, never what."""
    return {
        "name": credential.service_name,
        "owner": credential.user.email,
        "fingerprint": credential.fingerprint,
    }


def _withdraw(scope: Scope, credential: Credential) -> None:
    Credential.objects.filter(id=credential.id).update(service_name="")
    _record(scope, "account.service_token_withdrawn", credential)


def _record(scope: Scope, event: str, credential: Credential) -> None:
    token: dict[str, Any] = {**shown(credential)}
    target = Target("account", str(credential.account_id), credential.account.name)
    record_by(scope, event, target, **token)
