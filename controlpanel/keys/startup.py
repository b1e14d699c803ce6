"""Start-up is refused while a key that something was sealed with is missing or another one."""

import hmac
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from django.conf import settings
from django.db import OperationalError, ProgrammingError, connection, transaction
from django.utils.translation import gettext as _

from controlpanel.keys import ring
from controlpanel.keys.models import KeyCheck
from controlpanel.keys.ring import KeysNotReady

__all__ = ["KeysNotReady", "init", "refuse_unless_ready", "register_user", "register_witness"]

_users: Final[dict[str, Callable[[], Iterable[str]]]] = {}
_witnesses: Final[list[Callable[[list[str]], None]]] = []


def register_user(name: str, key_ids: Callable[[], Iterable[str]]) -> None:
    """`key_ids` gives the ids of the keys that stored values of this user need."""
    _users[name] = key_ids


def register_witness(witness: Callable[[list[str]], None]) -> None:
    """`witness` is called with the ids of keys used with this database for the first time,
    inside the transaction that notes them."""
    if witness not in _witnesses:
        _witnesses.append(witness)


def init() -> bool:
    """Makes the ring where there is none and nothing was ever sealed. True if it made one."""
    made = False
    if not settings.PANEL_KEYS and not Path(settings.PANEL_KEYS_FILE).exists():
        _refuse_second_ring()
        try:
            ring.create(Path(settings.PANEL_KEYS_FILE), ring.new())
            made = True
        except FileExistsError:
            pass  # another process was faster; its ring is the one
        except OSError as error:
            raise KeysNotReady(
                _("The key ring %(path)s cannot be written (%(why)s).")
                % {"path": settings.PANEL_KEYS_FILE, "why": error.strerror}
            ) from None
    if _migrated():
        refuse_unless_ready()
    else:
        ring.current()
    return made


def refuse_unless_ready() -> None:
    """Raises KeysNotReady. Notes a check value for keys that come into use with this start."""
    keys = ring.current()
    for purpose in ring.PURPOSES:
        keys.active(purpose)
    known = dict(KeyCheck.objects.values_list("key_id", "value"))
    for key_id, value in known.items():
        _refuse_missing_or_other(keys.get(key_id), key_id, value)
    for name, key_ids in _users.items():
        for key_id in set(key_ids()):
            _refuse_unknown(name, key_id, known)
    _note([key for key in keys.keys if key.id not in known])


def check_value(key: ring.Key) -> str:
    label = b"panel key check " + key.id.encode()
    return HKDFExpand(SHA256(), 32, label).derive(key.secret).hex()


def _refuse_missing_or_other(key: ring.Key | None, key_id: str, value: str) -> None:
    if key is None:
        raise KeysNotReady(
            _(
                "The key “%(key)s”, which this database was used with, is missing from the key "
                "ring. Restore the ring that belongs to this database."
            )
            % {"key": key_id}
        )
    if not hmac.compare_digest(check_value(key), value):
        raise KeysNotReady(
            _(
                "The key “%(key)s” in the key ring is not the one this database was used with. "
                "Restore the ring that belongs to this database."
            )
            % {"key": key_id}
        )


def _refuse_unknown(name: str, key_id: str, known: dict[str, str]) -> None:
    if key_id not in known:
        raise KeysNotReady(
            _(
                "Values of %(user)s were sealed with the key “%(key)s”, of which this database "
                "knows nothing. Restore the database and the key ring that belong together."
            )
            % {"user": name, "key": key_id}
        )


def _note(keys: list[ring.Key]) -> None:
    """Several processes may start at once: each key is noted, and witnessed, by one of them."""
    if not keys:
        return
    with transaction.atomic():
        noted = [key.id for key in keys if _note_one(key)]
        if noted:
            for witness in _witnesses:
                witness(noted)


def _note_one(key: ring.Key) -> bool:
    defaults = {"value": check_value(key)}
    return KeyCheck.objects.get_or_create(key_id=key.id, defaults=defaults)[1]


def _refuse_second_ring() -> None:
    if _migrated() and KeyCheck.objects.exists():
        raise KeysNotReady(
            _(
                "There is no key ring at %(path)s, but this database was used with one: what it "
                "sealed would be lost. Restore the ring from its backup."
            )
            % {"path": settings.PANEL_KEYS_FILE}
        )


def _migrated() -> bool:
    try:
        tables = connection.introspection.table_names()
    except (OperationalError, ProgrammingError):
        return False
    return KeyCheck._meta.db_table in tables
