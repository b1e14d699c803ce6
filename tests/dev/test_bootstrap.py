import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from dev import bootstrap

PANEL_PINS = "one==1.0 \\\n    --hash=sha256:00\ntwo==2.0 \\\n    --hash=sha256:00\n"


class Installs:
    """Stands where pip stands, and keeps what it was asked for."""

    def __init__(self) -> None:
        self.made = 0
        self.installed: list[str] = []
        self.breaks = False

    def make_venv(self, venv: Path) -> None:
        self.made += 1
        for stamp in venv.glob("*"):
            stamp.unlink()
        venv.mkdir(exist_ok=True)

    def pip_install(self, _python: Path, requirements: Path) -> None:
        self.installed.append(requirements.name)
        if self.breaks:
            raise bootstrap.BootstrapError("no network")


@pytest.fixture
def installs(monkeypatch: pytest.MonkeyPatch) -> Installs:
    installs = Installs()
    monkeypatch.setattr(bootstrap, "make_venv", installs.make_venv)
    monkeypatch.setattr(bootstrap, "pip_install", installs.pip_install)
    return installs


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "requirements.txt").write_text(PANEL_PINS)
    (tmp_path / "requirements-dev.txt").write_text("three==3.0\n")
    return tmp_path


def test_it_works(root: Path, installs: Installs) -> None:
    bootstrap.ensure(root, tools=False)
    assert installs.installed == ["requirements.txt"]
    bootstrap.ensure(root, tools=False)
    assert installs.made == 1, "a complete environment is left alone"


def test_tools_are_a_second_layer(root: Path, installs: Installs) -> None:
    bootstrap.ensure(root, tools=False)
    bootstrap.ensure(root, tools=True)
    bootstrap.ensure(root, tools=False)
    assert installs.made == 1
    assert installs.installed == ["requirements.txt", "requirements-dev.txt"]


@pytest.mark.parametrize("changed", ["requirements.txt", "requirements-dev.txt"])
def test_changed_requirements_are_noticed(root: Path, installs: Installs, changed: str) -> None:
    bootstrap.ensure(root, tools=True)
    (root / changed).write_text("four==4.0\n")
    bootstrap.ensure(root, tools=True)
    assert installs.made == 2
    assert installs.installed == ["requirements.txt", "requirements-dev.txt"] * 2


def test_another_python_is_noticed(
    root: Path, installs: Installs, monkeypatch: pytest.MonkeyPatch
) -> None:
    bootstrap.ensure(root, tools=False)
    monkeypatch.setattr(sys, "version_info", (3, 99, 0))
    bootstrap.ensure(root, tools=False)
    assert installs.made == 2


@pytest.mark.parametrize("tools", [False, True])
def test_an_interrupted_install_is_repaired(root: Path, installs: Installs, tools: bool) -> None:
    if tools:
        bootstrap.ensure(root, tools=False)
    installs.breaks = True
    with pytest.raises(bootstrap.BootstrapError):
        bootstrap.ensure(root, tools=tools)
    installs.breaks = False
    made_before = installs.made
    bootstrap.ensure(root, tools=False)
    assert installs.made == made_before + 1, "nothing half-installed is used"


def test_a_stopped_install_leaves_no_process(tmp_path: Path) -> None:
    program = tmp_path / "stopped.py"
    program.write_text(
        "import signal, sys\n"
        "from dev import bootstrap\n"
        "signal.signal(signal.SIGTERM, bootstrap.stopped)\n"
        "print('begun', flush=True)\n"
        "bootstrap.run(['sh', '-c', 'sleep 61 & sleep 61; echo'])\n"
    )
    with subprocess.Popen(
        [sys.executable, str(program)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(bootstrap.ROOT)},
    ) as process:
        assert process.stdout
        process.stdout.readline()
        children = wait_for_children(process.pid, 3)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=5)
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive


def wait_for_children(pid: int, count: int) -> list[psutil.Process]:
    deadline = time.monotonic() + 5
    while True:
        children: list[psutil.Process] = psutil.Process(pid).children(recursive=True)
        if len(children) >= count or time.monotonic() > deadline:
            return children
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("Collecting django-htmx==1.29.0 (from -r requirements.txt (line 7))\n", "django-htmx"),
        ("Processing ./wheels/charset_normalizer-3.4.4-cp311-linux.whl\n", "charset-normalizer"),
        ("Requirement already satisfied: kombu==5.7 in ./lib\n", "kombu"),
        ("Installing collected packages: kombu\n", ""),
    ],
)
def test_progress_names_packages(line: str, name: str) -> None:
    assert bootstrap.package_in(line) == name


def test_pins_are_counted() -> None:
    assert bootstrap.count_pins(PANEL_PINS) == 2
