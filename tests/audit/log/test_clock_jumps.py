"""A clock that jumps is on the record."""

from datetime import UTC, datetime, timedelta

import pytest

from controlpanel.audit import tasks
from controlpanel.audit.events.sentences import sentence
from controlpanel.audit.log import clock_jumps
from controlpanel.audit.log.recorder import AuditUnavailable
from controlpanel.audit.models import AuditEvent
from controlpanel.audit.verification import full_check
from controlpanel.lib import clock
from tests.audit.writing import Team
from tests.tools.breaking import broken_audit


def jumps() -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(event="panel.clock_jumped").order_by("seq"))


def test_it_works(db: None) -> None:
    tasks.watch_clock()
    clock.shift(timedelta(hours=1))
    tasks.watch_clock()
    clock.shift(timedelta(minutes=-2))
    tasks.watch_clock()
    tasks.watch_clock()
    forward, back = jumps()
    assert (forward.phase, forward.data["seconds"]) == ("forward", 3600)
    assert (back.phase, back.data["seconds"]) == ("back", 120)
    assert back.at < forward.at
    assert "jumped back by 120 seconds" in sentence(back)
    assert full_check.verify().sound


@pytest.mark.parametrize("seconds", [9, -9])
def test_a_small_correction_is_none(db: None, seconds: int) -> None:
    clock_jumps.watch()
    clock.shift(timedelta(seconds=seconds))
    clock_jumps.watch()
    assert not jumps()


def test_what_could_not_be_recorded_is_recorded_later(db: None) -> None:
    clock_jumps.watch()
    clock.shift(timedelta(hours=1))
    with broken_audit():
        with pytest.raises(AuditUnavailable):
            clock_jumps.watch()
        tasks.watch_clock()
    tasks.watch_clock()
    (one,) = jumps()
    assert one.data["seconds"] == 3600


def test_a_start_before_what_is_recorded_already(acme: Team) -> None:
    newest = datetime.now(UTC)
    clock.shift(timedelta(days=-1))
    clock_jumps.read_back()
    (one,) = jumps()
    assert one.phase == "back"
    assert abs(one.data["seconds"] - 86_400) < 60
    assert datetime.fromisoformat(one.data["expected"]) <= newest


def test_a_start_afterwards_is_nothing(acme: Team) -> None:
    clock_jumps.read_back()
    assert not jumps()
