"""Sessions in the database; in the cache while that cannot be written, so that people get in.

What stands in the cache is signed for its own session, and found by a keyed hash of that session's
key: whoever writes to Redis cannot make a session, nor give one to another, and whoever reads there
cannot use one.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.contrib.sessions.backends.base import CreateError, UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.core import signing
from django.core.cache import cache
from django.db import DatabaseError, transaction
from django.utils.crypto import salted_hmac

from controlpanel.audit.log import read_only, read_only_state

_SALT: Final = "controlpanel.accounts.signin.session_store"
# Such keys are made here; a cookie may say anything.
_OURS: Final = re.compile(r"[0-9a-z]{8,64}")


class SessionStore(DatabaseStore):
    _only_in_cache = False

    def load(self) -> dict[str, Any]:
        kept = _kept(self.session_key)
        if kept is None:
            found: dict[str, Any] = super().load()
            return found
        if kept.content is None:
            self._session_key = None
            return {}
        self._only_in_cache = self.modified = True  # so that it goes home
        return kept.content

    def exists(self, session_key: str) -> bool:
        kept = _kept(session_key)
        return kept.content is not None if kept else super().exists(session_key)

    def save(self, must_create: bool = False) -> None:
        if self.session_key is None:
            self.create()
            return
        if not _is_locked():
            try:
                self._save(must_create)
            except UpdateError as gone:
                # Of the same class: a row that was ended, and a database that takes nothing.
                if type(gone.__context__) is DatabaseError:
                    raise
            except CreateError:
                raise
            except DatabaseError:
                pass
            else:
                return
            read_only.suspect()
        _keep(self.session_key, self._data(must_create), self.get_expiry_age())
        self._only_in_cache = True

    def _save(self, must_create: bool) -> None:
        if not self._only_in_cache or must_create or self.session_key is None:
            super().save(must_create)
            return
        with transaction.atomic():
            self.create_model_instance(self._data()).save()
        cache.delete(_place(self.session_key))
        self._only_in_cache = False

    def _data(self, must_create: bool = False) -> dict[str, Any]:
        found: dict[str, Any] = self._get_session(no_load=must_create)  # type: ignore[attr-defined]
        return found

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is None:
            return
        try:
            if not _is_locked():
                with transaction.atomic():
                    super().delete(key)
                if _kept(key):
                    cache.delete(_place(key))
                return
        except DatabaseError:
            read_only.suspect()
        # Its row outlives it: it must not come back with the database.
        _keep(key, None, self.get_expiry_age())


def cache_key(use: str, session_key: str) -> str:
    """For what is kept in the cache about a session: nobody learns the session's key from it."""
    hashed = salted_hmac(f"{_SALT}.{use}", session_key, algorithm="sha256").hexdigest()
    return f"{use}:{hashed}"


@dataclass(frozen=True, slots=True)
class _Kept:
    content: dict[str, Any] | None  # None: it was ended


def _keep(session_key: str, content: dict[str, Any] | None, seconds: int) -> None:
    text = signing.dumps({"content": content}, salt=_salt(session_key), compress=True)
    cache.set(_place(session_key), text, seconds)


def _kept(session_key: str | None) -> _Kept | None:
    """None: the cache knows nothing of it, or nothing that was written here for it."""
    if not session_key or not _OURS.fullmatch(session_key):
        return None
    text = cache.get(_place(session_key))
    if not isinstance(text, str):
        return None
    try:
        age = settings.SESSION_COOKIE_AGE
        return _Kept(**signing.loads(text, salt=_salt(session_key), max_age=age))
    except signing.BadSignature:
        return None


def _place(session_key: str) -> str:
    return cache_key("session", session_key)


def _salt(session_key: str) -> str:
    return f"{_SALT}:{session_key}"


def _is_locked() -> bool:
    """Then even trying would take as long as the lock is waited for."""
    closed = read_only_state.current()
    return closed is not None and closed.why == read_only_state.LOCKED
