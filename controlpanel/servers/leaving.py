"""The mirror of an account that is disconnected."""

from controlpanel.accounts.models import Account
from controlpanel.servers.models import AccountSync, CatalogueItem, Server


def forget(account: Account) -> int:
    """All that was known of its servers, their labels and locks too. Returns how many were there.

    At VPS.org nothing changes.
    """
    mirror = Server.objects.filter(account=account)
    there = mirror.filter(gone_at=None).count()
    mirror.delete()
    AccountSync.objects.filter(account=account).delete()
    CatalogueItem.objects.filter(account=account).delete()
    return there
