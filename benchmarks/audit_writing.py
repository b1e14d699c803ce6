"""An audited change beside the plain save of the same row, and beside what other tools make of it.

Every tool has a process and a database of its own on one PostgreSQL; they are asked in turn.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import dj_database_url
import psycopg

from dev.apart import python_with

ROOT = Path(__file__).resolve().parent.parent
PEERS_FILE = Path(__file__).with_name("peers.txt")
PEERS: Final = (
    "django-pghistory",
    "django-simple-history",
    "django-auditlog",
    "django-easy-audit",
)


@dataclass(frozen=True, slots=True)
class Load:
    """How many change at once, and whether all in one team. `least`: the ratio to reach."""

    name: str
    threads: int
    together: bool = False
    least: float | None = None


LOADS: Final = (
    Load("1 thread", 1, least=0.65),
    Load("8 threads, 8 teams", 8, least=0.60),
    Load("8 threads, 1 team", 8, together=True),
)


class Writer:
    def __init__(self, tool: str, process: "subprocess.Popen[str]") -> None:
        self.tool = tool
        self._process = process

    def ask(self, change: str, load: Load, changes: int) -> float:
        assert self._process.stdin
        asked = {
            "change": change,
            "threads": load.threads,
            "together": load.together,
            "changes": max(1, changes // load.threads),
        }
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        return float(self.answer()["rate"])

    def answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"The process that measures {self.tool} ended.")
        found: dict[str, Any] = json.loads(line)
        return found


def measure(address: str, peers: Path | None, *, rounds: int, changes: int) -> bool:
    """Prints a row for each tool; whether the panel reaches its ratios. `peers`: their Python.

    First without waiting for the disk, then as PostgreSQL is shipped. No figure was set for only
    one of the two, so both are held against it.
    """
    tools = ("panel", *(PEERS if peers else ()))
    with ExitStack() as stack:
        writers = [stack.enter_context(_writer(tool, address, peers)) for tool in tools]
        for writer in writers:
            writer.answer()
        good = [_compare(writers, load, rounds, changes) for load in LOADS]
        with _waiting_for_disk(address):
            good += [_compare(writers, load, rounds, changes // 2, waiting=True) for load in LOADS]
        return all(good)


def _compare(
    writers: list[Writer], load: Load, rounds: int, changes: int, *, waiting: bool = False
) -> bool:
    rates: dict[tuple[str, str], list[float]] = {}
    asked = [writer for writer in writers if not load.together or writer.tool == "panel"]
    for _round in range(rounds):
        for writer in asked:
            for change in ("plain", "audited"):
                rate = writer.ask(change, load, changes)
                rates.setdefault((writer.tool, change), []).append(rate)
    name = f"{load.name}, waiting for the disk" if waiting else load.name
    print(f"\n| {name} | plain save | audited | ratio |\n| --- | ---: | ---: | ---: |")
    medians = {key: statistics.median(values) for key, values in rates.items()}
    for writer in asked:
        plain, audited = (medians[writer.tool, change] for change in ("plain", "audited"))
        print(f"| {writer.tool} | {plain:.0f}/s | {audited:.0f}/s | {audited / plain:.2f} |")
    if load.least is None:
        return True
    ratio = medians["panel", "audited"] / medians["panel", "plain"]
    print(f"\npanel: {ratio:.2f} (at least {load.least})", flush=True)
    return ratio >= load.least


@contextmanager
def _waiting_for_disk(address: str) -> Iterator[None]:
    with psycopg.connect(address, autocommit=True) as connection:
        for state in ("on", "off"):
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.execute(f"ALTER SYSTEM SET {setting} = {state}")
            connection.execute("SELECT pg_reload_conf()")
            if state == "on":
                time.sleep(1)  # until every process has heard of it
                yield


@contextmanager
def _writer(tool: str, address: str, peers: Path | None) -> Iterator[Writer]:
    ours = tool == "panel"
    database = dict(dj_database_url.parse(address, conn_max_age=None))
    database["TEST"] = {"NAME": f"benchmark_{tool.replace('-', '_')}"}
    settings = "benchmarks.machines.panel_settings" if ours else "benchmarks.machines.settings"
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": settings,
        "BENCHMARK_TOOL": tool,
        "BENCHMARK_DATABASE": json.dumps(database),
    }
    python = sys.executable if ours or not peers else str(peers)
    with subprocess.Popen(
        [python, "-m", "benchmarks.writer"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Writer(tool, process)
        finally:
            process.kill()


def peers_python(folder: Path) -> Path:
    """The Python of an environment that holds exactly the pinned peers; made if it does not."""
    return python_with(PEERS_FILE, folder)
