import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from dev.processes import LONGEST_PAUSE, SHORTEST_PAUSE, Child, Log, end_all

STUBBORN = (
    "import signal, subprocess, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "subprocess.Popen(['sleep', '61']); print('up', flush=True); time.sleep(61)"
)


def child(folder: Path, program: str, standard_input: str = "") -> Child:
    log = Log(folder / "child.log")
    return Child("child", [sys.executable, "-c", program], os.environ, log, standard_input)


def wait_until_written(log: Log, text: str) -> None:
    deadline = time.monotonic() + 10
    while text not in log.tail():
        assert time.monotonic() < deadline, log.tail()
        time.sleep(0.02)


def test_it_works(tmp_path: Path) -> None:
    one = child(tmp_path, "import sys; print('got', sys.stdin.read())", "a secret")
    one.start()
    assert one.process
    one.process.wait(timeout=10)
    assert one.exit_code == 0
    assert one.log.tail() == "    got a secret"


def test_the_end_takes_grandchildren_along(tmp_path: Path) -> None:
    one = child(tmp_path, STUBBORN)
    one.start()
    wait_until_written(one.log, "up")
    assert one.process
    family = psutil.Process(one.process.pid).children()
    began = time.monotonic()
    end_all([[one]], seconds=0.5)
    assert time.monotonic() - began < 2
    _, alive = psutil.wait_procs(family, timeout=2)
    assert family
    assert not alive


def test_children_go_when_the_parent_is_killed(tmp_path: Path) -> None:
    program = (
        "import os, sys, time; from pathlib import Path; from dev.processes import Child, Log;"
        f"child = Child('x', ['sleep', '61'], os.environ, Log(Path({str(tmp_path / 'x.log')!r})));"
        "child.start(); print(child.process.pid, flush=True); time.sleep(61)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        orphan = psutil.Process(int(parent.stdout.readline()))
        parent.send_signal(signal.SIGKILL)
    assert not psutil.wait_procs([orphan], timeout=5)[1]


def test_restarts_come_slower_and_slower(tmp_path: Path) -> None:
    one = child(tmp_path, "")
    one.start()
    pauses = [one.plan_restart() for _ in range(9)]
    assert pauses[:3] == [SHORTEST_PAUSE, 2 * SHORTEST_PAUSE, 4 * SHORTEST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE
    one.started_at -= 100
    assert one.plan_restart() == SHORTEST_PAUSE


def test_a_log_stays_bounded_while_it_is_written(tmp_path: Path) -> None:
    log = Log(tmp_path / "x.log", limit=1000)
    with log.open() as writer:
        writer.write(b"x" * 1001)
        writer.flush()
        log.keep_bounded()
        writer.write(b"after")
    assert log.path.read_bytes() == b"after"
    assert len((tmp_path / "x.log.1").read_bytes()) == 1001


@pytest.mark.parametrize("limit", [5, 6])
def test_a_small_log_is_left_alone(tmp_path: Path, limit: int) -> None:
    log = Log(tmp_path / "x.log", limit=limit)
    log.path.write_text("12345")
    log.keep_bounded()
    assert log.path.read_text() == "12345"
