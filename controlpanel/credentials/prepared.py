"""A long query that is asked at every call: put into words once, and planned once by PostgreSQL for
each connection, since planning many joins takes longest.

Not behind a pooler that hands each transaction another connection: there it is planned each time.
"""

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from typing import Any
from weakref import WeakKeyDictionary

from django.db.backends.base.base import BaseDatabaseWrapper

_known: WeakKeyDictionary[Any, dict[str, str]] = WeakKeyDictionary()
_stopped = False


def first_row(
    connection: BaseDatabaseWrapper, sql: str, values: Sequence[Any]
) -> tuple[Any, ...] | None:
    """Of a query in which every "%s" is a value. Raises what Django's cursor raises; that one would
    go through all of the text each time, to find the values' places for SQLite."""
    connection.validate_no_broken_transaction()
    connection.ensure_connection()
    with connection.wrap_database_errors:
        asked = connection.connection.execute(_text(connection, sql, len(values)), values)
        found: tuple[Any, ...] | None = asked.fetchone()
        return found


def stop() -> bool:
    """After an error it may be the cause of. False if it was not in use any more."""
    global _stopped
    before, _stopped = _stopped, True
    return not before


def _text(connection: BaseDatabaseWrapper, sql: str, values: int) -> str:
    if connection.vendor == "sqlite":
        return _with_question_marks(sql)
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


@cache
def _with_question_marks(sql: str) -> str:
    return sql.replace("%s", "?")
