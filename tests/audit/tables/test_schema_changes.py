"""Migrations are on the record, whoever runs them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db.migrations.recorder import MigrationRecorder
from django.db.models.signals import post_migrate
from pytest_django import Settings

from controlpanel.audit.events.sentences import sentence
from controlpanel.audit.log import read_only_state
from controlpanel.audit.models import AuditEvent
from controlpanel.audit.tables import schema_changes
from controlpanel.keys import readiness
from controlpanel.keys.models import KeyCheck
from tests.tools.breaking import broken_audit


@pytest.fixture
def as_in_use(db: None) -> Iterator[None]:
    """The tests' own database is made without it."""
    readiness.refuse_unless_ready()
    config = apps.get_app_config("audit")
    post_migrate.connect(schema_changes.migrated, sender=config, dispatch_uid="panel.migrated")
    yield
    post_migrate.disconnect(sender=config, dispatch_uid="panel.migrated")


def told() -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(chain="panel", event="panel.migrated").order_by("seq"))


def test_it_works(as_in_use: None) -> None:
    MigrationRecorder.Migration.objects.filter(app="sessions").delete()
    schema_changes.record_changes()
    call_command("migrate", "sessions", fake=True, verbosity=0)
    first, second = told()
    assert first.data["before"] == {}
    assert "sessions" not in first.data["after"]
    assert second.data["after"]["sessions"] == "0001_initial"
    assert second.data["apps"] == ["sessions"]
    assert second.actor_kind == "command"
    assert "shape of the database" in sentence(second)


def test_a_migrate_that_does_nothing_is_nothing(as_in_use: None) -> None:
    schema_changes.record_changes()
    call_command("migrate", verbosity=0)
    schema_changes.record_changes()
    assert len(told()) == 1


def test_before_there_are_keys_the_panel_is_not_read_only(
    as_in_use: None, settings: Settings, tmp_path: Path
) -> None:
    settings.PANEL_KEYS_FILE = tmp_path / "keys.json"
    schema_changes.migrated(plan=["something"])
    assert read_only_state.current() is None
    assert not told()


def test_nothing_is_sealed_before_the_database_knows_the_keys(as_in_use: None) -> None:
    known = list(KeyCheck.objects.all())
    KeyCheck.objects.all().delete()
    schema_changes.migrated(plan=["something"])
    assert not told()
    KeyCheck.objects.bulk_create(known)
    schema_changes.migrated(plan=["something"])
    assert len(told()) == 1


def test_what_could_not_be_recorded_is_recorded_at_the_next_start(as_in_use: None) -> None:
    with broken_audit():
        schema_changes.migrated(plan=["something"])
    assert not told()
    schema_changes.record_changes()
    assert len(told()) == 1
