"""The whole panel, its processes killed, stopped and doubled while it works."""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from dev.probes import answers
from tests.faults.running import Browser, RunningPanel, eventually, receipt_of

pytestmark = [pytest.mark.deep, pytest.mark.timeout(400)]
NEW = {"plan_id": "3", "os_id": "5", "location": "us-west"}
SERVERS = "/teams/acme/servers/"


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPanel]:
    panel = RunningPanel(tmp_path_factory.mktemp("faults"))
    yield panel
    panel.stop()


@pytest.fixture
def panel(started: RunningPanel) -> Iterator[RunningPanel]:
    """Whatever happened: nothing was sent twice, and the log is whole."""
    started.sandbox("DELETE", "journal")
    started.sandbox("DELETE", "faults")
    yield started
    calls = [(call["method"], call["path"], str(call["body"])) for call in started.changes()]
    assert len(calls) == len(set(calls))
    checked = started.command("verify_audit")
    assert checked.returncode == 0, checked.stdout


@pytest.fixture
def bob(panel: RunningPanel) -> Browser:
    return panel.browser("operator")


def create(bob: Browser, name: str) -> str:
    """Path of the receipt."""
    return receipt_of(bob.send_form(f"{SERVERS}new/", name=name, **NEW))


def is_active(bob: Browser, name: str) -> bool:
    """Asks for the whole page: that one shows the mirror and makes no call of its own."""
    listed = bob.page(f"{SERVERS}?q={name}").text
    return bool(re.search(r'data-server-id="\d+"[^>]*data-status="active"', listed))


def newest_reboot(bob: Browser) -> str:
    listed = bob.page("/teams/acme/operations/?kind=reboot").text
    found = re.search(r'data-operation-id="[^"]+" data-state="(\w+)"', listed)
    return found[1] if found else ""


def becomes_active(bob: Browser, name: str, receipt: str) -> None:
    eventually(lambda: is_active(bob, name), 60)
    eventually(lambda: bob.state(receipt) == "observed", 30)


def test_the_worker_is_killed_while_a_server_is_made(panel: RunningPanel, bob: Browser) -> None:
    receipt = create(bob, "killed-01")
    assert bob.state(receipt) == "accepted"
    worker = panel.process("worker")
    worker.kill()
    worker.wait(timeout=10)
    becomes_active(bob, "killed-01", receipt)
    assert [call["method"] for call in panel.changes()] == ["POST"]


def test_the_worker_is_killed_again_and_again(panel: RunningPanel, bob: Browser) -> None:
    receipt = create(bob, "killed-02")
    for _ in range(3):
        panel.process("worker").kill()
        time.sleep(1.5)
    becomes_active(bob, "killed-02", receipt)
    assert len(panel.changes()) == 1


def test_an_answer_is_lost_and_the_worker_killed(panel: RunningPanel, bob: Browser) -> None:
    panel.sandbox("POST", "faults", kind="drop_after", method="POST", path="/servers/$")
    receipt = create(bob, "lost-01")
    assert bob.state(receipt) == "unknown"
    panel.process("worker").kill()
    becomes_active(bob, "lost-01", receipt)
    assert len(panel.changes()) == 1


def test_the_web_process_is_killed_while_it_sends(panel: RunningPanel, bob: Browser) -> None:
    """The person never gets an answer; a minute later the receipt says that nobody knows."""
    panel.sandbox("POST", "faults", kind="hang", method="POST", path="/reboot/$", seconds=60)
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(bob.send_form, f"{SERVERS}12345/reboot/")
        eventually(panel.changes, 20)
        panel.kill_web()
        with pytest.raises(requests.ConnectionError):
            sending.result()
    eventually(lambda: answers(panel.port), 30)
    eventually(lambda: newest_reboot(bob) == "unknown", 60)
    assert len(panel.changes()) == 1


def test_redis_is_flushed_while_a_server_is_made(panel: RunningPanel, bob: Browser) -> None:
    receipt = create(bob, "flushed-01")
    with panel.redis() as client:
        for _ in range(40):
            client.flushall()
            time.sleep(0.25)
    becomes_active(bob, "flushed-01", receipt)
    assert len(panel.changes()) == 1


def test_redis_is_killed_while_a_server_is_made(panel: RunningPanel, bob: Browser) -> None:
    receipt = create(bob, "killed-03")
    panel.process("valkey").kill()
    becomes_active(bob, "killed-03", receipt)
    assert len(panel.changes()) == 1


def test_redis_is_stopped_for_a_minute(panel: RunningPanel, bob: Browser) -> None:
    """Pages, sign-in and actions go on; workers do when it is back."""
    with panel.paused("valkey"):
        ends = time.monotonic() + 60
        receipt = create(bob, "stopped-01")
        assert bob.state(receipt) == "accepted"
        adam = panel.browser("admin")
        assert adam.page(SERVERS).status_code == 200
        assert adam.page("/teams/acme/audit/").status_code == 200
        power = receipt_of(adam.send_form(f"{SERVERS}12346/stop/"))
        assert adam.state(power) in {"accepted", "observed"}
        time.sleep(max(0.0, ends - time.monotonic()))
    becomes_active(bob, "stopped-01", receipt)
    eventually(lambda: bob.state(power) == "observed", 60)
    assert len(panel.changes()) == 2


def test_beat_and_the_worker_run_twice(panel: RunningPanel, bob: Browser) -> None:
    with panel.another("beat"), panel.another("worker"):
        receipt = create(bob, "twice-01")
        power = receipt_of(bob.send_form(f"{SERVERS}12347/reboot/"))
        becomes_active(bob, "twice-01", receipt)
        eventually(lambda: bob.state(power) == "observed", 60)
    assert sorted(call["path"] for call in panel.changes()) == [
        "/api/v1/servers/", "/api/v1/servers/12347/reboot/",
    ]  # fmt: skip
    log = panel.browser("auditor").page(f"/teams/acme/audit/?q={receipt.split('/')[-2]}").text
    assert len(re.findall(r"was seen at VPS\.org after it was created", log)) == 1
