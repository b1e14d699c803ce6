"""The panel as `make run` starts it: sandbox, Valkey, web, worker and beat as processes."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
import requests

from dev.valkey import free_port
from tests.architecture.tree import ROOT

READY = "The panel is ready"
START_SECONDS = 120
PROVISION_SECONDS, POWER_SECONDS = 3.0, 2.0
# Settings of whoever runs the tests; the panel gets those given here and no others.
_NOT_PASSED_ON = (
    "PANEL_", "VPSORG_", "DJANGO_", "REDIS_URL", "DATABASE_URL", "TEST_", "PYTEST_", "SANDBOX_",
    "MAKE",
)  # fmt: skip


class SandboxDoor:
    """The provider's control door: what happens behind the panel's back."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}/_sandbox"

    def ask(self, method: str, path: str, data: dict[str, Any] | None = None) -> Any:
        answer = requests.request(method, f"{self.address}/{path}", json=data, timeout=10)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def calls(self, since: int = 0, *, changing: bool = True) -> list[dict[str, Any]]:
        found = self.ask("GET", f"journal?changing={int(changing)}&since={since}")["results"]
        return list(found)

    def changes(self, since: int = 0) -> list[str]:
        """`POST /api/v1/servers/`, in order."""
        return [f"{call['method']} {call['path']}" for call in self.calls(since)]

    def mark(self) -> int:
        """For `since`: what is already in the journal does not count."""
        return max((call["number"] for call in self.calls(changing=False)), default=0)

    def fault(self, kind: str, **options: Any) -> None:
        self.ask("POST", "faults", {"kind": kind, **options})

    def clear_faults(self) -> None:
        self.ask("DELETE", "faults")

    def add_server(self, **fields: Any) -> str:
        return str(self.ask("POST", "servers", fields)["id"])

    def change_server(self, server_id: str, **fields: Any) -> None:
        self.ask("PATCH", f"servers/{server_id}", fields)

    def remove_server(self, server_id: str) -> None:
        self.ask("DELETE", f"servers/{server_id}")

    def named(self, name: str) -> list[dict[str, Any]]:
        return [one for one in self.ask("GET", "servers")["results"] if one["name"] == name]


class RunningPanel:
    """Within `with`; afterwards nothing of it is left running."""

    def __init__(self, var: Path, settings: Mapping[str, str] | None = None) -> None:
        self.var = var
        self.port, sandbox_port = free_port(), free_port()
        self.address = f"http://localhost:{self.port}"
        self.door = SandboxDoor(sandbox_port)
        self._output = var.parent / "output"
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(_NOT_PASSED_ON)},
            "PORT": str(self.port),
            "SANDBOX_PORT": str(sandbox_port),
            "SANDBOX_PROVISION_SECONDS": str(PROVISION_SECONDS),
            "PANEL_VAR": str(var),
            **(settings or {}),
        }

    def __enter__(self) -> Self:
        with self._output.open("w") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "dev.run"],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait()
            self.door.ask("POST", "settings", {"power_seconds": POWER_SECONDS})
            self.door.ask("POST", "credit", {"amount": 10_000})
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    @contextmanager
    def worker_stopped(self) -> Iterator[None]:
        """The worker stands still, as on a machine that is too busy; what is asked for waits."""
        children = psutil.Process(self._process.pid).children(recursive=True)
        workers = [child for child in children if child.cmdline()[0] == "[celeryd:"]
        assert workers
        for worker in workers:
            worker.suspend()
        try:
            yield
        finally:
            for worker in workers:
                worker.resume()

    def manage(self, *words: str) -> str:
        """A command as an operator runs it beside the panel; what it prints."""
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env={**self._environment, "PANEL_DEMO": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert not done.returncode, done.stderr
        return done.stdout

    def newest_mail(self, to: str) -> str:
        """Its text; in the demo, mail is written into a folder."""
        for path in sorted((self.var / "mail").iterdir(), reverse=True):
            mail = message_from_bytes(path.read_bytes(), policy=default)
            if mail["To"] == to:
                body = mail.get_body(("plain",))
                assert body is not None
                return str(body.get_content())
        raise AssertionError(f"no mail to {to}")

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while READY not in self._output.read_text():
            assert self._process.poll() is None, self._output.read_text()
            assert time.monotonic() < deadline, self._output.read_text()
            time.sleep(0.1)

    def _end(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=15)
