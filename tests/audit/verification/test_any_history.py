"""Whatever is recorded in whatever order, and whatever is then changed anywhere: the verification,
by command and by the workers, passes if and only if nothing was.

After a change nothing more is recorded before it is put back: then the truth is known exactly.

Ids, keys and times differ in every run, so what is changed is chosen by a seed: drawing from them
would make the same example another one when it is run again.
"""

from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from controlpanel.audit.checkpoints import checkpoints
from controlpanel.audit.log import triggers
from controlpanel.audit.log.recorder import Target, record_now
from controlpanel.audit.models import (
    AuditEvent,
    ChainHead,
    Checkpoint,
    CheckpointChain,
    SigningKey,
    TargetHead,
)
from controlpanel.audit.verification import progress, worker
from controlpanel.audit.verification.full_check import verify
from controlpanel.lib import clock
from tests.audit.writing import BOB, PAGE, Team, change, triggers_aside

pytestmark = [pytest.mark.databases, pytest.mark.django_db]

TABLES: dict[str, Any] = {
    model._meta.db_table: model
    for model in (AuditEvent, ChainHead, TargetHead, Checkpoint, CheckpointChain, SigningKey)
}
SERVERS = st.integers(1, 3)
SEEDS = st.integers(0, 2**32)
Rows = list[tuple[Any, ...]]


def columns(table: str) -> list[str]:
    return [field.column for field in TABLES[table]._meta.fields if field.column]


def rows(table: str) -> Rows:
    names = ", ".join(columns(table))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {names} FROM {table} ORDER BY {names}")  # noqa: S608
        found: Rows = cursor.fetchall()
    return found


def write(table: str, wanted: Rows) -> None:
    names = columns(table)
    change(f"DELETE FROM {table}")  # noqa: S608
    marks = ", ".join(["%s"] * len(names))
    for row in wanted:
        change(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", *row)  # noqa: S608


def other_value(chosen: Random, value: Any, column: list[Any]) -> Any:
    """Another value of the same kind: one that stands elsewhere, or one just beside."""
    elsewhere: list[Any] = sorted({one for one in column if one != value}, key=str)
    if (other := chosen.choice([None, *elsewhere])) is not None:
        return other
    if isinstance(value, datetime):
        return value + timedelta(microseconds=chosen.choice([-1, 1, 3_600_000_000]))
    if isinstance(value, int):
        return value + chosen.choice([-1, 1, 1000])
    return _other_text(chosen, str(value))


def _other_text(chosen: Random, text: str) -> str:
    place = chosen.randint(0, max(len(text) - 1, 0))
    letter = chosen.choice("0aA \u00e9")
    made = chosen.choice(
        [
            text[:place] + letter + text[place + 1 :],
            text[:place] + text[place + 1 :],
            text + letter,
            text.swapcase(),
            "",
        ]
    )
    return made if made != text else text + "x"


class Log(RuleBasedStateMachine):
    """Two teams and the panel write; somebody who owns the database and the file changes them."""

    file: Path

    def __init__(self) -> None:
        super().__init__()
        self.undone = transaction.atomic()
        self.undone.__enter__()
        clock.reset()
        self.file.unlink(missing_ok=True)
        self.teams = [Team("acme"), Team("globex")]
        self.put_back: Any = None

    def teardown(self) -> None:
        try:
            self.workers_find_it_if_and_only_if_something_was_changed()
        finally:
            transaction.set_rollback(True)
            self.undone.__exit__(None, None, None)
            clock.reset()

    @property
    def untouched(self) -> bool:
        return self.put_back is None

    @rule(team=st.integers(0, 1), server=SERVERS)
    def record(self, team: int, server: int) -> None:
        self.mend()
        self.teams[team].write(target=f"web-{server}")

    @rule()
    def record_of_the_panel(self) -> None:
        self.mend()
        record_now(
            "demo.loaded",
            chain="panel",
            actor=BOB,
            origin=PAGE,
            target=Target("panel", "", "demo"),
            result="success",
        )

    @rule()
    def checkpoint(self) -> None:
        self.mend()
        clock.shift(timedelta(minutes=5))
        checkpoints.take()

    @rule(events=st.sampled_from([1, 3, 1000]))
    def work(self, events: int) -> None:
        self.mend()
        worker.run(events=events)

    @rule(seed=SEEDS)
    def tamper(self, seed: int) -> None:
        self.mend()
        chosen = Random(seed)
        found = {name: content for name in TABLES if (content := rows(name))}
        if not found:
            return
        table = chosen.choice(sorted(found))
        before = found[table]
        triggers_aside()
        with suppress(DatabaseError), transaction.atomic():  # some the database itself refuses
            write(table, self._changed(chosen, before))
        triggers.make()
        if rows(table) != before:
            self.put_back = lambda: write(table, before)

    def _changed(self, chosen: Random, before: Rows) -> Rows:
        place = chosen.randrange(len(before))
        row = before[place]
        how = chosen.choice(["value", "value", "gone", "cut", "swap", "copy"])
        if how == "gone":
            return before[:place] + before[place + 1 :]
        if how == "cut":
            return before[:place]
        at = chosen.randrange(len(row))
        column = [one[at] for one in before]
        changed = (*row[:at], other_value(chosen, row[at], column), *row[at + 1 :])
        if how == "copy":
            return [*before, changed]
        if how == "swap":
            other = chosen.randrange(len(before))
            swapped = list(before)
            for here, there in ((place, other), (other, place)):
                swapped[here] = (*before[here][:at], before[there][at], *before[here][at + 1 :])
            return swapped
        return [*before[:place], changed, *before[place + 1 :]]

    @rule(seed=SEEDS)
    def tamper_with_the_file(self, seed: int) -> None:
        self.mend()
        before = self.file.read_bytes() if self.file.exists() else b""
        if not before:
            return
        chosen = Random(seed)
        place = chosen.randrange(len(before))
        byte = chosen.choice(b"0a}\n")
        if before[place] == byte:
            return
        self.file.write_bytes(before[:place] + bytes([byte]) + before[place + 1 :])
        self.put_back = lambda: self.file.write_bytes(before)

    @rule()
    def mend(self) -> None:
        if self.untouched:
            return
        triggers_aside()
        self.put_back()
        triggers.make()
        self.put_back = None

    @invariant()
    def verification_passes_if_and_only_if_nothing_was_changed(self) -> None:
        wrong = verify().wrong
        assert (wrong is None) == self.untouched, wrong

    @precondition(lambda self: not self.untouched)
    @invariant()
    def workers_find_it_if_and_only_if_something_was_changed(self) -> None:
        """By the pass over everything that begins next, at the latest: one that is under way may
        have that place behind it. What they write down meanwhile is taken back."""
        undone = transaction.atomic()
        undone.__enter__()
        now = clock.now()
        try:
            for _ in ("under way", "next"):
                clock.shift(timedelta(days=1))
                worker.run()
            wrong = [one.wrong for one in progress.everything().values() if one.wrong]
            assert (not wrong) == self.untouched, wrong
        finally:
            transaction.set_rollback(True)
            undone.__exit__(None, None, None)
            clock.shift(now - clock.now())


def run(file: Path, examples: int, steps: int) -> None:
    Log.file = file
    run_state_machine_as_test(
        Log,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.timeout(600)  # many turns of the database's own rules
def test_it_passes_if_and_only_if_nothing_was_changed(ledger_file: Path) -> None:
    run(ledger_file, examples=8, steps=10)


@pytest.mark.deep
@pytest.mark.timeout(1800)
def test_the_same_for_longer(ledger_file: Path) -> None:
    run(ledger_file, examples=150, steps=25)
