"""What the parts do together: `make run`'s processes, and one read by a script that becomes an
event. `make test` runs this beside everything else, since most of it is waiting."""

import json
import re
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests
from django.conf import settings

from controlpanel.lib import clock
from tests.faults.running import RunningPanel, eventually

pytestmark = [pytest.mark.system, pytest.mark.timeout(280)]
# From the read to its event.
WITHIN = timedelta(minutes=1)
# Of the structured logs, of gunicorn, of Celery, and of a traceback that nobody caught.
ERROR = re.compile(r'"level": "(?:error|critical)"|\b(?:ERROR|CRITICAL)\b|^Traceback')


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPanel]:
    panel = RunningPanel(tmp_path_factory.mktemp("whole"))
    yield panel
    panel.stop()


def read_with_a_key(panel: RunningPanel) -> datetime:
    """When it was."""
    issued = panel.command("issue_panel_key", "--user", "viewer@example.com", "--team", "acme")
    assert issued.returncode == 0, issued.stderr
    headers = {"Authorization": f"Bearer {issued.stdout.strip()}"}
    answer = requests.get(f"{panel.url}/api/v1/servers/", headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    return clock.now()


def reads_on_record(panel: RunningPanel) -> list[dict[str, Any]]:
    path = panel.var / "reads.jsonl"
    path.unlink(missing_ok=True)
    filters = ("--format", "jsonl", "--filters", "action:gateway.reads")
    done = panel.command("export_audit", "--team", "acme", *filters, str(path))
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in path.read_text().splitlines()]


def logs(panel: RunningPanel) -> dict[str, str]:
    return {path.name: path.read_text() for path in (panel.var / "log").iterdir()}


def done_by_the_worker(panel: RunningPanel) -> set[str]:
    return set(
        re.findall(r"Task (controlpanel\.[\w.]+)\[[^]]+\] succeeded", logs(panel)["worker.log"])
    )


def test_a_read_becomes_an_event_and_no_log_tells_of_an_error(panel: RunningPanel) -> None:
    read_at = read_with_a_key(panel)
    time.sleep(WITHIN.total_seconds() + 1)
    [event] = reads_on_record(panel)
    assert event["data"]["route"] == "servers.list"
    assert event["data"]["count"] == 1
    assert datetime.fromisoformat(event["at"]) - read_at < WITHIN
    frequent = {
        entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values() if entry["schedule"] <= 60
    }
    eventually(lambda: frequent <= done_by_the_worker(panel), 60)
    checked = panel.command("verify_audit")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    errors = {
        name: found
        for name, text in logs(panel).items()
        if (found := [line for line in text.splitlines() if ERROR.search(line)])
    }
    assert not errors
    assert {"web.log", "worker.log", "beat.log", "sandbox.log", "valkey.log"} <= logs(panel).keys()
