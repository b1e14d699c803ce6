"""What the audit log tells the key room, and hears from it."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from django.db.models import Count
from django.utils.translation import gettext as _

from controlpanel.audit.models import AuditEvent, ChainHead
from controlpanel.audit.recorder import PANEL, AuditUnavailable, Result, Target, record
from controlpanel.keys.ring import KeysNotReady
from controlpanel.lib import request_id
from controlpanel.lib.scope import Actor, Origin


def needed() -> Iterable[str]:
    """Ids of the keys without which no chain could be continued."""
    return ChainHead.objects.values_list("mac_key_id", flat=True).distinct()


def usage() -> Mapping[str, int]:
    """How many events each key has signed, and vouches for as long as they are kept."""
    signed = AuditEvent.objects.order_by().values("mac_key_id")
    return dict(signed.annotate(events=Count("*")).values_list("mac_key_id", "events"))


def record_event(event: str, result: str, data: dict[str, Any]) -> None:
    try:
        record(
            event,
            chain=PANEL,
            actor=Actor(kind="command", id="command", name="command line"),
            origin=Origin(via="command", request_id=request_id.current()),
            target=Target("keys", "", "key ring"),
            result=cast("Result", result),
            data=data,
        )
    except AuditUnavailable as error:
        raise KeysNotReady(
            _("The audit log cannot be written (%(why)s), and no key changes without a record.")
            % {"why": error}
        ) from error
