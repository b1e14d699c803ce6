"""One tool in a process of its own: changes rows, plain or audited, as told, and says how fast.

Started by `benchmarks.audit`; knows nothing but Django, the tool it measures and the watched row.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any
from uuid import uuid4

import django

django.setup()

from django.core.management import call_command
from django.db import connection, transaction

from benchmarks.machines.models import Machine, Plain, Watched

TOOL = os.environ["BENCHMARK_TOOL"]
ROWS = 20
WARM = 10
THREADS = 8
Change = Callable[[int, Machine], None]


def main() -> None:
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    if TOOL == "django-pghistory":
        call_command("pgtrigger", "install", verbosity=0)
    rows = {kind: [_rows(kind) for _thread in range(THREADS)] for kind in (Plain, Watched)}
    _answer(ready=True)
    for line in sys.stdin:
        asked = json.loads(line)
        audited = asked.pop("change") == "audited"
        kind = Watched if audited else Plain
        before = _written() if audited else 0
        rate = _rate(rows[kind], _change(audited=audited), **asked)
        if audited:
            _check(before, asked["threads"] * (asked["changes"] + WARM))
        _answer(rate=rate)
    connection.close()


def _rows(kind: type[Machine]) -> list[Machine]:
    return [
        kind._default_manager.create(
            name=f"server-{number:05}",
            hostname=f"server-{number:05}.example.com",
            status="active",
            ip_address=f"198.51.100.{number}",
            location="us-west",
            plan_id="1",
            plan_name="Standard VPS",
            vcpus=2,
            memory=4096,
            storage=80,
            os_id="5",
            os_name="Ubuntu 22.04 LTS",
            backups_enabled=True,
        )
        for number in range(ROWS)
    ]


def _rate(
    rows: list[list[Machine]],
    change: Change,
    *,
    threads: int,
    changes: int,
    together: bool,
) -> float:
    """Changes a second over all threads."""
    gate = threading.Barrier(threads + 1, timeout=60)

    def work(thread: int) -> None:
        team = 0 if together else thread
        try:
            for number in range(-WARM, changes):
                if number == 0:
                    gate.wait()
                change(team, rows[thread][number % ROWS])
            gate.wait()
        except BaseException:
            gate.abort()
            raise
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        working = [pool.submit(work, thread) for thread in range(threads)]
        try:
            gate.wait()
            started = time.perf_counter()
            gate.wait()
            elapsed = time.perf_counter() - started
        except threading.BrokenBarrierError:
            pass  # the thread that failed says why
        for worker in working:
            worker.result()
    return threads * changes / elapsed


_TEAMS = [str(uuid4()) for _thread in range(THREADS)]
_numbers = count(1)


def _save(_team: int, row: Machine) -> None:
    with transaction.atomic():
        row.name = f"server-{next(_numbers)}"
        row.save()


def _change(*, audited: bool) -> Change:
    if not audited or TOOL != "panel":
        return _save
    from controlpanel.audit.log.recorder import Target, record
    from controlpanel.lib.scope import Actor, Origin

    actor = Actor("user", str(uuid4()), "bob@example.com", "operator")
    origin = Origin("page", "192.0.2.7", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", "r-0001")

    def change(team: int, row: Machine) -> None:
        with transaction.atomic():
            before, row.name = row.name, f"server-{next(_numbers)}"
            row.save()
            record(
                "server.update",
                chain=_TEAMS[team],
                actor=actor,
                origin=origin,
                target=Target("server", str(row.pk), row.name),
                result="success",
                data={
                    "phase": "outcome",
                    "operation": str(uuid4()),
                    "account": "main",
                    "before": {"name": before},
                    "body": {"name": row.name},
                },
            )

    return change


_TABLES = {
    "panel": "audit_auditevent",
    "django-auditlog": "auditlog_logentry",
    "django-simple-history": "machines_historicalwatched",
    "django-easy-audit": "easyaudit_crudevent",
    "django-pghistory": "machines_watchedevent",
}


def _written() -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {_TABLES[TOOL]}")  # noqa: S608
        return int(cursor.fetchone()[0])


def _check(before: int, changes: int) -> None:
    written = _written() - before
    if written != changes:
        raise SystemExit(f"{changes} changes were made and {written} were recorded")


def _answer(**values: Any) -> None:
    print(json.dumps(values), file=_out, flush=True)


if __name__ == "__main__":
    # What the tools print themselves must not be taken for an answer.
    _out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    main()
