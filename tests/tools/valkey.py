import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from django.core.cache import close_caches
from kombu import pools

from dev.probes import answers
from dev.valkey import Valkey


class ValkeyServer:
    """One real server for a test process; the same address over stop and start."""

    def __init__(self, folder: Path) -> None:
        self._valkey = Valkey(folder)
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return self._valkey.url

    def start(self) -> None:
        if self._process and self._process.poll() is None:
            return
        self._process = subprocess.Popen(
            self._valkey.command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        assert self._process.stdin
        self._process.stdin.write(self._valkey.configuration)
        self._process.stdin.close()
        deadline = time.monotonic() + 10
        while not answers(self._valkey.port):
            assert time.monotonic() < deadline, "Valkey did not start"
            time.sleep(0.02)

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    def flush(self) -> None:
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    @contextmanager
    def used_by(self, settings: Any) -> Iterator[None]:
        """Cache and queue go through this server while the block runs."""
        from controlpanel.celery import app

        settings.REDIS_URL = self.url
        settings.CACHES = {
            "default": {
                "BACKEND": "controlpanel.runtime.cache.TolerantRedisCache",
                "LOCATION": self.url,
                "OPTIONS": {"socket_connect_timeout": 0.3, "socket_timeout": 0.5},
            }
        }
        before = app.conf.broker_url
        app.conf.broker_url = self.url
        _forget_connections(app)
        yield
        close_caches()
        app.conf.broker_url = before
        _forget_connections(app)


def _forget_connections(app: Any) -> None:
    """The pools are global, and keyed by an address that has just changed."""
    pools.reset()
    app._pool = None
    app.amqp._producer_pool = None
