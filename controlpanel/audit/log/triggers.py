"""Append-only, kept by the database itself. What a database owner can still do, `verify` finds.

Made after every migrate: SQLite remakes a table to add a column, and its triggers are gone then.
"""

from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from controlpanel.audit.models import (
    AuditEvent,
    ChainHead,
    Checkpoint,
    CheckpointChain,
    SigningKey,
    TargetHead,
)

_EVENT: Final = AuditEvent._meta.db_table
_HEAD: Final = ChainHead._meta.db_table
_TARGET: Final = TargetHead._meta.db_table
# Tables whose rows are written once: name in the triggers, table, what a row is known by.
_WRITTEN_ONCE: Final = (
    ("checkpoint", Checkpoint._meta.db_table, ("number",)),
    ("checkpoint_chain", CheckpointChain._meta.db_table, ("chain", "checkpoint")),
    ("signing_key", SigningKey._meta.db_table, ("key_id",)),
)
_TABLES: Final = {_EVENT, _HEAD, _TARGET, *(table for _, table, _ in _WRITTEN_ONCE)}
_REFUSAL: Final = "The audit log is append-only."

# REPLACE INTO removes a row without firing the DELETE trigger, so an INSERT of what is there
# is refused too.
_SQLITE: dict[str, str] = {
    "audit_event_no_update": f"BEFORE UPDATE ON {_EVENT} BEGIN {{refuse}} END",
    "audit_event_no_delete": f"BEFORE DELETE ON {_EVENT} BEGIN {{refuse}} END",
    "audit_event_insert_once": (
        f"BEFORE INSERT ON {_EVENT} WHEN EXISTS (SELECT 1 FROM {_EVENT} "  # noqa: S608
        "WHERE (chain = NEW.chain AND seq >= NEW.seq) OR rowid = NEW.rowid) BEGIN {refuse} END"
    ),
    "audit_head_forward": (
        f"BEFORE UPDATE ON {_HEAD} WHEN NEW.chain IS NOT OLD.chain "
        "OR NEW.seq IS NOT OLD.seq + 1 BEGIN {refuse} END"
    ),
    "audit_head_no_delete": f"BEFORE DELETE ON {_HEAD} BEGIN {{refuse}} END",
    "audit_head_insert_once": (
        f"BEFORE INSERT ON {_HEAD} WHEN EXISTS (SELECT 1 FROM {_HEAD} "  # noqa: S608
        "WHERE chain = NEW.chain OR rowid = NEW.rowid) BEGIN {refuse} END"
    ),
    "audit_target_forward": (
        f"BEFORE UPDATE ON {_TARGET} WHEN NEW.chain IS NOT OLD.chain OR NEW.kind IS NOT OLD.kind "
        "OR NEW.target IS NOT OLD.target OR NEW.seq IS NOT OLD.seq + 1 BEGIN {refuse} END"
    ),
    "audit_target_no_delete": f"BEFORE DELETE ON {_TARGET} BEGIN {{refuse}} END",
    "audit_target_insert_once": (
        f"BEFORE INSERT ON {_TARGET} WHEN EXISTS (SELECT 1 FROM {_TARGET} "  # noqa: S608
        "WHERE (chain = NEW.chain AND kind = NEW.kind AND target = NEW.target) "
        "OR rowid = NEW.rowid) BEGIN {refuse} END"
    ),
}
for _name, _table, _columns in _WRITTEN_ONCE:
    _same = " AND ".join(f"{column} = NEW.{column}" for column in _columns)
    _SQLITE |= {
        f"audit_{_name}_no_update": f"BEFORE UPDATE ON {_table} BEGIN {{refuse}} END",
        f"audit_{_name}_no_delete": f"BEFORE DELETE ON {_table} BEGIN {{refuse}} END",
        f"audit_{_name}_insert_once": (
            f"BEFORE INSERT ON {_table} WHEN EXISTS (SELECT 1 FROM {_table} "  # noqa: S608
            f"WHERE ({_same}) OR rowid = NEW.rowid) BEGIN {{refuse}} END"
        ),
    }

_REFUSE: Final = "audit_refuse"
_FORWARD: Final = "audit_head_forward_only"
_TARGET_FORWARD: Final = "audit_target_forward_only"
_RAISE: Final = f"RAISE EXCEPTION '{_REFUSAL}' USING ERRCODE = 'integrity_constraint_violation';"
_FUNCTIONS: Final = {
    _REFUSE: f" BEGIN {_RAISE} END ",
    _FORWARD: (
        " BEGIN IF NEW.chain IS DISTINCT FROM OLD.chain OR NEW.seq IS DISTINCT FROM OLD.seq + 1 "
        f"THEN {_RAISE} END IF; RETURN NEW; END "
    ),
    _TARGET_FORWARD: (
        " BEGIN IF (NEW.chain, NEW.kind, NEW.target) IS DISTINCT FROM "
        "(OLD.chain, OLD.kind, OLD.target) OR NEW.seq IS DISTINCT FROM OLD.seq + 1 "
        f"THEN {_RAISE} END IF; RETURN NEW; END "
    ),
}
# name: (table, when, function, pg_trigger.tgtype)
_POSTGRESQL: dict[str, tuple[str, str, str, int]] = {
    "audit_event_no_change": (
        _EVENT,
        "BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW",
        _REFUSE,
        1 + 2 + 8 + 16,
    ),
    "audit_event_no_truncate": (
        _EVENT,
        "BEFORE TRUNCATE ON {table} FOR EACH STATEMENT",
        _REFUSE,
        2 + 32,
    ),
    "audit_head_forward": (_HEAD, "BEFORE UPDATE ON {table} FOR EACH ROW", _FORWARD, 1 + 2 + 16),
    "audit_head_no_delete": (_HEAD, "BEFORE DELETE ON {table} FOR EACH ROW", _REFUSE, 1 + 2 + 8),
    "audit_head_no_truncate": (
        _HEAD,
        "BEFORE TRUNCATE ON {table} FOR EACH STATEMENT",
        _REFUSE,
        2 + 32,
    ),
    "audit_target_forward": (
        _TARGET,
        "BEFORE UPDATE ON {table} FOR EACH ROW",
        _TARGET_FORWARD,
        1 + 2 + 16,
    ),
    "audit_target_no_delete": (
        _TARGET,
        "BEFORE DELETE ON {table} FOR EACH ROW",
        _REFUSE,
        1 + 2 + 8,
    ),
    "audit_target_no_truncate": (
        _TARGET,
        "BEFORE TRUNCATE ON {table} FOR EACH STATEMENT",
        _REFUSE,
        2 + 32,
    ),
}
for _name, _table, _columns in _WRITTEN_ONCE:
    _POSTGRESQL |= {
        f"audit_{_name}_no_change": (
            _table,
            "BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW",
            _REFUSE,
            1 + 2 + 8 + 16,
        ),
        f"audit_{_name}_no_truncate": (
            _table,
            "BEFORE TRUNCATE ON {table} FOR EACH STATEMENT",
            _REFUSE,
            2 + 32,
        ),
    }


class TriggersMissing(Exception):
    """Start-up is refused; the message is a sentence that says what to do."""


def make(using: str = DEFAULT_DB_ALIAS, **_signal: Any) -> None:
    """Makes all triggers again if one is missing, where the tables exist."""
    connection = connections[using]
    if not set(connection.introspection.table_names()) >= _TABLES or not missing(using):
        return
    with transaction.atomic(using=using), connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            _make_sqlite(cursor)
        else:
            _make_postgresql(cursor)


def missing(using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Names of the triggers that do not stand, or not as they were made."""
    connection = connections[using]
    found = _existing(connection)
    expected = _SQLITE if connection.vendor == "sqlite" else _POSTGRESQL
    return [name for name in expected if name not in found]


def refuse_unless_complete() -> None:
    gone = missing()
    if gone:
        raise TriggersMissing(
            f"The database no longer keeps the audit log append-only ({', '.join(gone)} missing or "
            "changed). Find out who did that, run `manage.py verify_audit`, then "
            "`manage.py migrate` to make them again."
        )


def _existing(connection: BaseDatabaseWrapper) -> set[str]:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            return _existing_sqlite(cursor)
        return _existing_postgresql(cursor)


def _make_sqlite(cursor: CursorWrapper) -> None:
    for name in _SQLITE:
        cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
        cursor.execute(_sqlite_sql(name))


def _sqlite_sql(name: str) -> str:
    refuse = f"SELECT RAISE(ABORT, '{_REFUSAL}');"
    return f"CREATE TRIGGER {name} {_SQLITE[name].format(refuse=refuse)}"


def _existing_sqlite(cursor: CursorWrapper) -> set[str]:
    cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    found = dict(cursor.fetchall())
    return {name for name in _SQLITE if found.get(name) == _sqlite_sql(name)}


def _make_postgresql(cursor: CursorWrapper) -> None:
    for name, body in _FUNCTIONS.items():
        cursor.execute(
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $${body}$$"
        )
    for name, (table, when, function, _) in _POSTGRESQL.items():
        cursor.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}")
        cursor.execute(
            f"CREATE TRIGGER {name} {when.format(table=table)} EXECUTE FUNCTION {function}()"
        )
        # Also while a replication role would have switched them off.
        cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")


def _existing_postgresql(cursor: CursorWrapper) -> set[str]:
    cursor.execute(
        "SELECT t.tgname, c.relname, p.proname, p.prosrc, t.tgtype FROM pg_trigger t "
        "JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid "
        "WHERE t.tgenabled = 'A' AND t.tgqual IS NULL AND c.oid = to_regclass(c.relname)"
    )
    found = set(cursor.fetchall())
    return {
        name
        for name, (table, _, function, kind) in _POSTGRESQL.items()
        if (name, table, function, _FUNCTIONS[function], kind) in found
    }
