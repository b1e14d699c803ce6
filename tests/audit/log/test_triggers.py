"""The database itself refuses to change what was recorded."""

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, models, transaction

from controlpanel.audit.log import triggers
from controlpanel.audit.models import AuditEvent, ChainHead
from controlpanel.audit.verification.full_check import verify
from tests.audit.writing import Team, change

pytestmark = [pytest.mark.databases, pytest.mark.django_db]

EVERYWHERE = [
    "UPDATE audit_auditevent SET result = 'denied'",
    "UPDATE audit_auditevent SET seq = seq + 100",
    "DELETE FROM audit_auditevent",
    "DELETE FROM audit_auditevent WHERE seq = 6",
    "DELETE FROM audit_chainhead",
    "UPDATE audit_chainhead SET mac = 'x'",
    "UPDATE audit_chainhead SET seq = seq - 1",
    "UPDATE audit_chainhead SET seq = seq + 2",
    "UPDATE audit_chainhead SET seq = seq + 1, chain = 'other'",
    "INSERT INTO audit_auditevent SELECT * FROM audit_auditevent WHERE seq = 2",
    "INSERT INTO audit_chainhead SELECT * FROM audit_chainhead",
]
EVERYWHERE.append(EVERYWHERE[-2] + " ON CONFLICT (chain, seq) DO UPDATE SET result = 'denied'")
SQLITE = [
    "REPLACE INTO audit_auditevent SELECT * FROM audit_auditevent WHERE seq = 2",
    "REPLACE INTO audit_chainhead SELECT * FROM audit_chainhead",
    "UPDATE OR REPLACE audit_auditevent SET seq = 3 WHERE seq = 2",
    "UPDATE OR IGNORE audit_auditevent SET result = 'denied' WHERE seq = 2",
]
POSTGRESQL = [
    "TRUNCATE audit_auditevent",
    "TRUNCATE audit_chainhead",
    "TRUNCATE audit_chainhead, audit_auditevent CASCADE",
]


def refused(sql: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        change(sql)


@pytest.mark.parametrize("sql", EVERYWHERE)
def test_it_refuses_to_change_the_past(acme: Team, sql: str) -> None:
    refused(sql)
    assert verify().sound


@pytest.mark.parametrize("sql", SQLITE)
def test_sqlite_refuses_its_own_ways(acme: Team, sql: str) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("said in SQLite's words")
    refused(sql)
    assert verify().sound


def test_sqlite_refuses_to_replace_a_row_by_its_rowid(acme: Team) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("said in SQLite's words")
    names = [field.column for field in AuditEvent._meta.fields if field.column]
    others = ", ".join("99" if name == "seq" else name for name in names)
    refused(
        f"REPLACE INTO audit_auditevent (rowid, {', '.join(names)}) "  # noqa: S608
        f"SELECT rowid, {others} FROM audit_auditevent WHERE seq = 2"
    )


@pytest.mark.parametrize("sql", POSTGRESQL)
def test_postgresql_refuses_its_own_ways(acme: Team, sql: str) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("said in PostgreSQL's words")
    refused(sql)
    assert verify().sound


def test_postgresql_refuses_a_replica_too(acme: Team) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("said in PostgreSQL's words")
    change("SET LOCAL session_replication_role = replica")
    refused("DELETE FROM audit_auditevent")


def test_the_orm_cannot_either(acme: Team) -> None:
    event = AuditEvent.objects.get(chain=acme.chain, seq=2)
    event.result = "denied"
    for act in (event.save, event.delete, AuditEvent.objects.all().delete):
        with pytest.raises(IntegrityError), transaction.atomic():
            act()
    with pytest.raises(IntegrityError), transaction.atomic():
        ChainHead.objects.all().delete()


def ways_to_go() -> list[str]:
    if connection.vendor == "sqlite":
        return [f"DROP TRIGGER {name}" for name in triggers._SQLITE]
    ways = []
    for name, (table, *_) in triggers._POSTGRESQL.items():
        ways.append(f"DROP TRIGGER {name} ON {table}")
        for state in ("DISABLE", "ENABLE", "ENABLE REPLICA"):
            ways.append(f"ALTER TABLE {table} {state} TRIGGER {name}")
    for name in triggers._FUNCTIONS:
        ways.append(
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql "
            "AS $$ BEGIN RETURN NEW; END $$"
        )
    return ways


def test_each_that_is_gone_is_missed_and_made_again(db: None) -> None:
    for way in ways_to_go():
        assert triggers.missing() == [], way
        triggers.refuse_unless_complete()
        change(way)
        gone = triggers.missing()
        assert gone, way
        with pytest.raises(triggers.TriggersMissing, match=gone[0]):
            triggers.refuse_unless_complete()
        wrong = verify().wrong
        assert wrong
        assert wrong.kind == "triggers"
        assert gone[0] in wrong.sentence
        triggers.make()


def test_one_that_does_something_else_is_missed(db: None) -> None:
    name = "audit_event_no_delete" if connection.vendor == "sqlite" else "audit_head_no_delete"
    if connection.vendor == "sqlite":
        change(f"DROP TRIGGER {name}")
        change(
            f"CREATE TRIGGER {name} BEFORE DELETE ON audit_auditevent WHEN 0 "
            "BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    else:
        change(f"DROP TRIGGER {name} ON audit_chainhead")
        change(
            f"CREATE TRIGGER {name} BEFORE DELETE ON audit_chainhead FOR EACH ROW "
            "WHEN (false) EXECUTE FUNCTION audit_refuse()"
        )
        change(f"ALTER TABLE audit_chainhead ENABLE ALWAYS TRIGGER {name}")
    assert triggers.missing() == [name]


@pytest.fixture
def one_more_column(transactional_db: None) -> Iterator[None]:
    """As a later migration adds one: SQLite makes the table again for it."""
    field: models.CharField[str, str] = models.CharField(max_length=5, default="")
    field.set_attributes_from_name("later")
    with connection.schema_editor() as editor:
        editor.add_field(AuditEvent, field)
    yield
    with connection.schema_editor() as editor:
        editor.remove_field(AuditEvent, field)
    triggers.make()


def test_they_stand_again_after_a_migrate_that_remakes_the_table(one_more_column: None) -> None:
    assert bool(triggers.missing()) == (connection.vendor == "sqlite")
    call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
    assert triggers.missing() == []
