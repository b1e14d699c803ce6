"""`make test`, `make deep` and `make e2e`. Arguments of pytest may stand in ARGS."""

import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dev import mutation
from dev.chromium import ChromiumMissingError, find_chromium
from dev.postgres import temporary_postgres

ROOT = Path(__file__).resolve().parent.parent
NO_TESTS = 5
# The tests start many processes: what the first compiles, the others need not.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def suite() -> int:
    with beside("system") as whole_system:
        on_sqlite = pytest("not deep and not e2e and not system")
        with temporary_postgres() as address:
            on_postgres = pytest(
                "databases and not deep and not e2e and not system", {"TEST_DATABASE_URL": address}
            )
        on_the_whole = whole_system()
    return on_sqlite or on_postgres or on_the_whole


def deep() -> int:
    on_sqlite = pytest("deep and not e2e and not system")
    with temporary_postgres() as address:
        on_postgres = pytest("databases and not e2e and not system", {"TEST_DATABASE_URL": address})
    return on_sqlite or on_postgres or mutation.main()


def e2e() -> int:
    try:
        browser = find_chromium()
    except ChromiumMissingError as error:
        print(error)
        return 1
    return pytest("e2e", {"CHROMIUM": browser})


@contextmanager
def beside(marks: str) -> Iterator[Callable[[], int]]:
    """Tests that mostly wait run while the block does; what is given waits for their end."""
    command = [sys.executable, "-m", "pytest", "-m", marks]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=subprocess.STDOUT)

        def ended() -> int:
            code = process.wait()
            said.seek(0)
            print(f"pytest -m '{marks}', beside the others\n{said.read()}", flush=True)
            return code

        try:
            yield ended
        finally:
            process.terminate()
            process.wait()


def pytest(marks: str, environment: Mapping[str, str] | None = None) -> int:
    command = [sys.executable, "-m", "pytest", "-m", marks]
    command += ["-n", "2", "--dist", "worksteal"]
    command += shlex.split(os.environ.get("ARGS", ""))
    print(f"pytest -m '{marks}'", flush=True)
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **(environment or {})}, check=False)
    if done.returncode == NO_TESTS:
        print("No test was chosen, and that is a failure.", flush=True)
    return done.returncode


def stopped(number: int, _frame: object) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stopped)
    runs = {"deep": deep, "e2e": e2e}
    sys.exit(runs.get("".join(sys.argv[1:]), suite)())
