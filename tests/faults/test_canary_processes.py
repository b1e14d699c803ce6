"""The canary with the panel as processes: every file of its folder, the queue as it is written,
the command lines, the pages, the mail."""

import threading
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
import redis

from tests.faults.canary import ROOT_PASSWORD, TOKEN, Sinks
from tests.faults.running import Browser, RunningPanel, eventually

pytestmark = [pytest.mark.deep, pytest.mark.timeout(400)]
BASE = "/teams/acme"
ECHO = {"detail": f"Not with {TOKEN}!", "name": [TOKEN], "password": ROOT_PASSWORD}
FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 400, "body": ECHO},
    {"kind": "status", "status": 401, "body": ECHO},
    {"kind": "status", "status": 500, "body": ECHO},
    {"kind": "garbage"},
    {"kind": "drop_after"},
    {"kind": "redirect", "location": f"http://127.0.0.1:9/{TOKEN}"},
    {"kind": "hang", "seconds": 12.0},
)


@pytest.fixture
def sinks() -> Iterator[Sinks]:
    found = Sinks()
    yield found
    found.assert_clean()


@pytest.fixture
def panel(tmp_path_factory: pytest.TempPathFactory, sinks: Sinks) -> Iterator[RunningPanel]:
    folder = tmp_path_factory.mktemp("canary")
    panel = RunningPanel(folder, PANEL_LOG_LEVEL="DEBUG", SANDBOX_PROVISION_SECONDS="2")
    panel.sandbox("POST", "settings", root_password=ROOT_PASSWORD, power_seconds=0.5)
    panel.sandbox("POST", "tokens", token=TOKEN, name="canary", account="acme")
    yield panel
    panel.stop()
    sinks.files(folder)


@pytest.fixture
def people(panel: RunningPanel) -> tuple[Browser, ...]:
    """All three keep the canary; the owner's is the sync token."""
    people = tuple(panel.browser(name) for name in ("owner", "admin", "operator"))
    for person in people:
        answer = person.send_form(f"{BASE}/tokens/", token=TOKEN)
        assert answer.url.endswith("/tokens/")
        assert answer.status_code == 200
    return people


class Monitor:
    """Everything that anybody says to Redis."""

    def __init__(self, address: str) -> None:
        self.said: list[str] = []
        self._client = redis.Redis.from_url(address)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            with self._client.monitor() as monitor:
                for command in monitor.listen():
                    self.said.append(repr(command))
        except (redis.RedisError, OSError, ValueError):
            return  # it was killed, and that belongs to the test


def use(people: tuple[Browser, ...], panel: RunningPanel) -> None:
    _, adam, bob = people
    for number, fault in enumerate((*FAULTS, {})):
        panel.sandbox("DELETE", "faults")
        if fault:
            for method in ("POST", "PATCH", "PUT", "DELETE"):
                panel.sandbox("POST", "faults", **fault, method=method, times=None)
        new = {"name": f"fresh-{number}", "plan_id": "3", "os_id": "5", "location": "us-west"}
        bob.send_form(f"{BASE}/servers/new/", **new)
        bob.send_form(f"{BASE}/servers/12345/edit/", name=f"web-{number}")
        bob.send_form(f"{BASE}/servers/12347/reboot/")
        if fault.get("kind") == "hang":
            continue  # it takes long, and has been seen
        bob.send_form(f"{BASE}/servers/12348/start/")
        bob.send_form(f"{BASE}/servers/12346/stop/")
        adam.send_form(f"{BASE}/servers/12352/delete/", confirm_name="cache-sg-01")


def poll_pages(people: tuple[Browser, ...]) -> None:
    for path in ("servers/", "servers/12345/", "operations/", "audit/", "tokens/", "members/"):
        people[0].page(f"{BASE}/{path}")
        people[0].page(f"{BASE}/{path}", **{"HX-Request": "true"})
    people[0].page(f"{BASE}/nothing/")


def command_lines(panel: RunningPanel, sinks: Sinks) -> None:
    for process in psutil.process_iter():
        try:
            sinks.pour(f"command line of {process.pid}", "\0".join(process.cmdline()))
        except psutil.Error:
            continue


def test_no_trace(panel: RunningPanel, people: tuple[Browser, ...], sinks: Sinks) -> None:
    monitor = Monitor(panel.environment()["REDIS_URL"])
    use(people, panel)
    poll_pages(people)
    people[2].send_form("/accounts/password/reset/", email="operator@example.com")
    command_lines(panel, sinks)
    with panel.redis() as client:
        sinks.redis(client)

    panel.process("worker").kill()
    panel.process("valkey").kill()
    people[2].send_form(f"{BASE}/servers/12347/reboot/")
    poll_pages(people)
    eventually(lambda: panel.process("worker").is_running(), 30)
    for person in people:  # the canary is refused, replaced by another, and removed
        panel.sandbox("PATCH", "tokens/canary", revoked=True)
        person.send_form(f"{BASE}/tokens/", token=TOKEN)
    poll_pages(people)

    assert any("lpush" in said.lower() for said in monitor.said)
    sinks.pour("said to Redis", "\n".join(monitor.said))
    for person in people:
        for answer in person.answers:
            sinks.page(answer)
    assert not [answer.url for one in people for answer in one.answers if answer.status_code >= 500]
    assert panel.command("verify_audit").returncode == 0
    assert list(panel.var.rglob("*.sqlite3"))
    assert list((panel.var / "mail").iterdir())
