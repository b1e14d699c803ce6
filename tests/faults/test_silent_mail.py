"""A mail server that takes connections and says nothing, with the whole panel as processes."""

import re
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.faults.running import RunningPanel, eventually

pytestmark = [pytest.mark.deep, pytest.mark.timeout(240)]

RESET = "/accounts/password/reset/"
# As many pages at once as the web process has threads.
PEOPLE = ("owner", "admin", "operator", "viewer", "auditor", "outsider", "nobody1", "nobody2")


class SilentServer:
    """Takes every connection, and says nothing before it is told to."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = self._server.getsockname()[1]
        self.held: list[socket.socket] = []
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        while True:
            try:
                self.held.append(self._server.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for connection in self.held:
            connection.close()


@pytest.fixture
def server() -> Iterator[SilentServer]:
    found = SilentServer()
    yield found
    found.close()


@pytest.fixture
def panel(tmp_path_factory: pytest.TempPathFactory, server: SilentServer) -> Iterator[RunningPanel]:
    running = RunningPanel(
        tmp_path_factory.mktemp("mail"), PANEL_EMAIL_URL=f"smtp://127.0.0.1:{server.port}"
    )
    yield running
    running.stop()


def ask_for_a_password(panel: RunningPanel, name: str) -> tuple[int, float]:
    browser = requests.Session()
    page = browser.get(panel.url + RESET, timeout=30).text
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token
    begun = time.monotonic()
    data = {"csrfmiddlewaretoken": token[1], "email": f"{name}@example.com"}
    answer = browser.post(panel.url + RESET, data, timeout=30, allow_redirects=False)
    return answer.status_code, time.monotonic() - begun


def rows(panel: RunningPanel) -> list[tuple[object, ...]]:
    with sqlite3.connect(panel.var / "panel.sqlite3") as database:
        return list(database.execute("SELECT * FROM outgoing"))


def test_no_page_waits_for_it(panel: RunningPanel, server: SilentServer) -> None:
    with ThreadPoolExecutor(len(PEOPLE)) as pool:
        answers = list(pool.map(lambda name: ask_for_a_password(panel, name), PEOPLE))
    assert {status for status, _seconds in answers} == {302}
    assert max(seconds for _status, seconds in answers) < 8
    eventually(lambda: server.held, 20)  # the worker waits for it
    # Pages and workers go on meanwhile.
    browser = panel.browser("operator")
    answer = browser.send_form("/teams/acme/servers/12347/reboot/")
    receipt = answer.url.removeprefix(panel.url)
    eventually(lambda: browser.state(receipt) in {"accepted", "observed"}, 30)
    assert len(rows(panel)) == len(PEOPLE)
    everything = "\n".join(log.read_text() for log in (panel.var / "logs").glob("*.log"))
    with panel.redis() as client:
        for key in client.scan_iter():
            everything += f"\n{key!r} {client.type(key)!r} "
            if client.type(key) == b"string":
                everything += repr(client.get(key))
    assert "nobody1@example.com" not in everything + str(rows(panel))
    assert RESET + "key" not in everything
