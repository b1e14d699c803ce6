"""The mirror of an account that is disconnected."""

from controlpanel.accounts.models import Account
from controlpanel.servers import identity
from controlpanel.servers.models import AccountSync, CatalogueItem, Server


def forget(account: Account) -> int:
    """All that was known of its servers. Returns how many were there.

    A lock and labels go to another connected account that shows the same server; without one, the
    server stays with them, behind every page, for when it is connected again. So does one that
    anybody's reach names: its time of creation tells whether the id is still its own. At VPS.org
    nothing changes.
    """
    identity.hand_over(account)
    mirror = Server.objects.filter(account=account)
    there = mirror.filter(gone_at=None).count()
    mirror.exclude(id__in=list(identity.marked(account).values_list("id", flat=True))).delete()
    AccountSync.objects.filter(account=account).delete()
    CatalogueItem.objects.filter(account=account).delete()
    return there
