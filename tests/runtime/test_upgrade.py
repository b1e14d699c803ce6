"""A database of before the packages were laid out is taken over as it is.

`before/panel.sqlite3.gz`: the demo team of December 2026; `before/keys.json`: the ring
that it was used with, which seals nothing else.
"""

import gzip
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT

BEFORE = Path(__file__).parent / "before"


class Panel:
    """One that was stopped before the upgrade."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "panel.sqlite3"
        self.database.write_bytes(gzip.decompress((BEFORE / "panel.sqlite3.gz").read_bytes()))
        shutil.copy(BEFORE / "keys.json", folder)
        (folder / "keys.json").chmod(0o600)
        (folder / "secret_key").write_text("x" * 50, encoding="utf-8")
        self.environment = {
            "PATH": os.environ["PATH"],
            "PANEL_VAR": str(folder),
            "PANEL_DEMO": "1",  # its people are the demo people
            "VPSORG_API_URL": "http://127.0.0.1:8791",
        }

    def command(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *words], cwd=ROOT, env=self.environment,
            capture_output=True, text=True, check=False, timeout=100,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def rows(self, table: str) -> int:
        with sqlite3.connect(self.database) as database:
            found: int = database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
        return found


@pytest.fixture
def panel(tmp_path: Path) -> Panel:
    return Panel(tmp_path)


def test_it_migrates_and_verifies_and_may_start(panel: Panel) -> None:
    tables = ("accounts_user", "accounts_team", "credentials_credential", "servers_server")
    before = [panel.rows(table) for table in tables]
    assert min(before) > 0
    panel.command("migrate")
    assert [panel.rows(table) for table in tables] == before
    assert "is in order" in panel.command("verify_audit")
    panel.command("preflight")
