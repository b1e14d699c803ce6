"""The audit log: how fast it is written. Run: make bench ARGS=audit, or with `audit --short`.

PostgreSQL is the tests' own, from its wheel, on this machine.
"""

import argparse
import sys
from pathlib import Path

from benchmarks import audit_writing
from dev.postgres import temporary_postgres

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.audit", description=__doc__)
    parser.add_argument("--short", action="store_true", help="fewer rounds, to see that it runs")
    parser.add_argument("--no-peers", action="store_true", help="measure the panel alone")
    given = parser.parse_args()
    peers = None
    if not given.no_peers:
        peers = audit_writing.peers_python(ROOT / "var" / "benchmark-peers")
    rounds, changes = (3, 160) if given.short else (15, 800)
    with temporary_postgres() as address:
        good = audit_writing.measure(address, peers, rounds=rounds, changes=changes)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
