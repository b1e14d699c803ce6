"""An audit log that cannot be written, as the database itself would refuse it."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

_SQLITE = (
    """CREATE TRIGGER broken BEFORE INSERT ON audit_auditevent
       BEGIN SELECT RAISE(ABORT, 'disk full'); END""",
    "DROP TRIGGER broken",
)
_POSTGRES = (
    """CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'disk full'; END $$;
       CREATE TRIGGER broken BEFORE INSERT ON audit_auditevent
       FOR EACH ROW EXECUTE FUNCTION broken()""",
    "DROP TRIGGER broken ON audit_auditevent; DROP FUNCTION broken()",
)


@contextmanager
def broken_audit() -> Iterator[None]:
    broken, mended = _SQLITE if connection.vendor == "sqlite" else _POSTGRES
    _run(broken)
    try:
        yield
    finally:
        _run(mended)


def _run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
