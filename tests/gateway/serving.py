"""The web process as it is started in use, before a provider, with one panel key."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from dev.choices import Choices
from dev.panel import web_command
from dev.valkey import free_port
from tests.architecture.tree import ROOT

_TESTS_OWN = ("DJANGO_SETTINGS_MODULE", "DATABASE_URL", "REDIS_URL", "PANEL_KEYS")


class WebProcess:
    def __init__(self, folder: Path, provider: str, **environment: str) -> None:
        """`environment`: DATABASE_URL, REDIS_URL and whatever else the panel is to be told."""
        self.port = free_port()
        kept = {
            name: text
            for name, text in os.environ.items()
            if name not in _TESTS_OWN and not name.startswith(("PANEL_", "VPSORG_"))
        }
        self.var = folder / "var"
        self.var.mkdir(parents=True)
        (self.var / "secret_key").write_text("k" * 50, encoding="utf-8")
        self.environment: Mapping[str, str] = {
            **kept,
            "PORT": str(self.port),
            "PANEL_VAR": str(self.var),
            "VPSORG_API_URL": provider,
            "PYTHONUNBUFFERED": "1",
            **environment,
        }
        self.log = folder / "web.log"

    def __enter__(self) -> Self:
        seeded = subprocess.run(
            [sys.executable, "-m", "tests.gateway.seed"],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert seeded.returncode == 0, seeded.stderr
        self.keys = [one for one in seeded.stdout.split() if one.startswith("vpp_")]
        self.key = self.keys[-1]
        choices = Choices(self.port, None, self.var, ("127.0.0.1",))
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                web_command(choices, self.environment),
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        self._wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            for one in [*psutil.Process(self.process.pid).children(), self.process]:
                one.kill()
            self.process.wait()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def worker(self) -> psutil.Process:
        found: psutil.Process = psutil.Process(self.process.pid).children()[0]
        return found

    def _wait(self) -> None:
        ends = time.monotonic() + 30
        while time.monotonic() < ends and self.process.poll() is None:
            try:
                self.connect().close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError(self.said())
