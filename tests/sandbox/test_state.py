import json
from pathlib import Path

import pytest

from controlpanel.sandbox.server import Sandbox
from controlpanel.sandbox.store import UnreadableError
from tests.sandbox.api import NEW, OWNER, Api


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "sandbox.json"


def test_a_restart_forgets_nothing(state: Path) -> None:
    with Sandbox(state=state) as sandbox:
        api = Api(sandbox.url)
        created = api.post("/servers/", NEW).json()
        api.delete("/servers/12345/")
        api.patch("/servers/12346/", {"name": "renamed"})
        api.post("/servers/12347/stop/")
        api.control("PATCH", "/tokens/acme-admin", {"revoked": True})
        sandbox.advance(3)
        before = api.get("/servers/").json()
    with Sandbox(state=state) as sandbox:
        api = Api(sandbox.url)
        assert api.get("/servers/").json() == before
        sandbox.advance(20)
        assert api.status(created["id"]) == "active"
        assert api.status(12347) == "stopped"
        assert api.post("/servers/", NEW).json()["id"] == created["id"] + 1
        assert Api(sandbox.url, "vps_sandbox_acme_admin_0001").get("/servers/").status_code == 401
        assert sandbox.world.accounts["acme"].credit == 12_500 - 1000 + 1000 - 1000


def test_it_is_saved_before_the_answer(state: Path) -> None:
    with Sandbox(state=state) as sandbox:
        server_id = Api(sandbox.url).post("/servers/", NEW).json()["id"]
        assert server_id in {row[0] for row in json.loads(state.read_text())["servers"]}


def test_it_is_its_owners_alone(state: Path) -> None:
    Sandbox(state=state)
    assert state.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in state.parent.iterdir()] == [state.name]


def test_no_token_and_no_password_stands_in_it(state: Path) -> None:
    with Sandbox(state=state) as sandbox:
        api = Api(sandbox.url)
        api.control("POST", "/tokens", {"token": "vps_canary_token", "name": "canary"})
        api.control("POST", "/settings", {"root_password": "canary-password"})
        api.post("/servers/", NEW)
    text = state.read_text()
    assert not [word for word in (OWNER, "vps_", "canary-password") if word in text]


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", '{"version": 99}', '{"version": 1}'])
def test_a_file_that_is_not_ours_is_left_alone(state: Path, text: str) -> None:
    state.write_text(text)
    with pytest.raises(UnreadableError, match="Move it away"):
        Sandbox(state=state)
    assert state.read_text() == text
