"""What somebody with SQL does to counts of reads on their way into the log is named."""

import uuid
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import DatabaseError

from controlpanel.audit.models import AuditEvent
from controlpanel.audit.verification import progress, worker
from controlpanel.audit.verification.full_check import verify
from controlpanel.gateway import read_usage
from controlpanel.gateway.models import Reads
from controlpanel.gateway.signed_counts import name_of, series
from controlpanel.keys.ring import KeysNotReady
from controlpanel.lib import clock

pytestmark = [
    pytest.mark.databases,
    pytest.mark.django_db,
    pytest.mark.usefixtures("_half_minute_begins"),
]

CHANGES = {
    "count": 1,
    "route": "servers.create",
    "address": "203.0.113.9",
    "actor_id": str(uuid.uuid4()),
    "actor_name": "somebody@example.com",
    "actor_role": "owner",
    "key_name": "another",
    "panel_key": uuid.uuid4(),
    "team": uuid.uuid4(),
    "number": 77,
    "process": "0123456789abcdef",
    "mac": "0" * 64,
    "mac_key_id": "fingerprint-1",
}


@pytest.fixture
def rows(viewer):
    """Four counts of this process, for two events."""
    for _ in range(2):
        for _ in range(2):
            viewer.get("/servers/")
            viewer.get("/servers/")
            read_usage.write_down()
        clock.shift(timedelta(minutes=1))
    return list(Reads.objects.order_by("number"))


def take_in():
    clock.shift(timedelta(minutes=3))
    return read_usage.record_reads()


def found():
    wrong = verify().wrong
    return (wrong.kind, wrong.sentence) if wrong else None


def numbers(event="gateway.reads"):
    return [
        name
        for one in AuditEvent.objects.filter(event=event).order_by("seq")
        for name in one.data["numbers"]
    ]


def test_numbers_have_no_gaps_and_events_name_them(rows):
    assert [row.number for row in rows] == [1, 2, 3, 4]
    assert len({row.process for row in rows}) == 1
    assert found() is None
    assert take_in() == 2
    assert numbers() == [name_of(row) for row in rows]
    assert found() is None


@pytest.mark.parametrize("column", [*CHANGES, "minute"])
def test_a_changed_count_is_named_before_it_is_taken_in_and_after(rows, column):
    other = rows[1].minute - timedelta(minutes=5)
    Reads.objects.filter(id=rows[1].id).update(**{column: CHANGES.get(column, other)})
    changed = name_of(Reads.objects.get(id=rows[1].id))
    kind, sentence = found()
    assert kind == "reads_changed"
    assert changed in sentence
    take_in()
    assert numbers("gateway.reads_unproven") == [changed]
    kind, sentence = found()
    assert (kind, changed in sentence) == ("reads_changed", True)


@pytest.mark.parametrize("gone", [(1,), (2,), (3,), (1, 2), (2, 3), (1, 2, 3)])
def test_what_is_left_out_is_named_before_the_others_are_taken_in_and_after(rows, gone):
    names = [name_of(row) for row in rows if row.number in gone]
    Reads.objects.filter(number__in=gone).delete()
    for _ in range(2):
        kind, sentence = found()
        assert kind == "reads_missing"
        assert all(name in sentence for name in names)
        take_in()
    assert not set(numbers()) & set(names)


def test_the_newest_that_is_left_out_is_not_seen_until_a_later_one_comes(rows, viewer):
    """So the documents say."""
    Reads.objects.filter(number=4).delete()
    assert found() is None
    viewer.get("/servers/")
    read_usage.write_down()
    assert found()[0] == "reads_missing"


def test_an_invented_count_is_named_and_counts_for_nothing(rows):
    invented = Reads.objects.get(number=4)
    invented.pk, invented.process, invented.number = None, "f" * 16, 10**15
    invented.save(force_insert=True)
    assert found()[0] == "reads_changed"
    take_in()
    assert numbers("gateway.reads_unproven") == [f"{'f' * 16}:{10**15}"]
    proven = AuditEvent.objects.filter(event="gateway.reads")
    assert [one.data["count"] for one in proven] == [4, 4]


def test_a_count_put_back_after_it_was_taken_in_is_named(rows):
    take_in()
    again = rows[0]
    again.pk = None
    again.save(force_insert=True)
    take_in()
    kind, sentence = found()
    assert kind == "reads_twice"
    assert name_of(again) in sentence


def test_one_from_before_counts_were_signed_is_told_as_one_that_nothing_proves(rows):
    Reads.objects.all().update(process="", number=None, mac="", mac_key_id="")
    assert found() is None
    assert take_in() == 2
    assert numbers("gateway.reads_unproven") == []
    assert found() is None


def test_a_failure_begins_another_series(rows, viewer, monkeypatch):
    def fail(*_args, **_kwargs):
        raise DatabaseError

    viewer.get("/servers/")
    with monkeypatch.context() as broken:
        broken.setattr(Reads, "save", fail)
        read_usage.write_down()
    read_usage.write_down()
    last = Reads.objects.order_by("-id")[0]
    assert (last.process, last.number) == (series.process, 1)
    assert last.process != rows[0].process
    assert found() is None


def test_without_keys_counts_wait(viewer, monkeypatch):
    def fail(*_args):
        raise KeysNotReady("gone")

    viewer.get("/servers/")
    with monkeypatch.context() as broken:
        broken.setattr("controlpanel.gateway.signed_counts.macs.mac", fail)
        read_usage.write_down()
    assert not Reads.objects.exists()
    read_usage.write_down()
    assert Reads.objects.get().count == 1


def test_many_counts_of_a_minute_become_several_events(viewer):
    for _ in range(45):
        viewer.get("/servers/")
        read_usage.write_down()
    assert take_in() >= 2
    assert len(numbers()) == 45
    assert found() is None


def test_the_command_and_the_workers_name_it(rows, capsys):
    Reads.objects.filter(number=2).delete()
    with pytest.raises(SystemExit):
        call_command("verify_audit")
    assert f"{name_of(rows[1])}. [reads_missing]" in capsys.readouterr().err
    clock.shift(timedelta(days=2))
    worker.run()
    wrong = progress.load("").wrong
    assert wrong is not None
    assert wrong.kind == "reads_missing"
