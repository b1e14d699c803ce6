"""Large exports: a worker prepares them, whole or not at all, and they are there for a day."""

import csv
import io
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from pytest_django import Settings

from controlpanel.accounts.models import Membership, Team
from controlpanel.accounts.teams.members import set_reach
from controlpanel.audit.export import exports
from controlpanel.audit.export.exports import Wish
from controlpanel.audit.log import read_only_state
from controlpanel.audit.log.recorder import AuditUnavailable
from controlpanel.audit.models import AuditEvent, Export
from controlpanel.audit.reading import batches
from controlpanel.lib import clock
from controlpanel.lib.scope import EVERYTHING
from controlpanel.reports import exports as report_exports
from controlpanel.reports import tasks
from controlpanel.reports.exports import NotAsked, NotGiven
from tests.people import Person, join, with_servers
from tests.tools.breaking import broken_audit
from tests.web.audit.test_audit_export import write

pytestmark = [pytest.mark.databases, pytest.mark.django_db]

CSV = Wish("csv", {})


@pytest.fixture(autouse=True)
def var(settings: Settings, tmp_path: Path) -> Path:
    settings.PANEL_VAR = tmp_path / "var"
    settings.PANEL_CHECKPOINTS_FILE = tmp_path / "var" / "checkpoints.jsonl"
    return tmp_path / "var"


@pytest.fixture(autouse=True)
def events(team: Team) -> None:
    for number in range(7):
        write(team, "101", "web-01", actor=f"person-{number}@example.com")
    write(team, "102", "db-01")


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker says after every two events that it is alive."""
    monkeypatch.setattr(batches, "STRETCH", 2)


def ask(person: Person, wish: Wish = CSV) -> Export:
    return report_exports.ask(person.scope("audit.export"), wish)


def ready(person: Person, wish: Wish = CSV) -> Export:
    export = ask(person, wish)
    report_exports.work()
    export.refresh_from_db()
    assert export.state == "ready", export.problem
    return export


def taken(person: Person, export: Export) -> bytes:
    with report_exports.give(person.scope("audit.export"), export).file as file:
        return file.read()


def files() -> list[str]:
    folder = report_exports.folder()
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def seqs(content: bytes) -> list[int]:
    return [int(row["seq"]) for row in csv.DictReader(io.StringIO(content.decode("utf-8-sig")))]


def test_it_waits_while_nothing_can_be_recorded(
    audrey: Person,
) -> None:
    export = ask(audrey, CSV)
    with broken_audit():
        read_only_state.close("full")
        tasks.export()
        export.refresh_from_db()
        assert export.state == "waiting"
    tasks.export()
    export.refresh_from_db()
    assert export.state == "ready"


def test_a_worker_prepares_it_and_its_person_takes_it(audrey: Person) -> None:
    export = ready(audrey)
    assert (export.count, export.first, export.last, export.percent) == (8, 1, 8, 100)
    (name,) = files()
    assert (report_exports.folder() / name).stat().st_mode & 0o777 == 0o600
    assert report_exports.folder().stat().st_mode & 0o777 == 0o700
    assert seqs(taken(audrey, export)) == [*range(1, 9)]


def test_each_taking_is_on_record_first(audrey: Person) -> None:
    export = ready(audrey, Wish("csv", {"target": "101"}, "target=101"))
    assert not AuditEvent.objects.filter(event="audit.exported").exists()
    taken(audrey, export)
    taken(audrey, export)
    first, second = AuditEvent.objects.filter(event="audit.exported")
    assert first.data == second.data
    assert first.data["query"] == "target=101"
    assert (first.data["count"], first.data["sha256"]) == (7, export.sha256)
    assert first.actor_name == "audrey@example.com"


def test_nothing_is_given_that_cannot_be_recorded(audrey: Person, audit_broken: None) -> None:
    export = ready(audrey)
    with pytest.raises(AuditUnavailable):
        report_exports.give(audrey.scope("audit.export"), export)


def test_times_in_the_filters_survive_the_row(audrey: Person) -> None:
    after, before = clock.now() - timedelta(hours=1), clock.now() + timedelta(hours=1)
    assert ready(audrey, Wish("csv", {"after": after, "before": before})).count == 8
    assert ready(audrey, Wish("csv", {"after": before})).count == 0


def test_a_bundle_is_prepared_as_well(audrey: Person) -> None:
    export = ready(audrey, Wish("bundle", {"target": "101"}, "target=101"))
    assert export.count == 7
    assert taken(audrey, export).startswith(b"PK")


def test_why_there_is_none_is_said(audrey: Person) -> None:
    export = ask(audrey, Wish("bundle", {"target": "none"}))
    report_exports.work()
    export.refresh_from_db()
    assert (export.state, export.problem) == ("failed", "Nothing was recorded about that.")


def test_the_same_is_not_begun_twice_and_not_too_many_at_once(audrey: Person) -> None:
    assert ask(audrey).id == ask(audrey).id
    ask(audrey, Wish("jsonl", {}))
    ask(audrey, Wish("bundle", {}))
    with pytest.raises(NotAsked):
        ask(audrey, Wish("csv", {"q": "x"}, "q=x"))


@pytest.mark.django_db(transaction=True)
def test_clicks_at_one_moment_begin_it_once(audrey: Person) -> None:
    scope = audrey.scope("audit.export")

    def click(_number: int) -> UUID:
        try:
            return report_exports.ask(scope, CSV).id
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(click, range(8)))) == 1
    assert Export.objects.count() == 1


def test_it_goes_after_a_day(audrey: Person) -> None:
    export = ready(audrey)
    clock.shift(timedelta(hours=24, seconds=1))
    with pytest.raises(NotGiven):
        taken(audrey, export)
    report_exports.work()
    export.refresh_from_db()
    assert (export.state, files()) == ("expired", [])
    clock.shift(timedelta(days=7))
    report_exports.work()
    assert not Export.objects.exists()


def test_it_goes_with_the_right(audrey: Person) -> None:
    export = ready(audrey)
    Membership.objects.filter(user=audrey.user).update(role="viewer")
    report_exports.work()
    export.refresh_from_db()
    assert (export.state, files()) == ("expired", [])


def test_a_right_withdrawn_meanwhile_ends_it(audrey: Person) -> None:
    export = ask(audrey)
    Membership.objects.filter(user=audrey.user).update(role="viewer")
    report_exports.work()
    export.refresh_from_db()
    assert (export.state, files()) == ("failed", [])


def test_it_holds_what_the_person_may_see_when_it_is_made(team: Team) -> None:
    reader = join(team, "rita", "auditor")
    export = ask(reader)
    _limit(reader, "102")
    report_exports.work()
    export.refresh_from_db()
    assert seqs(taken(reader, export)) == [8]


def test_it_is_not_given_to_whoever_may_see_less_by_then(team: Team) -> None:
    reader = join(team, "rita", "auditor")
    export = ready(reader)
    _limit(reader, "101")
    with pytest.raises(NotGiven, match="What you may see has changed"):
        taken(reader, export)


def test_one_that_was_changed_on_the_disk_is_not_given(audrey: Person) -> None:
    export = ready(audrey)
    (name,) = files()
    (report_exports.folder() / name).write_bytes(b"seq,at\n")
    with pytest.raises(NotGiven, match="changed on the panel"):
        taken(audrey, export)
    (report_exports.folder() / name).unlink()
    with pytest.raises(NotGiven, match="not on this machine"):
        taken(audrey, export)
    assert not AuditEvent.objects.filter(event="audit.exported").exists()


def test_a_worker_that_fails_tries_again_and_then_says_so(
    audrey: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exports, "write", full)
    export = ask(audrey)
    for _ in range(3):
        report_exports.work()
    export.refresh_from_db()
    assert (export.state, files()) == ("failed", [])
    assert "interrupted too often" in export.problem


def test_one_that_was_only_slow_does_not_disturb_its_successor(
    audrey: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = ask(audrey)
    write_all = exports.write

    def slow(*args: Any) -> Any:
        monkeypatch.setattr(exports, "write", write_all)
        clock.shift(report_exports.CLAIM * 2)
        report_exports.work()  # another worker
        return write_all(*args)

    monkeypatch.setattr(exports, "write", slow)
    report_exports.work()
    export.refresh_from_db()
    assert (export.state, export.attempt) == ("ready", 2)
    assert files() == [f"{export.id}.2"]
    assert len(seqs(taken(audrey, export))) == 8


def test_only_one_is_prepared_at_a_time(audrey: Person) -> None:
    first = ask(audrey)
    now = clock.now()
    Export.objects.filter(id=first.id).update(state="working", claimed_until=now + timedelta(1))
    second = ask(audrey, Wish("jsonl", {}))
    report_exports.work()
    second.refresh_from_db()
    assert second.state == "waiting"


@pytest.mark.django_db(transaction=True)
def test_after_a_killed_worker_another_starts_over(
    audrey: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = ask(audrey)
    child = os.fork()
    if not child:
        connection.connection = None  # the parent's
        monkeypatch.setattr(report_exports, "_teller", lambda _export: _killed)
        report_exports.work()
        os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    export.refresh_from_db()
    assert (export.state, files()) == ("working", [f"{export.id}.1.part"])
    with pytest.raises(NotGiven):
        taken(audrey, export)
    report_exports.work()
    assert files() == [f"{export.id}.1.part"]  # it may still live
    clock.shift(report_exports.CLAIM * 2)
    report_exports.work()
    export.refresh_from_db()
    assert (export.state, export.attempt) == ("ready", 2)
    assert seqs(taken(audrey, export)) == [*range(1, 9)]
    report_exports.work()
    assert files() == [f"{export.id}.2"]


def _killed(_share: float) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _limit(person: Person, server: str) -> None:
    membership = person.membership
    set_reach(membership, with_servers(server))
    membership.save()
    assert person.membership.reach != EVERYTHING
