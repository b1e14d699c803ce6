"""The key ring: numbered keys, one purpose each, from a file or from the environment.

A key is in force from its `from` time until the next key of its purpose begins; one without a
`from` time has been added and not promoted yet. Keys never come from the database or SECRET_KEY.
"""

import base64
import fcntl
import json
import os
import re
import secrets
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.utils.translation import gettext as _

from controlpanel.lib import clock

PURPOSES: Final = (
    "credential", "mfa", "audit-mac", "audit-sign", "fingerprint", "panel-key", "outgoing",
)  # fmt: skip
KEY_BYTES: Final = 32
VERSION: Final = 1
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_KEY_ID = re.compile(r"([a-z][a-z-]*)-[1-9][0-9]{0,5}")


class KeysNotReady(Exception):
    """The keys cannot be used as they are; the message is a sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Key:
    id: str
    purpose: str
    since: datetime | None
    secret: bytes = field(repr=False)


class KeyRing:
    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys = {key.id: key for key in keys}
        self._in_order: dict[str, list[Key]] = {}
        promoted = [key for key in self._keys.values() if key.since]
        for key in sorted(promoted, key=lambda key: key.since or clock.now()):
            self._in_order.setdefault(key.purpose, []).append(key)
        self._starts = {
            purpose: [key.since for key in keys if key.since]
            for purpose, keys in self._in_order.items()
        }

    @property
    def keys(self) -> tuple[Key, ...]:
        return tuple(self._keys.values())

    def of(self, purpose: str) -> list[Key]:
        return [key for key in self._keys.values() if key.purpose == purpose]

    def get(self, key_id: str) -> Key | None:
        return self._keys.get(key_id)

    def active(self, purpose: str, at: datetime | None = None) -> Key:
        """The key in force at that time; before the first one began, the first one."""
        keys = self._in_order.get(purpose)
        if not keys:
            raise KeysNotReady(
                _("The key ring holds no key in force for “%(purpose)s”.") % {"purpose": purpose}
            )
        place = bisect_right(self._starts[purpose], at or clock.now())
        return keys[max(place - 1, 0)]


def new() -> KeyRing:
    """A ring with one fresh key for each purpose, in force from now on."""
    return KeyRing(first(purpose) for purpose in PURPOSES)


def first(purpose: str) -> Key:
    return Key(f"{purpose}-1", purpose, clock.now(), secrets.token_bytes(KEY_BYTES))


def dump(ring: KeyRing) -> str:
    keys = [
        {
            "id": key.id,
            "purpose": key.purpose,
            "from": key.since.astimezone(UTC).strftime(_TIME) if key.since else None,
            "key": base64.urlsafe_b64encode(key.secret).decode(),
        }
        for key in ring.keys
    ]
    return json.dumps({"version": VERSION, "keys": keys}, indent=2) + "\n"


def parse(text: str) -> KeyRing:
    """The ring written in `text`; KeysNotReady, without a word of the text, if it is not one."""
    try:
        return _parse(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise KeysNotReady(
            _("The key ring is damaged or of an unknown version. Restore it from its backup.")
        ) from None


def _parse(content: Mapping[str, Any]) -> KeyRing:
    if content["version"] != VERSION:
        raise ValueError("version")
    keys = [_parse_key(entry) for entry in content["keys"]]
    if len({key.id for key in keys}) != len(keys):
        raise ValueError("twice")
    return KeyRing(keys)


def _parse_key(entry: Mapping[str, Any]) -> Key:
    match = _KEY_ID.fullmatch(entry["id"])
    if not match or match[1] != entry["purpose"]:
        raise ValueError("id")
    secret = base64.b64decode(entry["key"], altchars=b"-_", validate=True)
    if len(secret) != KEY_BYTES:
        raise ValueError("length")
    since = entry["from"]
    start = datetime.strptime(since, _TIME).replace(tzinfo=UTC) if since else None
    return Key(entry["id"], entry["purpose"], start, secret)


def create(path: Path, ring: KeyRing) -> None:
    """Writes a new file, whole or not at all; FileExistsError rather than overwrite one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _draft(path, ring) as draft:
        os.link(draft, path)


@contextmanager
def replacing(path: Path, ring: KeyRing) -> Iterator[None]:
    """Writes the ring beside the file first, and puts it in its place when the block has ended.

    What can go wrong with a disk goes wrong before the block; one that raises changes nothing.
    """
    with _draft(path, ring) as draft:
        yield
        draft.replace(path)


@contextmanager
def only_writer(path: Path) -> Iterator[None]:
    """Whoever else wants to change the ring waits: two at once would lose a key."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


@contextmanager
def _draft(path: Path, ring: KeyRing) -> Iterator[Path]:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(dump(ring))
            file.flush()
            os.fsync(file.fileno())
        yield draft
        _sync(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """So that a power cut does not bring the old name back."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def load(path: Path) -> KeyRing:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            _refuse_exposed(path, os.fstat(file.fileno()))
            return parse(file.read())
    except FileNotFoundError:
        raise KeysNotReady(
            _(
                "There is no key ring at %(path)s. Restore it from its backup, or run "
                "`manage.py keys init` if this installation is new."
            )
            % {"path": path}
        ) from None
    except OSError as error:
        raise KeysNotReady(
            _("The key ring %(path)s cannot be read (%(why)s).")
            % {"path": path, "why": error.strerror}
        ) from None


def _refuse_exposed(path: Path, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise KeysNotReady(
            _("The key ring %(path)s belongs to another user of this machine: change its owner.")
            % {"path": path}
        )
    if found.st_mode & 0o077:
        raise KeysNotReady(
            _("Others on this machine can open the key ring %(path)s: run `chmod 600` on it.")
            % {"path": path}
        )


_loaded: tuple[object, KeyRing] | None = None


def current() -> KeyRing:
    """The ring in use. The file is read again only when it has changed."""
    global _loaded
    given: str = settings.PANEL_KEYS
    mark: object = given or _mark(settings.PANEL_KEYS_FILE)
    loaded = _loaded  # another thread may change it in between
    if loaded is not None and mark is not None and loaded[0] == mark:
        return loaded[1]
    ring = parse(given) if given else load(Path(settings.PANEL_KEYS_FILE))
    _loaded = (mark, ring)
    return ring


def _mark(path: Path) -> object:
    try:
        found = os.stat(path)  # noqa: PTH116 at every event, and twice as quick
    except OSError:
        return None
    return (path, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size)
