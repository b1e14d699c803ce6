"""Tells whoever issued a panel key that it ends soon: two weeks before, and once more a day before.

Of several workers one claims the row, and queues the mail in the same transaction.
"""

from datetime import datetime, timedelta
from typing import Final

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.urls import reverse

from controlpanel.accounts import access
from controlpanel.accounts.models import Membership
from controlpanel.audit.log.recorder import record_by
from controlpanel.credentials.models import PanelKey
from controlpanel.credentials.panel_keys import services as panel_key_services
from controlpanel.lib import clock

BEFORE: Final = (timedelta(days=14), timedelta(days=1))
# Of one run.
_MOST: Final = 200


def warn_due() -> int:
    """Queues what is due; how many mails."""
    return sum(map(_warn, due()[:_MOST]))


def due() -> QuerySet[PanelKey]:
    """Keys whose creator is still at work, that end soon, with nothing said about that yet.

    Nothing is said about an end that was as near when the key was issued, nor about that of a key
    which has a successor.
    """
    now = clock.now()
    reached = Q()
    for before in BEFORE:
        reached |= Q(expires_at__lte=now + before, created_at__lt=F("expires_at") - before) & (
            Q(warned_at=None) | Q(warned_at__lt=F("expires_at") - before)
        )
    at_work = Membership.objects.filter(
        team_id=OuterRef("team_id"), user_id=OuterRef("user_id"), suspended_at=None
    )
    found = PanelKey.usable().filter(
        reached,
        Exists(at_work),
        replaced_by=None,
        user__is_active=True,
        team__closed_at=None,
        account__disconnected_at=None,
    )
    return found.select_related("team", "account", "user").order_by("expires_at", "id")


def _warn(key: PanelKey) -> bool:
    """False if another worker does."""
    with transaction.atomic():
        if not _claimed(key, clock.now()):
            return False
        _queue(key)
        record_by(
            access.worker_scope(key.team),
            "panel_key.expiry_warned",
            panel_key_services.target(key),
            account=key.account.name,
            owner=key.user.email,
            fingerprint=key.fingerprint,
            expires=key.expires_at.isoformat(timespec="seconds"),
        )
    return True


def _claimed(key: PanelKey, now: datetime) -> bool:
    """It may have been revoked or rotated since it was read."""
    same = PanelKey.usable().filter(id=key.id, warned_at=key.warned_at, replaced_by=None)
    return same.filter(expires_at=key.expires_at).update(warned_at=now) == 1


def _queue(key: PanelKey) -> None:
    path = reverse("panel-keys", args=[key.team.slug])
    words = {
        "name": key.name,
        "fingerprint": key.fingerprint,
        "team": key.team.name,
        "account": key.account.name,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
        "last_address": key.last_address,
        "url": f"{settings.PANEL_PUBLIC_URL}{path}",
    }
    message = get_adapter().render_mail("api/mail/ends", key.user.email, words)
    message.expires_at = key.expires_at
    message.send()
