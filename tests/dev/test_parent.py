"""Whom the supervisor watches: make, if that started it, and nobody else."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from dev.parent import is_interrupted, is_make
from tests.architecture.tree import ROOT

PYTHON = sys.executable
BELOW_MAKE = {**os.environ, "MAKELEVEL": "1", "PYTHONPATH": str(ROOT)}
# Says what it thinks of its parent until that changes, or the time is over.
WATCHER = """
import os, signal, sys, time
from dev.parent import Parent
parent = Parent()
print("watching", os.getpid(), flush=True)
ends = time.monotonic() + float(sys.argv[1])
while time.monotonic() < ends:
    if parent.wants_the_end():
        print("the end", flush=True)
        sys.exit()
    time.sleep(0.002)
print("went on", flush=True)
"""
# Between make's recipe and us, as pytest is in `make e2e`: it may block what it likes, and it
# starts other programs.
STARTER = """
import signal, subprocess, sys
{before}
watcher = subprocess.Popen([sys.executable, *sys.argv[1:]], stdout=subprocess.PIPE, text=True)
print(watcher.stdout.readline(), end="", flush=True)
{meanwhile}
print(watcher.communicate()[0], end="", flush=True)
"""
BLOCKS = "signal.pthread_sigmask(signal.SIG_BLOCK, {words})"


@pytest.fixture
def watcher(tmp_path: Path) -> Path:
    path = tmp_path / "watcher.py"
    path.write_text(WATCHER)
    return path


@pytest.mark.parametrize(
    ("before", "meanwhile"),
    [
        ("", ""),
        (BLOCKS.format(words="{signal.SIGINT}"), ""),
        (BLOCKS.format(words="signal.valid_signals()"), ""),
        ("", BLOCKS.format(words="{signal.SIGINT}")),
        ("", "for _ in range(100): subprocess.run(['true'])"),
    ],
    ids=["plain", "blocks interrupts", "blocks all", "blocks them later", "starts programs"],
)
def test_one_that_is_not_make_is_not_watched(watcher: Path, before: str, meanwhile: str) -> None:
    program = STARTER.format(before=before, meanwhile=meanwhile)
    command = [PYTHON, "-c", program, str(watcher), "1.0"]
    said = subprocess.run(command, env=BELOW_MAKE, capture_output=True, text=True, check=True)
    assert said.stdout.splitlines()[1:] == ["went on"]


def test_one_that_is_not_make_may_go(watcher: Path) -> None:
    program = STARTER.format(before="", meanwhile="raise SystemExit")
    command = [PYTHON, "-c", program, str(watcher), "30"]
    said = subprocess.run(command, env=BELOW_MAKE, stdout=subprocess.PIPE, text=True, check=True)
    left = psutil.Process(int(said.stdout.split()[1]))
    time.sleep(0.3)
    assert left.is_running()
    assert left.status() != psutil.STATUS_ZOMBIE
    left.kill()


@contextmanager
def make(folder: Path, *options: str, **recipes: str) -> Iterator[subprocess.Popen[str]]:
    lines = [f".PHONY: {' '.join(recipes)}\nall: {' '.join(recipes)}"]
    lines += [f"{name}:\n{recipe}" for name, recipe in recipes.items()]
    (folder / "Makefile").write_text("\n".join(lines) + "\n")
    with subprocess.Popen(
        ["make", "--no-print-directory", *options, "all"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def words_of(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout
    return process.stdout.readline().split()


def test_an_interrupt_to_make_alone_is_the_end(tmp_path: Path, watcher: Path) -> None:
    with make(tmp_path, watch=f"\t@exec {PYTHON} {watcher} 30") as process:
        assert words_of(process)[0] == "watching"
        process.send_signal(signal.SIGINT)
        assert words_of(process) == ["the", "end"]


def test_make_that_is_killed_is_the_end(tmp_path: Path, watcher: Path) -> None:
    with make(tmp_path, watch=f"\t@exec {PYTHON} {watcher} 30") as process:
        left = psutil.Process(int(words_of(process)[1]))
        process.kill()
        assert not psutil.wait_procs([left], timeout=10)[1]


def test_make_that_starts_programs_wants_no_end(tmp_path: Path, watcher: Path) -> None:
    """All its signals are blocked then, for a moment."""
    recipes = {"watch": f"\t@exec {PYTHON} {watcher} 2", "churn": "\t@true; :\n" * 300}
    with make(tmp_path, "-j2", **recipes) as process:
        assert words_of(process)[0] == "watching"
        assert words_of(process) == ["went", "on"]


def test_a_program_below_make_is_not_make(tmp_path: Path) -> None:
    with make(tmp_path, wait="\t@echo $$PPID; exec sleep 61") as process:
        pid = int(words_of(process)[0])
        assert pid == process.pid
        assert is_make(pid)
        children = psutil.Process(pid).children()
        assert [is_make(child.pid) for child in children] == [False]
        for child in children:
            child.kill()


@pytest.mark.parametrize(
    ("blocked", "interrupted"),
    [
        (set(), False),
        ({signal.SIGINT}, True),
        ({signal.SIGINT, signal.SIGCHLD}, True),
        ({signal.SIGTERM}, False),
        ({signal.SIGINT, signal.SIGTERM}, False),
        ({signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGCHLD}, False),
        (signal.valid_signals(), False),
    ],
)
def test_an_interrupt_is_blocked_alone(blocked: Set[int], interrupted: bool) -> None:
    with subprocess.Popen(
        ["sleep", "61"], preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    ) as process:
        assert is_interrupted(process.pid) is interrupted
        process.kill()


def test_one_that_is_gone_was_neither() -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    assert not is_make(process.pid)
    assert not is_interrupted(process.pid)


def test_tests_hand_on_no_make() -> None:
    assert not [name for name in os.environ if name in {"MAKELEVEL", "MAKEFLAGS", "MFLAGS"}]
