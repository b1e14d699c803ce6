import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.utils import DatabaseError

pytestmark = [pytest.mark.databases, pytest.mark.django_db(transaction=True)]

GUARDS = {
    "sqlite": [
        "CREATE TRIGGER guard BEFORE DELETE ON guarded BEGIN SELECT RAISE(ABORT, 'no'); END"
    ],
    "postgresql": [
        """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN RAISE EXCEPTION 'no'; END $$""",
        "CREATE TRIGGER guard BEFORE TRUNCATE ON guarded EXECUTE FUNCTION refuse()",
        "ALTER TABLE guarded ENABLE ALWAYS TRIGGER guard",
    ],
}
ATTEMPT = {"sqlite": "DELETE FROM guarded", "postgresql": "TRUNCATE guarded"}


def execute(*statements: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def test_triggers_stand_aside_and_come_back() -> None:
    execute("CREATE TABLE guarded (id integer)", *GUARDS[connection.vendor])
    execute("INSERT INTO guarded VALUES (1)")
    with pytest.raises(DatabaseError):
        execute(ATTEMPT[connection.vendor])
    call_command("flush", interactive=False, verbosity=0)
    with pytest.raises(DatabaseError):
        execute("INSERT INTO guarded VALUES (2)", ATTEMPT[connection.vendor])
    execute("DROP TABLE guarded")
    if connection.vendor == "postgresql":
        execute("DROP FUNCTION refuse()")
