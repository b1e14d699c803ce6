"""How far the log is verified, and what was found wrong: rows under a MAC, so that who can write to
the database cannot quietly say that all is well. Taking a row away only makes the workers begin
again; an older row put back makes them check again what it does not know of.
"""

import hmac
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from controlpanel.audit import hashing
from controlpanel.audit.log.append import PURPOSE
from controlpanel.audit.models import Verification
from controlpanel.audit.verification.full_check import Wrong
from controlpanel.keys import macs, ring
from controlpanel.lib import clock

# Name of the row about what is common to all chains: triggers, checkpoints and their file.
COMMON: Final = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """The first wrong place of a chain, when it was found and when it was last seen to be so."""

    kind: str
    seq: int | None
    sentence: str
    at: str
    seen: str


@dataclass(slots=True)
class Place:
    """How far one pass through a chain has come.

    `point`: the last checkpoint it was compared with. `begun`: how many targets' histories.
    """

    seq: int = 0
    hash: str = hashing.GENESIS
    key_id: str = ""
    point: int = 0
    begun: int = 0


@dataclass(slots=True)
class Points:
    """How far one pass through the checkpoints and their file has come."""

    number: int = 0
    at: str = ""
    previous: str = hashing.GENESIS
    lines: int = 0
    offset: int = 0


@dataclass(slots=True)
class ChainProgress:
    """Times are texts; empty is never.

    `place` goes on with what is new; `again` goes once more from the first event to the last, of
    which `heads` are the targets' heads that follow the events.
    """

    chain: str
    place: Place = field(default_factory=Place)
    again: Place | None = None
    heads: list[str] | None = None
    points: Points = field(default_factory=Points)
    points_again: Points | None = None
    # When something new was last seen here, and in the common row when all chains were last looked
    # at. Whether more was there than one turn could take. The last whole verification, if sound.
    at: str = ""
    behind: bool = False
    full: str = ""
    # The pass over everything: when it began (empty: none is under way), and which one ended last.
    began: str = ""
    done: str = ""
    ended: str = ""
    wrong: Trouble | None = None
    # Not stored. The MAC it was read with: nobody else may have written meanwhile. And whether
    # that was not the panel's.
    read: str = ""
    forged: bool = False

    @property
    def sound(self) -> bool:
        return self.wrong is None

    def found(self, wrong: Wrong) -> bool:
        """Keeps what was found. Whether nothing was wrong before."""
        known, at = self.wrong, now()
        same = known and (known.kind, known.seq) == (wrong.kind, wrong.seq)
        since = known.at if known and same else at
        self.wrong = Trouble(wrong.kind, wrong.seq, wrong.sentence, since, at)
        return known is None

    def found_sound(self, began: str) -> bool:
        """After a pass over everything that began then. Whether something was wrong before."""
        if self.wrong is None or self.wrong.seen >= began:
            return False
        self.wrong = None
        return True


def now() -> str:
    return hashing.time_text(clock.now())


def time(text: str) -> datetime | None:
    return hashing.time_from(text) if text else None


def load(chain: str) -> ChainProgress:
    return of([chain])[chain]


def of(names: Iterable[str]) -> dict[str, ChainProgress]:
    """A row that was changed behind the panel's back is itself a wrong place."""
    wanted = list(names)
    rows = {row.chain: row for row in Verification.objects.filter(chain__in=wanted)}
    return {name: _read(name, rows.get(name)) for name in wanted}


def everything() -> dict[str, ChainProgress]:
    return {row.chain: _read(row.chain, row) for row in Verification.objects.all()}


def save(progress: ChainProgress) -> bool:
    """False if somebody else has written it since it was read: then nothing is changed."""
    state = hashing.canonical({**asdict(progress), "read": "", "forged": False})
    key_id, mac = macs.mac(PURPOSE, hashing.verification_message(progress.chain, state))
    values = {"state": state, "mac_key_id": key_id, "mac": mac}
    if progress.read:
        rows = Verification.objects.filter(chain=progress.chain, mac=progress.read)
        saved = bool(rows.update(**values))
    else:
        saved = _insert(progress.chain, values)
    if saved:
        progress.read, progress.forged = mac, False
    return saved


def _insert(chain: str, values: dict[str, Any]) -> bool:
    try:
        with transaction.atomic():
            Verification.objects.create(chain=chain, **values)
    except IntegrityError:
        return False
    return True


def _read(chain: str, row: Verification | None) -> ChainProgress:
    if row is None:
        return ChainProgress(chain)
    if not _fits(row):
        return _changed(row)
    try:
        found = json.loads(row.state)
        made = ChainProgress(**{name.name: found[name.name] for name in fields(ChainProgress)})
        made.place, made.points = Place(**found["place"]), Points(**found["points"])
        made.again = Place(**found["again"]) if found["again"] else None
        made.points_again = Points(**found["points_again"]) if found["points_again"] else None
        made.wrong = Trouble(**found["wrong"]) if found["wrong"] else None
    except (KeyError, TypeError):  # of an older version: begin again
        made = ChainProgress(chain)
    made.read = row.mac
    return made


def _changed(row: Verification) -> ChainProgress:
    sentence = _("What the panel wrote down about its verification was changed.")
    trouble = Trouble("verification", None, sentence, now(), now())
    return ChainProgress(row.chain, wrong=trouble, read=row.mac, forged=True)


def _fits(row: Verification) -> bool:
    message = hashing.verification_message(row.chain, row.state)
    try:
        return hmac.compare_digest(macs.mac(PURPOSE, message, row.mac_key_id)[1], row.mac)
    except (ring.KeysNotReady, TypeError):
        return False
