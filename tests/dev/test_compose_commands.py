"""The commands of Dockerfile and docker-compose.yml, run as processes: PostgreSQL and Valkey are
real, and the secrets come from files, as there."""

import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from dev.postgres import temporary_postgres
from dev.probes import page_answers
from dev.processes import Child, Log, end_all
from dev.valkey import free_port
from tests.architecture.tree import ROOT
from tests.dev.test_run import without_test_settings
from tests.tools.valkey import ValkeyServer

pytestmark = [pytest.mark.deep, pytest.mark.timeout(180)]
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


def plain(value: str) -> str:
    """With what stands there for a variable that is not set."""
    return re.sub(r"\$\{\w+:-(.*?)\}", r"\1", value)


class Composed:
    def __init__(self, folder: Path, database_url: str, redis_url: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.started: list[Child] = []
        (folder / "database_url").write_text(database_url)
        (folder / "redis_url").write_text(redis_url)
        (folder / "secret_key").write_text(secrets.token_urlsafe(50))

    def environment(self, name: str) -> dict[str, str]:
        given = {
            variable: re.sub(r"/run/(secrets|ring)\b", str(self.folder), plain(value))
            for variable, value in SERVICES[name]["environment"].items()
        }
        return {
            **without_test_settings(),
            **given,
            "DJANGO_SETTINGS_MODULE": "controlpanel.settings",
            "PANEL_VAR": str(self.folder),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }

    def command(self, name: str) -> list[str]:
        words = SERVICES[name].get("command") or json.loads(
            re.findall(r"^CMD (.*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[-1]
        )
        return [self.at_our_port(word) for word in words]

    def at_our_port(self, word: str) -> str:
        return re.sub(r"(0\.0\.0\.0|127\.0\.0\.1):8000", f"127.0.0.1:{self.port}", word)

    def finish(self, *command: str, name: str = "migrate") -> None:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment(name),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self, name: str) -> Child:
        log = Log(self.folder / f"{name}.log")
        child = Child(name, self.command(name), self.environment(name), log)
        child.start()
        self.started.append(child)
        return child


@pytest.fixture
def composed(tmp_path: Path) -> Iterator[Composed]:
    valkey = ValkeyServer(tmp_path)
    valkey.start()
    try:
        with temporary_postgres() as database_url:
            composed = Composed(tmp_path, database_url, valkey.url)
            try:
                yield composed
            finally:
                end_all([composed.started], seconds=5)
    finally:
        valkey.stop()


def test_it_works(composed: Composed) -> None:
    composed.finish("python", "manage.py", "keys", "init")
    composed.finish(*composed.command("migrate"))
    children = [composed.start(name) for name in ("web", "worker", "beat")]
    web, worker, _ = children
    wait_until(children, lambda: page_answers(composed.port, "/healthz"))
    wait_until(children, lambda: "ready" in worker.log.tail(200))
    wait_until(children, lambda: "succeeded" in worker.log.tail(200))
    check = [composed.at_our_port(word) for word in SERVICES["web"]["healthcheck"]["test"]]
    composed.finish(*check[1:], name="web")
    assert web.is_running


def test_it_refuses_to_serve_before_the_migration(composed: Composed) -> None:
    composed.finish("python", "manage.py", "keys", "init")
    web = composed.start("web")
    assert web.process
    web.process.wait(timeout=30)
    assert "migrate" in web.log.tail(100)


def wait_until(children: list[Child], condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        for child in children:
            assert child.is_running, child.log.tail(60)
        assert time.monotonic() < deadline, [child.log.tail() for child in children]
        time.sleep(0.05)
