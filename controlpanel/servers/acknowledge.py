"""A person says that an outside change is known, and why: it stays, but waits no longer."""

from collections.abc import Collection
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from controlpanel.accounts import access
from controlpanel.audit.log.recorder import Target, record_by
from controlpanel.lib import clock
from controlpanel.lib.scope import Scope
from controlpanel.lib.text import clean
from controlpanel.servers import labels
from controlpanel.servers.models import OutsideChange, Server


class NotAcknowledged(Exception):
    """Nothing was acknowledged; the message is a sentence for the person."""


def visible(scope: Scope) -> QuerySet[OutsideChange]:
    found = OutsideChange.objects.filter(team_id=scope.team_id).order_by("-event_seq")
    return labels.within(scope.reach, found)


def waiting(scope: Scope) -> QuerySet[OutsideChange]:
    return visible(scope).filter(acknowledged_at=None)


def newest_of(server: Server) -> OutsideChange | None:
    """The newest that waits, of a server that the person may see."""
    found = OutsideChange.objects.filter(
        account_id=server.account_id, provider_id=server.provider_id, acknowledged_at=None
    )
    return found.order_by("-event_seq").first()


def acknowledge(scope: Scope, ids: Collection[UUID], note: str) -> int:
    """How many: what somebody else acknowledged meanwhile stays theirs.

    Raises NotAcknowledged, access.Denied.
    """
    access.require(scope, "audit.review", "")
    note = clean(note, 500)
    if not ids:
        raise NotAcknowledged(_("Choose at least one change."))
    if not note:
        raise NotAcknowledged(_("Say what you found out, for whoever reads it later."))
    with transaction.atomic():
        found = waiting(scope).filter(id__in=ids).select_related("account")
        done = [change for change in found.order_by("event_seq") if _claimed(scope, change, note)]
        for change in done:
            record_by(
                scope,
                "outside.acknowledged",
                Target("server", change.provider_id, change.server_name),
                reason=note,
                labels=labels.from_text(change.labels),
                account=change.account.name,
                what=change.kind,
                seq=change.event_seq,
            )
    return len(done)


def _claimed(scope: Scope, change: OutsideChange, note: str) -> bool:
    rows = OutsideChange.objects.filter(id=change.id, acknowledged_at=None)
    by = {"acknowledged_by_id": scope.actor.id, "acknowledged_by_name": scope.actor.name}
    return rows.update(acknowledged_at=clock.now(), note=note, **by) == 1
