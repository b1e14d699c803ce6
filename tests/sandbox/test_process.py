import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.sandbox.api import NEW, Api

ROOT = Path(__file__).parents[2]
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    started = []

    def run(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "controlpanel.sandbox", *arguments]
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().split()[-1].removesuffix("/api/v1/")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once(start: Start, tmp_path: Path, number: signal.Signals) -> None:
    state = tmp_path / "state.json"
    process = start("--port", "0", "--state", str(state), "--provision-seconds", "0")
    api = Api(address(process))
    assert api.post("/servers/", NEW).status_code == 201
    api.control("POST", "/faults", {"kind": "hang", "path": "/12345/", "seconds": 60})
    with pytest.raises(requests.ReadTimeout):
        api("GET", "/servers/12345/", timeout=0.1)
    begin = time.monotonic()
    process.send_signal(number)
    output, errors = process.communicate(timeout=5)
    assert time.monotonic() - begin < 2
    assert (process.returncode, errors) == (0, "")
    assert "POST /api/v1/servers/ 201 token=acme-owner" in output
    assert "vps_" not in output
    again = Api(address(start("--port", "0", "--state", str(state))))
    assert again.get("/servers/").json()["count"] == 9


def test_a_port_in_use_is_one_sentence(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = start("--port", str(taken.getsockname()[1]))
        output, errors = process.communicate(timeout=10)
    assert (process.returncode, output) == (1, "")
    assert errors.count("\n") == 1
    assert "in use" in errors


def test_a_foreign_state_file_is_one_sentence(start: Start, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text("hello")
    process = start("--port", "0", "--state", str(state))
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 1
    assert errors.count("\n") == 1


def test_its_switches_work(start: Start) -> None:
    process = start(
        "--port", "0", "--no-control", "--no-catalogue", "--page-size", "3", "--power-seconds", "0"
    )
    api = Api(address(process))
    assert api.control("GET", "/").status_code == 404
    assert api.get("/plans/").status_code == 404
    assert len(api.get("/servers/").json()["results"]) == 3
    api.post("/servers/12345/stop/")
    assert api.status() == "stopped"


def test_it_can_speak_the_second_dialect(start: Start) -> None:
    api = Api(address(start("--port", "0", "--dialect", "second")))
    assert "uuid" in api.get("/servers/").json()["results"][0]


def test_it_needs_nothing_of_ours(start: Start) -> None:
    """It stands apart: no other package of ours, no library, no TLS in its process."""
    code = (
        "import sys, runpy\n"
        "sys.argv = ['sandbox', '--help']\n"
        "try:\n    runpy.run_module('controlpanel.sandbox', run_name='__main__')\n"
        "except SystemExit:\n    pass\n"
        "wanted = ('controlpanel', 'django', 'requests', 'celery', '_ssl')\n"
        "print(sorted(n for n in sys.modules if n.split('.')[0] in wanted))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = done.stdout.splitlines()[-1]
    assert "'controlpanel.sandbox.server'" in loaded
    names = {name.strip("[]' ") for name in loaded.split(",")}
    assert {name for name in names if not name.startswith("controlpanel.sandbox")} == {
        "controlpanel"
    }
