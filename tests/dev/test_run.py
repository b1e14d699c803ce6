"""The whole of `make run`, as a stranger meets it. Each start is a real one."""

import os
import re
import signal
import stat
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import requests

from dev.run import DEMO_PASSWORD, DEMO_PEOPLE
from dev.valkey import free_port
from tests.architecture.tree import ROOT

pytestmark = [pytest.mark.deep, pytest.mark.timeout(300)]
READY = "The panel is ready"


class Run:
    def __init__(self, var: Path) -> None:
        self.port = free_port()
        self.output = var.parent / f"output-{self.port}"
        began = time.monotonic()
        with self.output.open("w") as output:
            self.make = subprocess.Popen(
                ["make", "run"],
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={
                    **without_test_settings(),
                    "PORT": str(self.port),
                    "SANDBOX_PORT": str(free_port()),
                    "PANEL_VAR": str(var),
                },
                # A suite started in the background of a shell ignores Ctrl-C, and so would this.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        self.wait_for(lambda: READY in self.said())
        self.seconds = time.monotonic() - began

    def said(self) -> str:
        return self.output.read_text()

    def wait_for(self, condition: Callable[[], object], seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.make.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)

    def family(self) -> list[psutil.Process]:
        make = psutil.Process(self.make.pid)
        return [make, *make.children(recursive=True)]

    def one(self, *words: str) -> psutil.Process:
        """The topmost process whose command line has all the words."""
        found = [p for p in self.family() if all(word in " ".join(p.cmdline()) for word in words)]
        return found[0]

    def ends_within(self, seconds: float, family: list[psutil.Process]) -> None:
        began = time.monotonic()
        self.make.wait(timeout=seconds)
        _, alive = psutil.wait_procs(family, timeout=max(0.1, seconds - time.monotonic() + began))
        assert not alive


def without_test_settings() -> dict[str, str]:
    names = ("PANEL_", "VPSORG_", "DJANGO_", "REDIS_URL", "DATABASE_URL", "TEST_", "MAKE")
    return {name: text for name, text in os.environ.items() if not name.startswith(names)}


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run") / "var"


@pytest.fixture
def run(var: Path) -> Iterator[Run]:
    run = Run(var)
    family = run.family()
    yield run
    if run.make.poll() is None:
        run.make.terminate()
        run.make.wait(timeout=15)
    _, alive = psutil.wait_procs(family, timeout=5)
    assert not alive


def test_it_works(run: Run) -> None:
    for host in ("localhost", "127.0.0.1"):
        with urllib.request.urlopen(f"http://{host}:{run.port}/accounts/login/") as page:
            assert page.status == 200
    assert f"http://localhost:{run.port}" in run.said()


def test_everybody_printed_can_sign_in(run: Run) -> None:
    said = run.said()
    assert DEMO_PASSWORD in said
    for email, team, _ in DEMO_PEOPLE:
        assert re.search(rf"{email}\s+{team}", said)
        with requests.Session() as browser:
            address = f"http://localhost:{run.port}/accounts/login/"
            page = browser.get(address, timeout=10).text
            token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
            assert token
            form = {"login": email, "password": DEMO_PASSWORD, "csrfmiddlewaretoken": token[1]}
            answer = browser.post(address, form, timeout=10)
            first = "audit/today" if email.startswith("auditor") else "servers"
            assert answer.url.endswith(f"/teams/{team}/{first}/"), email


def test_state_is_private(run: Run, var: Path) -> None:
    assert stat.S_IMODE(var.stat().st_mode) == 0o700
    open_to_others = [path for path in var.rglob("*") if path.lstat().st_mode & 0o077]
    assert not open_to_others
    assert (var / "keys.json").exists()
    assert (var / "secret_key").exists()


def test_it_listens_on_loopback_only(run: Run) -> None:
    addresses = {
        connection.laddr.ip
        for process in run.family()
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses <= {"127.0.0.1", "::1"}


def test_a_second_start_is_quick_and_small(run: Run) -> None:
    time.sleep(3)
    assert "again" not in run.said(), run.said()
    memory = {" ".join(p.cmdline())[-60:]: p.memory_full_info().pss for p in run.family()}
    assert sum(memory.values()) < 350_000_000, memory
    assert run.seconds < 5


def test_git_sees_nothing(run: Run) -> None:
    command = ["git", "status", "--porcelain", "--ignored=no"]
    before = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not [line for line in before.splitlines() if "var/" in line or "beat" in line]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_signal_to_make_ends_everything(run: Run, number: signal.Signals) -> None:
    family = run.family()
    assert len(family) >= 8
    run.make.send_signal(number)
    run.ends_within(10, family)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_signal_to_the_supervisor_ends_everything(run: Run, number: signal.Signals) -> None:
    family = run.family()
    run.one("-m dev.run").send_signal(number)
    run.ends_within(10, family)


@pytest.mark.parametrize("words", ["celeryworker", "celerybeat", "valkey-server", "sandbox"])
def test_what_dies_comes_back(run: Run, words: str) -> None:
    split = {"celeryworker": ("celery", "worker"), "celerybeat": ("celery", "beat")}
    victim = run.one(*split.get(words, (words,)))
    victim.kill()
    run.wait_for(lambda: "was ended by SIGKILL" in run.said(), 10)
    run.wait_for(lambda: "was started again" in run.said(), 10)
    assert run.one(*split.get(words, (words,))).pid != victim.pid


def test_a_second_panel_on_the_same_data_is_refused(run: Run, var: Path) -> None:
    environment = {
        **without_test_settings(),
        "PORT": str(free_port()),
        "SANDBOX_PORT": str(free_port()),
        "PANEL_VAR": str(var),
    }
    second = subprocess.run(
        ["make", "run"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert second.returncode
    assert "already running" in second.stdout
