"""VPS.org accounts that a team works with."""

from django.conf import settings
from django.db import transaction

from controlpanel.accounts import colours, selectors
from controlpanel.accounts.models import Account
from controlpanel.audit.log.recorder import Target, record_by
from controlpanel.lib.scope import Scope
from controlpanel.lib.text import clean, numbered


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


def free_colour(scope: Scope) -> str:
    """For another account of the team."""
    return colours.next_unused(selectors.accounts(scope).values_list("colour", flat=True))


def _free_name(scope: Scope, name: str) -> str:
    names = selectors.accounts(scope).values_list("name", flat=True)
    return numbered(clean(name, 110), " ", set(names))
