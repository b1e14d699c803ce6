"""Sessions in the database; in the cache while that cannot be written, so that people get in.

What stands in the cache is signed like what stands in the database: whoever writes to Redis cannot
make a session.
"""

import re
from typing import Any, Final

from django.contrib.sessions.backends.base import CreateError, UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.core.cache import cache
from django.db import DatabaseError, transaction

from controlpanel.audit import closure, readonly

_ENDED: Final = ""
# Such keys are made here; a cookie may say anything.
_OURS: Final = re.compile(r"[0-9a-z]{8,64}")


class SessionStore(DatabaseStore):
    _only_in_cache = False

    def load(self) -> dict[str, Any]:
        kept = _kept(self.session_key)
        if kept is None:
            found: dict[str, Any] = super().load()
            return found
        if kept == _ENDED:
            self._session_key = None
            return {}
        self._only_in_cache = self.modified = True  # so that it goes home
        return self.decode(kept)

    def exists(self, session_key: str) -> bool:
        kept = _kept(session_key)
        return bool(kept) if kept is not None else super().exists(session_key)

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
            readonly.suspect()
        data = self.encode(self._data(must_create))
        cache.set(_key(self.session_key), data, self.get_expiry_age())
        self._only_in_cache = True

    def _save(self, must_create: bool) -> None:
        if not self._only_in_cache or must_create:
            super().save(must_create)
            return
        with transaction.atomic():
            self.create_model_instance(self._data()).save()
        cache.delete(_key(self.session_key))
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
                if _kept(key) is not None:
                    cache.delete(_key(key))
                return
        except DatabaseError:
            readonly.suspect()
        # Its row outlives it: it must not come back with the database.
        cache.set(_key(key), _ENDED, self.get_expiry_age())


def _kept(session_key: str | None) -> str | None:
    """None: the cache knows nothing of it."""
    if not session_key or not _OURS.fullmatch(session_key):
        return None
    kept: str | None = cache.get(_key(session_key))
    return kept


def _key(session_key: str | None) -> str:
    return f"session:{session_key}"


def _is_locked() -> bool:
    """Then even trying would take as long as the lock is waited for."""
    closed = closure.current()
    return closed is not None and closed.why == closure.LOCKED
