"""`manage.py export_audit`: a bundle from the command line, and a record of it."""

import json
import subprocess
import sys
import zipfile
from hashlib import sha256
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from controlpanel.accounts.models import Team
from controlpanel.audit.log.recorder import Target, record_now
from controlpanel.audit.models import AuditEvent
from controlpanel.lib.scope import Actor, Origin

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(settings: Settings, tmp_path: Path) -> Team:
    settings.PANEL_CHECKPOINTS_FILE = tmp_path / "var" / "checkpoints.jsonl"
    team = Team.objects.create(slug="acme", name="Acme")
    for server in ("101", "102", "101"):
        record_now(
            "server.reboot",
            chain=str(team.id),
            actor=Actor("user", "b0b", "bob@example.com", "operator"),
            origin=Origin("page"),
            target=Target("server", server, f"web-{server}"),
            result="success",
            data={"phase": "outcome", "operation": "1", "account": "main"},
        )
    return team


def export(*arguments: object) -> str:
    out = StringIO()
    call_command("export_audit", *map(str, arguments), stdout=out, skip_checks=True)
    return out.getvalue()


def verified(file: Path) -> str:
    with zipfile.ZipFile(file) as archive:
        archive.extractall(file.parent / "unpacked")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "verify.py"],
        cwd=file.parent / "unpacked", capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_it_writes_one_servers_history(team: Team, tmp_path: Path) -> None:
    file = tmp_path / "bundle.zip"
    assert "Wrote 2 events" in export("--team", "acme", "--server", "101", file)
    assert "these 2 events are the complete history of server 101" in verified(file)
    event = AuditEvent.objects.get(event="audit.exported")
    assert event.data == {
        "format": "bundle",
        "what": "2 events",
        "query": "server=101",
        "count": 2,
        "first": 1,
        "last": 3,
        "sha256": sha256(file.read_bytes()).hexdigest(),
    }
    assert file.stat().st_mode & 0o777 == 0o600


def test_it_writes_a_span(team: Team, tmp_path: Path) -> None:
    file = tmp_path / "bundle.zip"
    assert "Wrote 3 events" in export("--team", "acme", "--since", "2026-01-01", file)
    assert "events #1 to #3 follow each other" in verified(file)


def test_it_has_the_filters_of_the_page(team: Team, tmp_path: Path) -> None:
    file = tmp_path / "bundle.zip"
    export("--team", "acme", "--filters", "web-102", file)
    assert "no other event fits the filters web-102" in verified(file)


def test_it_writes_lines(team: Team, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    export("--team", "acme", "--format", "jsonl", "--filters", "target:101", file)
    assert [json.loads(line)["seq"] for line in file.read_text().splitlines()] == [1, 3]


def test_nothing_is_written_that_cannot_be_recorded(
    team: Team, tmp_path: Path, audit_broken: None
) -> None:
    with pytest.raises(CommandError):
        export("--team", "acme", tmp_path / "bundle.zip")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--team", "nobody"], "no team"),
        (["--team", "acme", "--server", "999"], "Nothing was recorded"),
        (["--team", "acme", "--server", "101", "--since", "2026-01-01"], "no times"),
        (["--team", "acme", "--server", "101", "--filters", "1"], "no filters"),
        (["--team", "acme", "--since", "2026-01-01", "--filters", "1"], "into the filters"),
        (["--team", "acme", "--since", "yesterday"], "not a time"),
        (["--team", "acme", "--filters", "after:soon"], "Write a date"),
        (["--team", "acme", "--format", "csv", "--server", "101"], "for bundles"),
    ],
)
def test_it_says_why_there_is_none(
    team: Team, tmp_path: Path, arguments: list[str], words: str
) -> None:
    with pytest.raises(CommandError, match=words):
        export(*arguments, tmp_path / "bundle.zip")
    assert not (tmp_path / "bundle.zip").exists()


def test_it_overwrites_nothing(team: Team, tmp_path: Path) -> None:
    (tmp_path / "bundle.zip").write_text("mine")
    with pytest.raises(CommandError, match="exists already"):
        export("--team", "acme", tmp_path / "bundle.zip")
    assert (tmp_path / "bundle.zip").read_text() == "mine"
    with pytest.raises(CommandError, match="cannot be written"):
        export("--team", "acme", tmp_path / "nowhere" / "bundle.zip")
