"""Requests made up from the OpenAPI document, right and wrong ones, as each role: by schemathesis,
against a really running panel.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.running import RunningPanel

pytestmark = [pytest.mark.deep, pytest.mark.timeout(1800)]
HERE = Path(__file__).parent
CASES = 5_000


@pytest.fixture
def panel(tmp_path: Path) -> Iterator[RunningPanel]:
    started = RunningPanel(tmp_path, PANEL_GATEWAY_RATE="100000", PANEL_GATEWAY_BURST="100000")
    yield started
    started.stop()


@pytest.mark.parametrize("role", ["owner", "admin", "operator", "viewer", "auditor"])
def test_any_request(panel: RunningPanel, outside: Path, tmp_path: Path, role: str) -> None:
    panel.sandbox("POST", "credit", account="acme", amount=10**9)
    issued = panel.command("issue_panel_key", "--user", f"{role}@example.com", "--team", "acme")
    command = [str(outside / "st"), "--config-file", str(HERE / "schemathesis.toml"), "run"]
    command += [f"{panel.url}/api/v1/openapi.json", "--continue-on-failure", "--no-color"]
    command += ["--header", f"Authorization: Bearer {issued.stdout.strip()}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout.partition("= FAILURES =")[2] or done.stderr
    found = re.search(r"(\d[\d,]*) generated", done.stdout)
    assert found, done.stdout
    assert int(found[1].replace(",", "")) >= CASES
