from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from controlpanel.audit.log import triggers
from tests.audit.writing import Team, triggers_aside


@pytest.fixture
def acme(db: None) -> Team:
    """A chain of six events, and the Scope to read it."""
    team = Team("acme")
    for number in range(1, 7):
        team.write_numbered(number)
    return team


@pytest.fixture
def globex(db: None) -> Team:
    team = Team("globex")
    for number in range(1, 4):
        team.write(target=f"db-{number:02}")
    return team


@pytest.fixture
def as_owner(db: None) -> Iterator[None]:
    """The triggers are out of the way, as only the database's owner can do."""
    triggers_aside()
    yield
    triggers.make()


@pytest.fixture(autouse=True)
def ledger_file(settings: Settings, tmp_path: Path) -> Path:
    """The checkpoints' file outside the database, of this test's own."""
    settings.PANEL_CHECKPOINTS_FILE = tmp_path / "checkpoints" / "checkpoints.jsonl"
    return tmp_path / "checkpoints" / "checkpoints.jsonl"
