"""The audit log: how fast it is written, and read and verified when it is long.

`make bench-audit` measures all of it and takes most of an hour; `make bench-audit ARGS=--short`
shows in a few minutes that it runs. PostgreSQL is the tests' own, from its wheel: but for one part
nothing waits for the disk, so that what counts is the work itself.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from benchmarks import audit_writing
from dev.postgres import temporary_postgres

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("writing", "reading")


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.audit", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"{' or '.join(PARTS)}; both without")
    parser.add_argument("--short", action="store_true", help="30,000 events and few rounds")
    parser.add_argument("--events", type=int, default=1_000_000, help="in the log that is read")
    parser.add_argument("--no-peers", action="store_true", help="measure the panel alone")
    given = parser.parse_args()
    if set(given.parts) - set(PARTS):
        parser.error(f"There are these parts: {', '.join(PARTS)}")
    asked = given.parts or PARTS
    peers = None
    if "writing" in asked and not given.no_peers:
        peers = audit_writing.peers_python(ROOT / "var" / "benchmark-peers")
    good = True
    with temporary_postgres() as address:
        if "writing" in asked:
            rounds, changes = (3, 320) if given.short else (15, 800)
            good &= audit_writing.measure(address, peers, rounds=rounds, changes=changes)
        if "reading" in asked:
            events, rounds = (30_000, 5) if given.short else (given.events, 25)
            good &= _read(events, rounds, {})
            good &= _read(events, rounds, {"TEST_DATABASE_URL": address})
    return 0 if good else 1


def _read(events: int, rounds: int, environment: dict[str, str]) -> bool:
    command = [sys.executable, "-m", "benchmarks.audit_reading", str(events), str(rounds)]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
