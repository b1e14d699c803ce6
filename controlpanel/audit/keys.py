"""What the audit log tells the key room, and hears from it."""

from collections.abc import Iterable

from controlpanel.audit.models import ChainHead
from controlpanel.audit.recorder import PANEL, Target, record
from controlpanel.lib import request_id
from controlpanel.lib.scope import Actor, Origin


def needed() -> Iterable[str]:
    """Ids of the keys without which no chain could be continued."""
    return ChainHead.objects.values_list("mac_key_id", flat=True).distinct()


def record_created(key_ids: list[str]) -> None:
    record(
        "keys.created",
        chain=PANEL,
        actor=Actor(kind="command", id="command", name="command line"),
        origin=Origin(via="command", request_id=request_id.current()),
        target=Target("keys", "", "key ring"),
        result="success",
        data={"keys": key_ids},
    )
