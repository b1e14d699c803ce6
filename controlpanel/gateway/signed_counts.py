"""What makes a written count of reads provable: a number of its process without gaps, and a MAC."""

import hmac
import json
import os
import secrets
from datetime import UTC
from typing import Final

from controlpanel.gateway.models import Reads
from controlpanel.keys import macs
from controlpanel.keys.ring import KeysNotReady

PURPOSE: Final = "audit-mac"
_SIGNED: Final = (
    "process", "number", "panel_key", "team", "actor_id", "actor_name", "actor_role", "key_name",
    "route", "count", "address",
)  # fmt: skip


class Series:
    """The numbers of this process: 1, 2, 3 …, each used by one row that was committed."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Again: after a failure nobody knows which of its numbers were committed."""
        self.process = secrets.token_hex(8)
        self.number = 0

    def sign(self, row: Reads) -> Reads:
        """Gives it the next number. Raises KeysNotReady."""
        row.process, row.number = self.process, self.number + 1
        row.mac_key_id, row.mac = macs.mac(PURPOSE, _message(row))
        self.number += 1
        return row


series: Final = Series()
os.register_at_fork(after_in_child=series.begin)


def is_proven(row: Reads) -> bool:
    """Whether a process of the panel wrote the row as it is. Raises KeysNotReady without a ring."""
    macs.mac(PURPOSE, b"")
    try:
        return hmac.compare_digest(macs.mac(PURPOSE, _message(row), row.mac_key_id)[1], row.mac)
    except (KeysNotReady, TypeError):  # no such key; no ASCII
        return False


def name_of(row: Reads) -> str:
    """As events name it."""
    return f"{row.process}:{row.number}"


def _message(row: Reads) -> bytes:
    values = {name: str(getattr(row, name)) for name in _SIGNED}
    values["minute"] = row.minute.astimezone(UTC).isoformat()
    return b"panel count of reads\n" + json.dumps(values, sort_keys=True).encode()
