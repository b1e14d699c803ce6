"""The mirror of an account that is disconnected."""

from django.db.models import Q

from controlpanel.accounts.models import Account
from controlpanel.servers import identity
from controlpanel.servers.models import AccountSync, CatalogueItem, Server


def forget(account: Account) -> int:
    """All that was known of its servers. Returns how many were there.

    A lock and labels go to another connected account that shows the same server; without one, the
    server stays with them, behind every page, for when it is connected again. At VPS.org nothing
    changes.
    """
    identity.hand_over(account)
    mirror = Server.objects.filter(account=account)
    there = mirror.filter(gone_at=None).count()
    marked = mirror.filter(Q(lock__isnull=False) | Q(labels__isnull=False))
    mirror.exclude(id__in=list(marked.values_list("id", flat=True))).delete()
    AccountSync.objects.filter(account=account).delete()
    CatalogueItem.objects.filter(account=account).delete()
    return there
