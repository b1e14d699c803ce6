"""Panel keys at rest: of each there is only a keyed hash, under a numbered pepper."""

import hmac
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from django.db import connection

from controlpanel.credentials.models import PanelKey
from controlpanel.keys import macs, ring
from controlpanel.lib.secret import Secret

PURPOSE: Final = "panel-key"


def made(text: Secret) -> tuple[str, str]:
    """(pepper's id, digest), with the pepper in force."""
    return macs.mac(PURPOSE, _message(text))


def possible(text: Secret) -> list[str]:
    """What may stand in the database for this text: one digest for each pepper of the ring, that of
    the one in force first."""
    peppers, message = ring.current(), _message(text)
    now = peppers.active(PURPOSE)
    before = [one for one in peppers.of(PURPOSE) if one.since and one is not now]
    return [macs.digest(one, message) for one in (now, *before)]


def is_of(key: PanelKey, digests: Iterable[str]) -> bool:
    """Once more in constant time; the database found the row by an index."""
    return any(hmac.compare_digest(key.digest, digest) for digest in digests)


def is_old(key: PanelKey, digests: Sequence[str]) -> bool:
    return key.digest != digests[0]


def needed() -> Iterable[str]:
    """Ids of the peppers without which a key that is still in use would be none any more."""
    # The ring is completed before a database from before there were such keys is migrated.
    if PanelKey._meta.db_table not in connection.introspection.table_names():
        return ()
    return PanelKey.usable().values_list("pepper_id", flat=True).distinct()


def usage() -> Mapping[str, int]:
    return Counter(PanelKey.usable().values_list("pepper_id", flat=True))


def _message(text: Secret) -> bytes:
    return b"panel key " + text.reveal().encode()
