from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from controlpanel.accounts.models import User
from controlpanel.audit.log import triggers
from controlpanel.keys import ring
from controlpanel.runtime import readiness


def preflight() -> str:
    out = StringIO()
    call_command("preflight", stdout=out)
    return out.getvalue()


def test_it_works(db: None) -> None:
    assert preflight() == "The panel may start.\n"


def test_it_refuses_demo_people_without_the_flag(db: None, settings: Settings) -> None:
    User.objects.create_user("owner@example.com", is_demo=True)
    assert preflight()
    settings.PANEL_DEMO = False
    with pytest.raises(CommandError, match="PANEL_DEMO=1"):
        preflight()


def test_it_refuses_missing_keys(db: None, settings: Settings, tmp_path: Path) -> None:
    settings.PANEL_KEYS_FILE = tmp_path / "absent.json"
    with pytest.raises(CommandError, match="no key ring"):
        preflight()


def test_it_refuses_other_keys(db: None, settings: Settings, tmp_path: Path) -> None:
    preflight()
    settings.PANEL_KEYS_FILE = tmp_path / "other.json"
    ring.create(Path(settings.PANEL_KEYS_FILE), ring.new())
    with pytest.raises(CommandError, match="Restore the ring"):
        preflight()


def test_it_refuses_a_database_that_is_behind(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'operations'")
    with pytest.raises(CommandError, match="not up to date"):
        preflight()


@pytest.mark.databases
def test_it_refuses_missing_triggers(db: None) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DROP TRIGGER audit_event_no_update")
        else:
            cursor.execute("DROP TRIGGER audit_event_no_change ON audit_auditevent")
    assert triggers.missing()
    with pytest.raises(CommandError, match="append-only"):
        preflight()


def test_a_process_that_serves_ends_with_the_sentence(
    db: None, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    User.objects.create_user("owner@example.com", is_demo=True)
    settings.PANEL_DEMO = False
    with pytest.raises(SystemExit) as ended:
        readiness.exit_unless_ready("web")
    assert ended.value.code == readiness.EXIT_CODE
    said = capsys.readouterr().err
    assert said.startswith("The panel does not start. ")
    assert said.count("\n") == 1
