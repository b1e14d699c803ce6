"""`make lint` runs every check and names those that failed; `make format` mends what it can."""

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PYTHON = sys.executable
CHECKS: tuple[tuple[str, list[str]], ...] = (
    ("format", [f"{BIN}/ruff", "format", "--check", "--output-format=concise", "."]),
    ("rules", [f"{BIN}/ruff", "check", "--quiet", "."]),
    ("imports", [f"{BIN}/lint-imports", "--no-cache"]),
    ("templates", [f"{BIN}/djlint", "templates", "--lint", "--quiet"]),
    ("migrations", [PYTHON, "manage.py", "makemigrations", "--check", "--dry-run"]),
    ("types", [f"{BIN}/mypy", "controlpanel", "dev", "tests", "benchmarks", "manage.py"]),
)
MENDERS: tuple[list[str], ...] = (
    [f"{BIN}/ruff", "check", "--fix-only", "--quiet", "."],
    [f"{BIN}/ruff", "format", "."],
)


def check() -> int:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    failed = []
    for name, command in CHECKS:
        began = time.monotonic()
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        word = "failed" if done.returncode else "ok"
        print(f"{name:10} {word:7} {time.monotonic() - began:5.1f} s", flush=True)
        if done.returncode:
            failed.append(name)
            print(done.stdout, flush=True)
    if failed:
        print(f"Failed: {', '.join(failed)}. `make format` mends what a program can.")
    return 1 if failed else 0


def mend() -> int:
    for command in MENDERS:
        # A mender also says 1 when it mended something or left something over; lint decides.
        subprocess.run(command, cwd=ROOT, check=False)
    return 0


if __name__ == "__main__":
    sys.exit(mend() if sys.argv[1:] == ["format"] else check())
