"""The panel goes on writing while its log is verified."""

import threading

import pytest
from django.db import connection

from controlpanel.audit.checkpoints import checkpoints
from controlpanel.audit.models import AuditEvent
from controlpanel.audit.verification.full_check import verify
from controlpanel.audit.verification.target_histories import Histories, Problem
from tests.audit.writing import Team

pytestmark = [pytest.mark.databases, pytest.mark.django_db]


def test_it_checks_what_is_written_meanwhile(
    acme: Team, globex: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it has come to the head as it was, another event has moved that."""
    checkpoints.take()
    real, teams = Histories.check_heads, [acme, globex]

    def late(self: Histories) -> Problem | None:
        for team in teams:
            team.write(target="web-01")
            checkpoints.take()
        teams.clear()
        return real(self)

    monkeypatch.setattr(Histories, "check_heads", late)
    report = verify()
    assert report.sound, report.wrong
    assert report.events == AuditEvent.objects.count() == 11
    assert report.checkpoints.number == 1


def test_it_goes_on_while_the_panel_writes(transactional_db: None) -> None:
    team, over = Team("acme"), threading.Event()

    def write() -> None:
        try:
            while not over.is_set():
                team.write()
                checkpoints.take()
        finally:
            connection.close()

    writer = threading.Thread(target=write)
    team.write()
    writer.start()
    try:
        reports = [verify() for _ in range(15)]
    finally:
        over.set()
        writer.join(30)
    assert [report.wrong for report in reports] == [None] * 15
    assert reports[-1].events > reports[0].events
    assert reports[-1].checkpoints.number > reports[0].checkpoints.number
