"""The whole panel as processes, started as `make run` starts it, and a browser to use it with."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import psutil
import redis
import requests

from controlpanel.lib import ids
from dev.panel import beat_command, worker_command
from dev.run import DEMO_PASSWORD
from dev.valkey import free_port
from tests.architecture.tree import ROOT

READY: Final = "The panel is ready"
# Words on the command line by which each process is known.
NAMES: Final = {
    "web": "gunicorn",
    "worker": "controlpanel.celery worker",
    "beat": "controlpanel.celery beat",
    "sandbox": "controlpanel.sandbox",
    "valkey": "valkey-server",
}


class RunningPanel:
    def __init__(self, folder: Path, **environment: str) -> None:
        self.var = folder / "var"
        self.port, self.sandbox_port = free_port(), free_port()
        self._output = folder / "output"
        with self._output.open("w") as output:
            self._run = subprocess.Popen(
                [sys.executable, "-m", "dev.run"],
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={
                    **without_test_settings(),
                    "PORT": str(self.port),
                    "SANDBOX_PORT": str(self.sandbox_port),
                    "SANDBOX_PROVISION_SECONDS": "8",
                    "PANEL_VAR": str(self.var),
                    **environment,
                },
            )
        eventually(lambda: READY in self.said() or self._run.poll() is not None, 120)
        assert READY in self.said(), self.said()

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def provider(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}"

    def said(self) -> str:
        return self._output.read_text()

    def family(self) -> list[psutil.Process]:
        top = psutil.Process(self._run.pid)
        return [top, *top.children(recursive=True)]

    def process(self, name: str) -> psutil.Process:
        """The topmost of that name; waits while it is being started again."""
        found: list[psutil.Process] = []

        def is_there() -> bool:
            found[:] = [one for one in self.family() if _is_called(one, NAMES[name])]
            return bool(found)

        eventually(is_there, 60)
        return found[0]

    def environment(self) -> dict[str, str]:
        """What the panel's processes are given."""
        # Gunicorn and Celery write their titles over it; the sandbox leaves it as it was.
        given: dict[str, str] = self.process("sandbox").environ()
        return given

    def kill_web(self) -> None:
        """All of it, and gone when this returns: one that is dying may still take a connection."""
        web = self.process("web")
        family = [*web.children(recursive=True), web]
        for process in family:
            process.kill()
        assert not psutil.wait_procs(family, timeout=10)[1]

    @contextlib.contextmanager
    def redis(self) -> Iterator[redis.Redis]:
        with redis.Redis.from_url(self.environment()["REDIS_URL"]) as client:
            yield client

    @contextlib.contextmanager
    def paused(self, name: str) -> Iterator[None]:
        process = self.process(name)
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def another(self, name: str) -> Iterator[None]:
        """A second one beside the first."""
        command = {"worker": worker_command, "beat": beat_command}[name]()
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield
            assert process.poll() is None
        finally:
            process.kill()
            process.wait()

    def sandbox(self, method: str, path: str, /, **data: Any) -> Any:
        """The control door of the provider."""
        address = f"{self.provider}/_sandbox/{path}"
        answer = requests.request(method, address, json=data, timeout=10)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def changes(self) -> list[dict[str, Any]]:
        """The changing calls so far."""
        found: list[dict[str, Any]] = self.sandbox("GET", "journal?changing=1")["results"]
        return found

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *words], cwd=ROOT, env=self.environment(),
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    def browser(self, name: str) -> "Browser":
        return Browser(self.url, f"{name}@example.com")

    def stop(self) -> None:
        family = self.family()
        self._run.terminate()
        self._run.wait(timeout=20)
        _, alive = psutil.wait_procs(family, timeout=5)
        assert not alive


class Browser(requests.Session):
    """Signed in as one of the demo people. Keeps every answer that it got."""

    def __init__(self, url: str, email: str) -> None:
        super().__init__()
        self.url = url
        self.answers: list[requests.Response] = []
        self._email = email
        # Redis, back from a standstill, still does what was asked of it then: for as long as the
        # lock of a limit lives, ten seconds, signing in can be refused.
        eventually(self._signs_in, 15)

    def _signs_in(self) -> bool:
        answer = self.send_form("/accounts/login/", login=self._email, password=DEMO_PASSWORD)
        return "/accounts/login/" not in answer.url

    def page(self, path: str, **headers: str) -> requests.Response:
        answer = self.get(self.url + path, headers=headers, timeout=30)
        self.answers.append(answer)
        return answer

    def send_form(self, path: str, **form: str) -> requests.Response:
        """Loads the page that has the form, and sends it."""
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.page(path).text)
        assert token, path
        data = {"form_id": ids.new_form_id(), "csrfmiddlewaretoken": token[1], **form}
        answer = self.post(self.url + path, data, timeout=40)
        self.answers.append(answer)
        return answer

    def state(self, receipt: str) -> str:
        found = re.search(r'<article id="receipt"[^>]*data-state="(\w+)"', self.page(receipt).text)
        return found[1] if found else ""


def receipt_of(answer: requests.Response) -> str:
    """Path of the receipt that a form led to."""
    assert answer.status_code == 200, answer.text
    found = re.search(r"/teams/\w+/operations/[0-9a-f-]{36}/$", answer.url)
    assert found, answer.url
    return found[0]


def eventually(condition: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def _is_called(process: psutil.Process, words: str) -> bool:
    with contextlib.suppress(psutil.Error):
        return words in " ".join(process.cmdline())
    return False


def without_test_settings() -> dict[str, str]:
    names = ("PANEL_", "VPSORG_", "DJANGO_", "REDIS_URL", "DATABASE_URL", "TEST_", "MAKE")
    return {name: text for name, text in os.environ.items() if not name.startswith(names)}
