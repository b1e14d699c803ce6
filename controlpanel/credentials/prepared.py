"""A query that PostgreSQL plans once for each connection: planning many joins takes longest.

Not behind a pooler that hands each transaction another connection: there it is planned each time.
"""

from hashlib import sha256
from typing import Any
from weakref import WeakKeyDictionary

from django.db.backends.base.base import BaseDatabaseWrapper

_known: WeakKeyDictionary[Any, dict[str, str]] = WeakKeyDictionary()
_stopped = False


def on(connection: BaseDatabaseWrapper, sql: str, values: int) -> str:
    """What to execute instead, with the same values. The connection is open."""
    if _stopped or connection.vendor != "postgresql":
        return sql
    known = _known.setdefault(connection.connection, {})
    if sql not in known:
        name = f"panel_{sha256(sql.encode()).hexdigest()[:16]}"
        numbered = sql
        for number in range(1, values + 1):
            numbered = numbered.replace("%s", f"${number}", 1)
        connection.connection.execute(f"PREPARE {name} AS {numbered}")
        known[sql] = f"EXECUTE {name}({', '.join(['%s'] * values)})"
    return known[sql]


def stop() -> bool:
    """After an error it may be the cause of. False if it was not in use any more."""
    global _stopped
    before, _stopped = _stopped, True
    return not before
