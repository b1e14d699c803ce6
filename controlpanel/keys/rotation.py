"""Rotation of the keys: add, promote, rewrap, retire. Nobody stops working for any of it.

A key opens values from the moment it is in the ring, and makes them only when it is promoted. A
running process reads the ring again as soon as its file has changed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_bytes
from typing import Any, Final, Literal

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from controlpanel.keys import cipher, readiness, ring, sealed_stores, witness
from controlpanel.keys.models import KeyCheck
from controlpanel.keys.ring import Key, KeyRing
from controlpanel.keys.sealed_stores import Holder, Sealed, Vault
from controlpanel.lib import clock

# A promoted key is in force this much later at the earliest: by then every process knows it is.
SOONEST: Final = timedelta(seconds=1)
# What somebody made with a key, or read, before it went out of use is stored, or used, by then.
SETTLED: Final = timedelta(minutes=1)
_PAGE: Final = 100


class NotNow(Exception):
    """Nothing was changed; the message is a sentence that says why and what to do."""


State = Literal["added", "waiting", "in_force", "out_of_force", "retired", "missing"]


@dataclass(frozen=True, slots=True)
class Status:
    """Where a key stands. `since`, `until`: when it is in force; `needed`: values by holder."""

    key_id: str
    state: State
    since: datetime | None = None
    until: datetime | None = None
    needed: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Rewrapped:
    """What became of the values of one holder. `replaced`: somebody stored a new one meanwhile."""

    holder: str
    key_id: str
    done: int = 0
    replaced: int = 0
    unreadable: list[str] = field(default_factory=list)
    no_longer_needed: set[str] = field(default_factory=set)


def status() -> list[Status]:
    """Every key of the ring and every one that this database was used with, by purpose."""
    keys, checks = ring.current(), {check.key_id: check for check in KeyCheck.objects.all()}
    needed = _needed()
    of_ring = [
        _status(keys, key, checks.get(key.id), needed.get(key.id, {}))
        for purpose in ring.PURPOSES
        for key in keys.of(purpose)
    ]
    gone = [
        Status(check.key_id, "retired" if check.retired_at else "missing", until=check.retired_at)
        for check in checks.values()
        if keys.get(check.key_id) is None
    ]
    return of_ring + gone


def add(purpose: str) -> Key:
    """A new key that opens what is sealed with it, and seals nothing before it is promoted."""
    with _to_change() as (path, keys):
        for key in keys.of(purpose):
            _refuse_unless_begun(key)
        number = max((_number(key_id) for key_id in _known_ids(keys, purpose)), default=0) + 1
        key = Key(f"{purpose}-{number}", purpose, None, token_bytes(ring.KEY_BYTES))
        # The ring has it before the database says so: a start in between would be refused.
        with transaction.atomic():
            readiness.note([key], "keys.added")
            with ring.replacing(path, KeyRing([*keys.keys, key])):
                pass
    return key


def promote(key_id: str, after: timedelta) -> datetime:
    """From when on the key is in force, in place of the one before it."""
    if after < SOONEST:
        raise NotNow(_("Give the other processes a second at least to learn of it."))
    with _to_change() as (path, keys):
        key = _found(keys, key_id)
        _refuse_unless_new(keys, key)
        since = clock.now() + after
        promoted = [replace(key, since=since) if key.id == key_id else key for key in keys.keys]
        with ring.replacing(path, KeyRing(promoted)):
            witness.tell("keys.promoted", keys=[key_id], since=since.isoformat())
    return since


def rewrap() -> Iterator[Rewrapped]:
    """Seals what was sealed with an earlier key again, with the one in force, holder by holder."""
    readiness.refuse_unless_ready()
    vaults = [(holder, holder.vault) for holder in sealed_stores.registered() if holder.vault]
    for _holder, vault in vaults:
        for key in ring.current().of(vault.purpose):
            _refuse_unless_begun(key)
    for holder, vault in vaults:
        yield _rewrap(holder, vault)


def retire(key_id: str) -> None:
    """Takes the key out of the ring, once nothing stored needs it."""
    with _to_change() as (path, keys):
        key = _found(keys, key_id)
        _refuse_in_use(keys, key)
        left = KeyRing(other for other in keys.keys if other != key)
        # The database stops asking for it before the ring lacks it.
        with ring.replacing(path, left), transaction.atomic():
            KeyCheck.objects.filter(key_id=key_id).update(retired_at=clock.now())
            witness.tell("keys.retired", keys=[key_id])


@contextmanager
def _to_change() -> Iterator[tuple[Path, KeyRing]]:
    if settings.PANEL_KEYS:
        raise NotNow(
            _(
                "The key ring is given by PANEL_KEYS, which no command can change. Put the ring "
                "into a file, name it in PANEL_KEYS_FILE and restart the panel without PANEL_KEYS."
            )
        )
    path = Path(settings.PANEL_KEYS_FILE)
    readiness.refuse_unless_ready()
    try:
        with ring.only_writer(path):
            yield path, ring.load(path)
    except OSError as error:
        raise NotNow(
            _("The key ring %(path)s cannot be written (%(why)s), so nothing was changed.")
            % {"path": path, "why": error.strerror}
        ) from None


def _needed() -> dict[str, dict[str, int]]:
    """How many values need a key, by its id and by who holds them."""
    needed: dict[str, dict[str, int]] = {}
    for holder in sealed_stores.registered():
        for key_id, values in holder.usage().items():
            needed.setdefault(key_id, {})[holder.name] = values
    return needed


def _status(keys: KeyRing, key: Key, check: KeyCheck | None, needed: dict[str, int]) -> Status:
    state: State
    if check and check.retired_at:
        state = "retired"
    elif key.since is None:
        state = "added"
    elif key.since > clock.now():
        state = "waiting"
    else:
        state = "in_force" if keys.active(key.purpose) == key else "out_of_force"
    return Status(key.id, state, key.since, _until(keys, key), needed)


def _until(keys: KeyRing, key: Key) -> datetime | None:
    """When the next key of its purpose came, or comes, into force."""
    if key.since is None:
        return None
    later = (other.since for other in keys.of(key.purpose) if other.since)
    return min((since for since in later if since > key.since), default=None)


def _known_ids(keys: KeyRing, purpose: str) -> set[str]:
    noted = KeyCheck.objects.values_list("key_id", flat=True)
    known = {*noted, *(key.id for key in keys.keys)}
    return {key_id for key_id in known if key_id.rpartition("-")[0] == purpose}


def _number(key_id: str) -> int:
    return int(key_id.rpartition("-")[2])


def _found(keys: KeyRing, key_id: str) -> Key:
    key = keys.get(key_id)
    if key is None:
        raise NotNow(
            _("The key ring holds no key “%(key)s”, only %(keys)s.")
            % {"key": key_id, "keys": ", ".join(key.id for key in keys.keys)}
        )
    return key


def _refuse_unless_new(keys: KeyRing, key: Key) -> None:
    if KeyCheck.objects.filter(key_id=key.id, retired_at__isnull=False).exists():
        raise NotNow(_("“%(key)s” was retired: add a new key.") % {"key": key.id})
    if key.since:
        raise NotNow(
            _("“%(key)s” was promoted already; it is in force from %(since)s on.")
            % {"key": key.id, "since": key.since.isoformat(timespec="seconds")}
        )
    for other in keys.of(key.purpose):
        if other != key:
            _refuse_unless_begun(other)


def _refuse_unless_begun(key: Key) -> None:
    if key.since is None:
        raise NotNow(
            _("“%(key)s” was added and is not in force yet: promote it, or retire it, first.")
            % {"key": key.id}
        )
    if key.since > clock.now():
        raise NotNow(
            _("“%(key)s” comes into force at %(since)s. Run this again after that.")
            % {"key": key.id, "since": key.since.isoformat(timespec="seconds")}
        )


def _refuse_in_use(keys: KeyRing, key: Key) -> None:
    values = _needed().get(key.id)
    if values:
        listed = ", ".join(f"{count} ({name})" for name, count in values.items())
        raise NotNow(
            _("“%(key)s” stays: stored values need it, %(values)s.")
            % {"key": key.id, "values": listed}
        )
    if key.since is None:
        return
    until = _until(keys, key)
    if until is None or until > clock.now():
        raise NotNow(
            _("“%(key)s” stays: it is in force, or about to be. Promote another one first.")
            % {"key": key.id}
        )
    last_used = KeyCheck.objects.get(key_id=key.id).last_needed_at or until
    if clock.now() < max(until, last_used) + SETTLED:
        raise NotNow(
            _(
                "“%(key)s” was in use less than a minute ago, and somebody may still be busy with "
                "it. Run this again in a minute."
            )
            % {"key": key.id}
        )


def _rewrap(holder: Holder, vault: Vault) -> Rewrapped:
    result = Rewrapped(holder.name, ring.current().active(vault.purpose).id)
    facts: dict[str, Any] = {"keys": [result.key_id], "values": holder.name}
    begun = False
    for value in _sealed_earlier(vault, result.key_id):
        if not begun:
            witness.tell("keys.rewrapped", "pending", phase="intent", **facts)
            begun = True
        _seal_again(vault, value, result)
    if begun:
        settling = KeyCheck.objects.filter(key_id__in=result.no_longer_needed)
        settling.update(last_needed_at=clock.now())
        witness.tell(
            "keys.rewrapped",
            "failure" if result.unreadable else "success",
            phase="outcome",
            count=result.done,
            replaced=result.replaced,
            unreadable=result.unreadable,
            **facts,
        )
    return result


def _sealed_earlier(vault: Vault, key_id: str) -> Iterator[Sealed]:
    after = ""
    while page := vault.page(after, _PAGE):
        for value in page:
            if not cipher.is_sealed_with(value.text, key_id):
                yield value
        after = page[-1].id


def _seal_again(vault: Vault, value: Sealed, result: Rewrapped) -> None:
    """One value at a time: a longer transaction would make people wait for it."""
    try:
        text = cipher.reseal(vault.purpose, value.text, value.context)
    except cipher.Unreadable:
        result.unreadable.append(value.id)
        return
    if vault.swap(value, text):
        result.done += 1
        result.no_longer_needed.add(cipher.key_id(value.text))
    else:
        result.replaced += 1
