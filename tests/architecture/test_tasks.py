"""Whatever is asked of the worker, it knows: a name that it does not know is thrown away."""

import ast
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from celery import Celery
from django.conf import settings
from django.db import connection

from dev.panel import worker_command
from dev.processes import Child, Log, end_all
from tests.architecture.tree import ROOT, files
from tests.faults.running import eventually
from tests.tools.valkey import ValkeyServer

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
COMMANDS = {"make run": worker_command(), "Compose": COMPOSE["services"]["worker"]["command"]}
ENQUEUE = ROOT / "controlpanel" / "outgoing" / "enqueue.py"
# What an older panel put into the queue and called otherwise; each stays for one release.
FORMER_NAMES = {"controlpanel.operations.tasks.export", "controlpanel.operations.tasks.look"}
# Other ways to put a task into the queue.
_OTHER_WAYS = {"send_task", "delay", "apply_async"}


def beat_asks_for() -> set[str]:
    return {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}


def calls() -> Iterator[tuple[Path, str, ast.Call]]:
    """Each call in the panel's code, and the last word of what is called."""
    for path in files():
        if path.suffix == ".py" and path.is_relative_to(ROOT / "controlpanel"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    yield path, _last_word(node.func), node


def _last_word(called: ast.expr) -> str:
    if isinstance(called, ast.Attribute):
        return called.attr
    return called.id if isinstance(called, ast.Name) else ""


def code_asks_for() -> set[str]:
    found = set()
    for path, name, call in calls():
        if name == "enqueue":
            task = call.args[0]
            assert isinstance(task, ast.Constant), f"{path}:{call.lineno} enqueues what it finds"
            found.add(f"controlpanel.{task.value!s}")
    return found


def environment_of(valkey: ValkeyServer) -> dict[str, str]:
    """Of a process on this test's database."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.faults.child_settings",
        "FAULTS_DATABASE": str(connection.settings_dict["NAME"]),
        "REDIS_URL": valkey.url,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }


def started(command: list[str], folder: Path, environment: Mapping[str, str]) -> Iterator[Log]:
    child = Child("worker", command, environment, Log(folder / "worker.log"))
    child.start()
    try:
        eventually(lambda: "ready" in child.log.tail(300) or not child.is_running, 60)
        assert child.is_running, child.log.tail(60)
        yield child.log
        assert child.is_running, child.log.tail(60)
    finally:
        end_all([[child]], seconds=5)


@pytest.fixture(params=COMMANDS)
def registered(
    request: pytest.FixtureRequest, transactional_db: None, tmp_path: Path, valkey: ValkeyServer
) -> Iterator[set[str]]:
    """What a worker says that it knows, started on this test's database as it is in use."""
    for log in started(COMMANDS[request.param], tmp_path, environment_of(valkey)):
        yield set(re.findall(r"^ +\. (controlpanel\.\S+)$", log.tail(300), re.MULTILINE))


def packages_with_tasks() -> set[str]:
    paths = [path.relative_to(ROOT) for path in files() if path.name == "tasks.py"]
    return {".".join(path.with_suffix("").parts) for path in paths if path.parts[0] != "tests"}


def test_the_worker_knows_whatever_it_is_asked_for(registered: set[str]) -> None:
    assert len(beat_asks_for()) > 10
    assert not beat_asks_for() - registered
    assert len(code_asks_for()) > 2
    assert not code_asks_for() - registered
    assert packages_with_tasks() == {task.rpartition(".")[0] for task in registered}


def test_the_worker_knows_what_an_older_panel_asked_for(registered: set[str]) -> None:
    assert registered >= FORMER_NAMES


def test_whoever_writes_to_redis_cannot_end_the_worker(
    transactional_db: None, tmp_path: Path, valkey: ValkeyServer
) -> None:
    with Celery(broker=valkey.url, set_as_current=False) as stranger:
        for log in started(COMMANDS["make run"], tmp_path, environment_of(valkey)):
            assert not stranger.control.ping(timeout=1)
            stranger.control.shutdown()
            stranger.control.rate_limit("controlpanel.operations.tasks.sweep", "1/h")
            time.sleep(1)
            assert "shutdown" not in log.tail(300)


def test_nothing_is_enqueued_elsewhere() -> None:
    found = {path for path, name, _ in calls() if name in _OTHER_WAYS}
    assert found == {ENQUEUE}
