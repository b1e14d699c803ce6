"""What `keys` asks about the stored API tokens, and how it seals them again."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from uuid import UUID

from controlpanel.credentials.models import Credential
from controlpanel.credentials.tokens.clients import PURPOSE, binding
from controlpanel.keys import cipher, ring
from controlpanel.keys.sealed_stores import Sealed, Vault


def needed() -> Iterable[str]:
    """Ids of the keys that the stored tokens are sealed with."""
    for sealed in Credential.objects.values_list("sealed", flat=True).iterator():
        # A damaged row fails closed when it is used; it must not keep everybody out.
        with suppress(cipher.Unreadable):
            yield cipher.key_id(sealed)


def usage() -> Mapping[str, int]:
    """The same, counted, and the keys that made the fingerprints people know their tokens by."""
    return Counter(needed()) + Counter(_fingerprint_keys())


def _fingerprint_keys() -> Iterable[str]:
    keys = ring.current()
    for stored_at in Credential.objects.values_list("created_at", flat=True).iterator():
        yield keys.active("fingerprint", stored_at).id


def _page(after: str, limit: int) -> Sequence[Sealed]:
    found = Credential.objects.select_related("account").order_by("id")
    if after:
        found = found.filter(id__gt=UUID(after))
    return [
        Sealed(str(credential.id), credential.sealed, binding(credential, credential.account))
        for credential in found[:limit]
    ]


def _swap(value: Sealed, text: str) -> bool:
    """Compares and sets, so that a token replaced meanwhile stays the one it is."""
    unchanged = Credential.objects.filter(id=value.id, sealed=value.text)
    return unchanged.update(sealed=text) == 1


VAULT = Vault(PURPOSE, _page, _swap)
