"""A long query that is asked at every call: put into words once, and planned once by PostgreSQL for
each connection, since planning many joins takes longest.

Not behind a pooler that hands each transaction another connection: there it is planned each time.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any
from weakref import WeakKeyDictionary

from django.db.backends.base.base import BaseDatabaseWrapper

_known: WeakKeyDictionary[Any, dict[str, str]] = WeakKeyDictionary()
_stopped = False


@dataclass(frozen=True, slots=True)
class Row:
    """`as_sent`: equal as long as not one column has changed. `cells` reads it, which for seventy
    columns of PostgreSQL takes longer than asking for them."""

    as_sent: Hashable
    cells: Callable[[], tuple[Any, ...]]


def first_row(connection: BaseDatabaseWrapper, sql: str, values: Sequence[Any]) -> Row | None:
    """Of a query in which every "%s" is a value. Raises what Django's cursor raises; that one would
    go through all of the text each time, to find the values' places for SQLite."""
    connection.validate_no_broken_transaction()
    connection.ensure_connection()
    with connection.wrap_database_errors:
        asked = connection.connection.execute(_text(connection, sql, len(values)), values)
        return _unread(asked) if connection.vendor == "postgresql" else _read(asked)


def _unread(asked: Any) -> Row | None:
    result = asked.pgresult
    if not result.ntuples:
        return None
    as_sent = tuple([result.get_value(0, column) for column in range(result.nfields)])
    return Row(as_sent, asked.fetchone)


def _read(asked: Any) -> Row | None:
    found = asked.fetchone()
    return None if found is None else Row(found, lambda: found)


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
