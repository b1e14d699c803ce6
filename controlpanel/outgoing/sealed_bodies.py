"""Bodies of waiting messages: sealed for their row alone, and again when keys are rotated."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC
from typing import Final
from uuid import UUID

from controlpanel.keys import cipher
from controlpanel.keys.sealed_stores import Sealed, Vault
from controlpanel.lib.secret import Secret
from controlpanel.outgoing.models import Outgoing

PURPOSE: Final = "outgoing"


def seal(message: Outgoing, text: str) -> str:
    """Raises ring.KeysNotReady."""
    return cipher.seal(PURPOSE, text, binding(message))


def open_body(message: Outgoing) -> Secret:
    """Raises cipher.Unreadable, also for a body that was moved to another row or channel, and for
    one whose time to expire was changed."""
    return cipher.open_sealed(PURPOSE, message.body, binding(message))


def binding(message: Outgoing) -> Mapping[str, str]:
    return {
        "outgoing": str(message.id),
        "channel": message.channel,
        "expires_at": message.expires_at.astimezone(UTC).isoformat(),
    }


def needed() -> Iterable[str]:
    """Ids of the keys that waiting bodies are sealed with."""
    for body in Outgoing.objects.values_list("body", flat=True).iterator():
        # A damaged row is never sent; it must not keep everybody out.
        with suppress(cipher.Unreadable):
            yield cipher.key_id(body)


def usage() -> Mapping[str, int]:
    return Counter(needed())


def _page(after: str, limit: int) -> Sequence[Sealed]:
    found = Outgoing.objects.order_by("id")
    if after:
        found = found.filter(id__gt=UUID(after))
    return [Sealed(str(one.id), one.body, binding(one)) for one in found[:limit]]


def _swap(value: Sealed, text: str) -> bool:
    return Outgoing.objects.filter(id=value.id, body=value.text).update(body=text) == 1


VAULT: Final = Vault(PURPOSE, _page, _swap)
