"""Many calls for a minute, or SOAK_SECONDS: nothing fails, and the process does not grow."""

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from controlpanel.sandbox.server import Sandbox
from tests.gateway.serving import WebProcess
from tests.tools.valkey import ValkeyServer

SECONDS = float(os.environ.get("SOAK_SECONDS", "60"))
RATE = float(os.environ.get("SOAK_RATE", "200"))
THREADS = 8
# Of what the process holds after its warm-up.
MAY_GROW = 0.05
pytestmark = [pytest.mark.deep, pytest.mark.timeout(SECONDS + 180)]


@pytest.fixture
def web(tmp_path: Path, valkey_server: ValkeyServer) -> Iterator[WebProcess]:
    valkey_server.start()
    with (
        Sandbox() as provider,
        WebProcess(
            tmp_path, provider.url, REDIS_URL=valkey_server.url,
            PANEL_GATEWAY_RATE="1000", PANEL_GATEWAY_BURST="10000",
        ) as process,
    ):  # fmt: skip
        yield process


class Callers:
    """Threads that together make RATE calls a second, one in a hundred of them a change."""

    def __init__(self, web: WebProcess) -> None:
        self.web = web
        self.statuses: Counter[int] = Counter()
        self._lock = threading.Lock()

    def call_for(self, seconds: float) -> float:
        """How many a second it were."""
        started = time.monotonic()
        before = self.statuses.total()
        threads = [
            threading.Thread(target=self._call, args=(number, started, seconds))
            for number in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return (self.statuses.total() - before) / (time.monotonic() - started)

    def _call(self, number: int, started: float, seconds: float) -> None:
        paths = ("/servers/", "/servers/12345/", "/account/me/", "/servers/?status=stopped")
        with requests.Session() as session:
            session.trust_env = False
            session.headers["Authorization"] = f"Bearer {self.web.key}"
            done = 0
            while (passed := time.monotonic() - started) < seconds:
                due = done * THREADS / RATE
                if due > passed:
                    time.sleep(due - passed)
                if done % 100 == 50 and number == 0:
                    status = self._status(session, "PATCH", paths[1], {"name": f"web-{done}"})
                else:
                    status = self._status(session, "GET", paths[done % len(paths)])
                with self._lock:
                    self.statuses[status] += 1
                done += 1

    def _status(
        self, session: requests.Session, method: str, path: str, body: object = None
    ) -> int:
        try:
            address = f"{self.web.url}/api/v1{path}"
            return session.request(method, address, json=body, timeout=20).status_code
        except requests.RequestException:
            return 0


def held(process: psutil.Process) -> float:
    return float(process.memory_full_info().pss)


def test_nothing_fails_and_nothing_grows(web: WebProcess) -> None:
    callers = Callers(web)
    callers.call_for(max(5.0, SECONDS / 4))
    worker = web.worker()
    warm = held(worker)
    rate = callers.call_for(SECONDS)
    grown = held(worker) / warm - 1
    figures = (
        f"{rate:.0f} calls a second for {SECONDS:.0f} s, {warm / 1e6:.1f} MB held after the "
        f"warm-up, {100 * grown:+.1f} %; answers: {dict(callers.statuses)}"
    )
    sys.stdout.write(figures)
    assert set(callers.statuses) == {200}, figures
    assert grown < MAY_GROW, figures
    assert worker.is_running()
    assert "Traceback" not in web.said()
