"""What the audit log tells `keys`, and hears from it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, cast

from django.db.models import Count
from django.utils.translation import gettext as _

from controlpanel.audit.checkpoints import checkpoints
from controlpanel.audit.log.recorder import PANEL, AuditUnavailable, Result, Target, record
from controlpanel.audit.models import AuditEvent, ChainHead, Verification
from controlpanel.keys.ring import KeysNotReady
from controlpanel.lib import request_id
from controlpanel.lib.scope import Actor, Origin


def needed() -> Iterable[str]:
    """Ids of the keys without which no chain could be continued."""
    return ChainHead.objects.values_list("mac_key_id", flat=True).distinct()


def usage() -> Mapping[str, int]:
    """How many events each key has signed, and vouches for as long as they are kept; what the
    workers have written down about their verification; and of the checkpoints the last one: when a
    later one stands on it, the public key is enough."""
    found: Counter[str] = Counter()
    for model in (AuditEvent, Verification):
        signed = model._default_manager.order_by().values("mac_key_id")
        found.update(dict(signed.annotate(rows=Count("*")).values_list("mac_key_id", "rows")))
    last = checkpoints.latest()
    return found + Counter([last.key_id] if last else [])


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
