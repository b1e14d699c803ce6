"""A really running panel, and programs of others in front of it: what the provider's page shows,
what the provider publishes, many at once, and a process that dies.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import pytest
import requests

from controlpanel.lib import ids
from tests.faults.running import RunningPanel, eventually
from tests.gateway.examples import CLIENTS, EXAMPLES, Example, comparable
from tests.people import OWNER_TOKEN

pytestmark = [pytest.mark.deep, pytest.mark.timeout(300)]
NEW = {"plan_id": 3, "os_id": 5, "location": "us-west"}
MANY = 50


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPanel]:
    folder = tmp_path_factory.mktemp("gateway")
    panel = RunningPanel(folder, PANEL_GATEWAY_RATE="100000", PANEL_GATEWAY_BURST="100000")
    yield panel
    panel.stop()


@pytest.fixture
def panel(started: RunningPanel) -> Iterator[RunningPanel]:
    """Never reset: an id of a server is used once only."""
    started.sandbox("DELETE", "journal")
    yield started
    started.sandbox("DELETE", "faults")


class Script:
    """`requests` with a panel key."""

    def __init__(self, panel: RunningPanel, text: str) -> None:
        self.panel = panel
        self.text = text

    def __call__(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.text}", **options.pop("headers", {})}
        address = f"{self.panel.url}/api/v1{path}"
        return requests.request(method, address, headers=headers, timeout=60, **options)

    def create(self, once: str) -> requests.Response:
        """`once`: the Idempotency-Key, and the name."""
        body = {**NEW, "name": once}
        return self("POST", "/servers/", json=body, headers={"Idempotency-Key": once})


def issue(panel: RunningPanel, name: str) -> str:
    whose = ("--user", f"{name}@example.com", "--team", "acme")
    done = panel.command("issue_panel_key", *whose, "--name", ids.new_form_id())
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().startswith("vpp_")
    return done.stdout.strip()


@pytest.fixture(scope="module")
def owner(started: RunningPanel) -> Script:
    return Script(started, issue(started, "owner"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)
def test_the_documented_examples(
    panel: RunningPanel, owner: Script, client: Callable[..., Any], example: Example
) -> None:
    servers = [server_for(panel, example) for _ in range(1 + example.changes)]
    panel.sandbox("POST", "clock", advance=20)  # none is on its way, so none looks different later
    direct = client(panel.provider, OWNER_TOKEN, example.of(servers[0]))
    before = len(panel.changes())
    through = client(panel.url, owner.text, example.of(servers[-1]))
    assert through.status == direct.status == example.status, through.body
    assert comparable(example, through.body) == comparable(example, direct.body)
    calls = panel.changes()[before:]
    assert [(call["method"], call["body"]) for call in calls] == (
        [(example.method, example.body)] if example.changes else []
    )


def server_for(panel: RunningPanel, example: Example) -> str:
    fields = {"name": "web-server-01", "hostname": "web01.example.com", "status": example.state}
    return str(panel.sandbox("POST", "servers", **fields)["id"])


def test_one_connection_serves_many_calls(panel: RunningPanel, owner: Script) -> None:
    connection = HTTPConnection("localhost", panel.port, timeout=10)
    connection.connect()
    port = connection.sock.getsockname()[1]
    for _ in range(3):
        headers = {"Authorization": f"Bearer {owner.text}"}
        connection.request("GET", "/api/v1/servers/", headers=headers)
        answer = connection.getresponse()
        assert (answer.version, answer.status) == (11, 200)
        answer.read()
        assert connection.sock.getsockname()[1] == port
    connection.close()


def test_many_creates_with_one_idempotency_key(panel: RunningPanel, owner: Script) -> None:
    key = ids.new_form_id()
    panel.sandbox("POST", "faults", kind="delay", method="POST", path="/servers/$", seconds=0.5)
    with ThreadPoolExecutor(MANY) as pool:
        answers = list(pool.map(lambda _number: owner.create(key), range(MANY)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len({answer.headers["X-Operation"] for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert len(panel.changes()) == 1


@pytest.mark.parametrize("arrived", [True, False], ids=["arrived", "not-arrived"])
def test_killed_in_the_middle(panel: RunningPanel, owner: Script, arrived: bool) -> None:
    """All of the web process, while the provider takes its time to answer."""
    key = ids.new_form_id()
    panel.sandbox(
        "POST", "faults", kind="hang", method="POST", path="/servers/$", seconds=30, apply=arrived
    )
    first = threading.Thread(target=cut_off, args=(owner, key))
    first.start()
    eventually(panel.changes, 20)
    panel.kill_web()
    first.join(timeout=30)
    eventually(lambda: is_up(panel), 60)
    with ThreadPoolExecutor(MANY) as pool:
        answers = list(pool.map(lambda _number: settled(owner, key), range(MANY)))
    assert len({(answer.status_code, answer.content) for answer in answers}) == 1
    told = answers[0].json()
    operation = told["operation"].removeprefix(f"{panel.url}/api/v1")
    found = owner("GET", operation).json()
    if answers[0].status_code == 201:  # the panel found out before anybody asked again
        assert arrived
        assert told["id"] == int(found["server"]["id"])
    else:
        assert (answers[0].status_code, told["state"]) == (504, "unknown")
    if arrived:
        eventually(lambda: owner("GET", operation).json()["state"] == "observed", 90)
    else:
        assert found["state"] == "unknown"
    assert len(panel.changes()) == 1


def settled(script: Script, key: str) -> requests.Response:
    """Until it is not the first one that is still running."""
    deadline = time.monotonic() + 90
    while (answer := script.create(key)).status_code == 409:
        assert answer.json()["code"] == "still_running", answer.text
        assert time.monotonic() < deadline
        time.sleep(1)
    return answer


def cut_off(script: Script, key: str) -> None:
    with pytest.raises(requests.RequestException):
        script.create(key)


def is_up(panel: RunningPanel) -> bool:
    try:
        return requests.get(f"{panel.url}/api/v1/openapi.json", timeout=5).status_code in {200, 404}
    except requests.RequestException:
        return False


def test_a_key_revoked_under_load(panel: RunningPanel) -> None:
    """Not one request that begins after the answer to the revocation is let in."""
    script = Script(panel, issue(panel, "operator"))
    ended = threading.Event()
    seen: list[tuple[float, float, int]] = []

    def load() -> None:
        with requests.Session() as session:
            session.headers["Authorization"] = f"Bearer {script.text}"
            while not ended.is_set():
                begun = time.monotonic()
                answer = session.get(f"{panel.url}/api/v1/servers/", timeout=30)
                seen.append((begun, time.monotonic(), answer.status_code))

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    eventually(lambda: len(seen) > 100, 60)
    revoked = revoke_newest(panel)
    time.sleep(2)
    ended.set()
    for thread in threads:
        thread.join()
    assert {status for _begun, _ended, status in seen} == {200, 401}
    # The first refusal comes no later than the answer to whoever revoked it.
    known = min(revoked, *(over for _begun, over, status in seen if status == 401))
    after = [status for begun, _ended, status in seen if begun > known]
    assert set(after) == {401}
    assert len(after) > 20


def revoke_newest(panel: RunningPanel) -> float:
    """By another process than the one that serves; when it had its answer."""
    code = (
        "from controlpanel.credentials.models import PanelKey as K;"
        "from controlpanel.credentials import panel_keys as p;"
        "from controlpanel.accounts import access as a;"
        "k = K.objects.order_by('-created_at').first();"
        "s = a.scope_at_work(k.user_id, k.team_id, 'keys.own');"
        "print('revoked', p.revoke(s, k))"
    )
    done = panel.command("shell", "--no-imports", "-c", code)
    assert "revoked True" in done.stdout, done.stdout + done.stderr
    return time.monotonic()
