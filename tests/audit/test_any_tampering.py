"""Whatever was recorded, and whatever is then changed: verification passes if nothing was."""

import contextlib
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlpanel.audit import checkpoints
from controlpanel.audit.models import (
    AuditEvent,
    ChainHead,
    Checkpoint,
    CheckpointChain,
    SigningKey,
    TargetHead,
)
from tests.audit.writing import Team, change, found, triggers_aside

pytestmark = [pytest.mark.databases, pytest.mark.django_db]

TABLES: dict[str, Any] = {
    model._meta.db_table: model
    for model in (AuditEvent, ChainHead, TargetHead, Checkpoint, CheckpointChain, SigningKey)
}
STEPS = st.lists(
    st.tuples(st.sampled_from(["acme", "globex"]), st.integers(1, 3)) | st.just(None),
    min_size=1,
    max_size=12,
)


class _Undone(Exception):
    pass


def contents(table: str) -> list[tuple[Any, ...]]:
    model = TABLES[table]
    names = [field.attname for field in model._meta.fields if field.attname != "pk"]
    return list(model.objects.order_by("pk").values_list(*names))


def tamper(data: st.DataObject, table: str) -> None:
    """A value of a row takes the place of another one in its column, or the row goes."""
    model = TABLES[table]
    rows = list(model.objects.order_by("pk"))
    row = data.draw(st.sampled_from(rows))
    field = data.draw(st.sampled_from([field for field in model._meta.fields if field.column]))
    others = {getattr(other, field.attname) for other in rows} - {getattr(row, field.attname)}
    keys = {field.column: getattr(row, field.attname) for field in _keys(model)}
    where = " AND ".join(f"{name} = %s" for name in keys)
    if not others or data.draw(st.booleans()):
        change(f"DELETE FROM {table} WHERE {where}", *keys.values())  # noqa: S608
        return
    change(
        f"UPDATE {table} SET {field.column} = %s WHERE {where}",  # noqa: S608
        data.draw(st.sampled_from(sorted(others))), *keys.values(),
    )  # fmt: skip


def _keys(model: Any) -> list[Any]:
    return list(getattr(model._meta.pk, "fields", [model._meta.pk]))


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS, data=st.data())
def test_it_passes_if_and_only_if_nothing_was_changed(
    ledger_file: Any, steps: list[tuple[str, int] | None], data: st.DataObject
) -> None:
    ledger_file.unlink(missing_ok=True)
    with contextlib.suppress(_Undone), transaction.atomic():
        teams = {name: Team(name) for name in ("acme", "globex")}
        for step in steps:
            if step is None:
                checkpoints.take()
            else:
                teams[step[0]].write(target=f"web-{step[1]}")
        checkpoints.take()
        assert found() is None
        triggers_aside()
        table = data.draw(st.sampled_from([name for name in TABLES if contents(name)]))
        before = contents(table)
        touched = data.draw(st.integers(0, 7)) > 0
        with contextlib.suppress(IntegrityError), transaction.atomic():
            if touched:
                tamper(data, table)  # the database itself refuses a number that is there
        same = contents(table) == before
        assert (found() is None) == same, table
        raise _Undone
