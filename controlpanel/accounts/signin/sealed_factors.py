"""What `keys` asks about people's second factors, and how it seals them again."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import QuerySet

from controlpanel.accounts.signin.mfa_adapter import BINDING, PURPOSE
from controlpanel.keys import cipher
from controlpanel.keys.sealed_stores import Sealed, Vault

# Where allauth keeps what it sealed. The data of a passkey is public.
_FIELDS: Final = {"totp": "secret", "recovery_codes": "seed"}


def needed() -> Iterable[str]:
    """Ids of the keys that the stored secrets are sealed with."""
    for found in _sealed().iterator():
        # A damaged row fails closed when it is used; it must not keep everybody out.
        with suppress(cipher.Unreadable):
            yield cipher.key_id(_text(found))


def usage() -> Mapping[str, int]:
    return Counter(needed())


def _sealed() -> QuerySet[Authenticator]:
    found: QuerySet[Authenticator] = Authenticator.objects.filter(type__in=_FIELDS).order_by("id")
    return found


def _text(authenticator: Authenticator) -> str:
    return str(authenticator.data.get(_FIELDS[authenticator.type], ""))


def _page(after: str, limit: int) -> Sequence[Sealed]:
    found = _sealed().filter(id__gt=int(after or 0))[:limit]
    return [Sealed(str(one.id), _text(one), BINDING) for one in found]


def _swap(value: Sealed, text: str) -> bool:
    """Locked, for a recovery code used meanwhile writes into the same field."""
    with transaction.atomic():
        found = _sealed().select_for_update().filter(id=int(value.id)).first()
        if found is None or _text(found) != value.text:
            return False
        found.data[_FIELDS[found.type]] = text
        found.save(update_fields=["data"])
    return True


VAULT: Final = Vault(PURPOSE, _page, _swap)
