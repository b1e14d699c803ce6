"""The audit tables refuse DELETE and TRUNCATE in both databases, and that is how a test that uses
real transactions is cleaned up. The triggers stand aside for exactly that, within its transaction.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db import connections, transaction
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.backends.utils import CursorWrapper

_TRUNCATE: Final = re.compile(r'TRUNCATE ("\w+"(?:, "\w+")*);')


def flush_past_triggers(operations: BaseDatabaseOperations, sql_list: list[str]) -> None:
    connection: Any = operations.connection
    aside = {"sqlite": _sqlite_aside, "postgresql": _postgresql_aside}[connection.vendor]
    using = connection.alias
    with (
        transaction.atomic(using=using),
        connections[using].cursor() as cursor,
        aside(cursor),
    ):
        for sql in sql_list:
            cursor.execute(_TRUNCATE.sub(_deletes, sql))


def _deletes(truncate: re.Match[str]) -> str:
    """PostgreSQL makes new files for each table that it truncates, though most hold nothing."""
    names = truncate.group(1).split(", ")
    deletes = ";".join(f"DELETE FROM {name}" for name in names)  # noqa: S608 Django's own names
    return f"SET LOCAL session_replication_role = replica;{deletes}"


@contextmanager
def _sqlite_aside(cursor: CursorWrapper) -> Iterator[None]:
    cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    triggers = cursor.fetchall()
    for name, _ in triggers:
        cursor.execute(f'DROP TRIGGER "{name}"')
    yield
    for _, sql in triggers:
        cursor.execute(sql)


@contextmanager
def _postgresql_aside(cursor: CursorWrapper) -> Iterator[None]:
    cursor.execute(
        "SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal"
    )
    triggers = cursor.fetchall()
    for table, name, _ in triggers:
        cursor.execute(f'ALTER TABLE {table} DISABLE TRIGGER "{name}"')
    yield
    enable = {"O": "ENABLE", "A": "ENABLE ALWAYS", "R": "ENABLE REPLICA", "D": "DISABLE"}
    for table, name, state in triggers:
        cursor.execute(f'ALTER TABLE {table} {enable[state]} TRIGGER "{name}"')
