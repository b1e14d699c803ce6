"""Start-up is refused while a key that something was sealed with is missing or another one."""

import hmac
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from django.conf import settings
from django.db import OperationalError, ProgrammingError, connection, transaction
from django.utils.translation import gettext as _

from controlpanel.keys import ring, sealed_stores, witness
from controlpanel.keys.models import KeyCheck
from controlpanel.keys.ring import KeysNotReady

__all__ = ["KeysNotReady", "init", "note", "refuse_unless_ready"]


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
        _complete()
        refuse_unless_ready()
    else:
        ring.current()
    return made


def refuse_unless_ready() -> None:
    """Raises KeysNotReady. Notes a check value for keys that come into use with this start."""
    # The ring comes second: it has a key that is being added before the database knows of it.
    known = {check.key_id: check for check in KeyCheck.objects.all()}
    keys = ring.current()
    for check in known.values():
        _refuse_missing_or_other(keys.get(check.key_id), check)
    for purpose in ring.PURPOSES:
        _refuse_without(keys, purpose)
    for holder in sealed_stores.registered():
        for key_id in set(holder.needed()):
            _refuse_unknown(holder.name, key_id, known)
    note([key for key in keys.keys if key.id not in known], "keys.created")


def _complete() -> None:
    """A ring from before there was a purpose gets its first key; one that was lost is not made."""
    if settings.PANEL_KEYS or not _lacking(ring.current()):
        return
    path = Path(settings.PANEL_KEYS_FILE)
    try:
        with ring.only_writer(path):
            keys = ring.load(path)
            added = [ring.first(purpose) for purpose in _lacking(keys)]
            with ring.replacing(path, ring.KeyRing([*keys.keys, *added])):
                pass
    except OSError as error:
        raise KeysNotReady(
            _("The key ring %(path)s cannot be written (%(why)s).")
            % {"path": path, "why": error.strerror}
        ) from None


def _lacking(keys: ring.KeyRing) -> list[str]:
    used = {
        key_id.rpartition("-")[0] for key_id in KeyCheck.objects.values_list("key_id", flat=True)
    }
    return [purpose for purpose in ring.PURPOSES if not keys.of(purpose) and purpose not in used]


def _refuse_without(keys: ring.KeyRing, purpose: str) -> None:
    if not keys.of(purpose):
        raise KeysNotReady(
            _(
                "The key ring holds no key for “%(purpose)s”. If it is from before the panel used "
                "one, run `manage.py keys init`; else restore the ring from its backup."
            )
            % {"purpose": purpose}
        )
    keys.active(purpose)


def note(keys: list[ring.Key], event: str) -> None:
    """Several processes may start at once: each key is noted, and witnessed, by one of them."""
    if not keys:
        return
    with transaction.atomic():
        noted = [key.id for key in keys if _note_one(key)]
        if noted:
            witness.tell(event, keys=noted)


def check_value(key: ring.Key) -> str:
    label = b"panel key check " + key.id.encode()
    return HKDFExpand(SHA256(), 32, label).derive(key.secret).hex()


def _refuse_missing_or_other(key: ring.Key | None, check: KeyCheck) -> None:
    if key is None:
        check.refresh_from_db()  # it may just have been retired
        if check.retired_at:
            return
        raise KeysNotReady(
            _(
                "The key “%(key)s”, which this database was used with, is missing from the key "
                "ring. Restore the ring that belongs to this database."
            )
            % {"key": check.key_id}
        )
    if not hmac.compare_digest(check_value(key), check.value):
        raise KeysNotReady(
            _(
                "The key “%(key)s” in the key ring is not the one this database was used with. "
                "Restore the ring that belongs to this database."
            )
            % {"key": check.key_id}
        )


def _refuse_unknown(name: str, key_id: str, known: dict[str, KeyCheck]) -> None:
    if key_id not in known:
        raise KeysNotReady(
            _(
                "Values of %(user)s were sealed with the key “%(key)s”, of which this database "
                "knows nothing. Restore the database and the key ring that belong together."
            )
            % {"user": name, "key": key_id}
        )
    if known[key_id].retired_at:
        raise KeysNotReady(
            _(
                "Values of %(user)s need the key “%(key)s”, which was retired. Restore the "
                "database and the key ring that belong together."
            )
            % {"user": name, "key": key_id}
        )


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
