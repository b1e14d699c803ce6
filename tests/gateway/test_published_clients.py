"""The two clients that the provider publishes, as they come from the package index, pointed at the
gateway of a really running panel: they list, show, and say what went wrong in words.

They speak another dialect of the provider's API, so what only that has is an honest 404 here.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.faults.running import RunningPanel

pytestmark = [pytest.mark.deep, pytest.mark.timeout(600)]
NO_SUCH: Final = "There is no such address."
# A tool of vps-mcp, called as an assistant calls it; one answer a line.
MCP: Final = """
import asyncio, json, sys
from vps_mcp.server import mcp

async def main():
    for name, given in json.load(sys.stdin):
        found = await mcp.call_tool(name, given)
        content = found[0] if isinstance(found, tuple) else found
        print(json.dumps("".join(part.text for part in content)))

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPanel]:
    started = RunningPanel(tmp_path_factory.mktemp("published"))
    yield started
    started.stop()


@pytest.fixture(scope="module")
def key(panel: RunningPanel) -> str:
    done = panel.command("issue_panel_key", "--user", "owner@example.com", "--team", "acme")
    return done.stdout.strip()


class Mcp:
    def __init__(self, panel: RunningPanel, outside: Path, key: str) -> None:
        self._python = outside / "python"
        self._environment = {
            **os.environ,
            "VPS_API_URL": f"{panel.url}/api/v1",
            "VPS_API_TOKEN": key,
        }

    def __call__(self, *calls: tuple[str, dict[str, Any]]) -> list[str]:
        done = subprocess.run(
            [self._python, "-c", MCP], input=json.dumps(calls), env=self._environment,
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def mcp(panel: RunningPanel, outside: Path, key: str) -> Mcp:
    return Mcp(panel, outside, key)


@pytest.fixture
def vps(panel: RunningPanel, outside: Path, tmp_path: Path):
    """The command `vps`, in a home and a folder of its own."""

    def run(*words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [outside / "vps", *words], input=typed, cwd=tmp_path,
            env={**os.environ, "HOME": str(tmp_path), "NO_COLOR": "1"},
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    return run


def test_vps_mcp_lists_and_shows(mcp: Mcp) -> None:
    servers, page, server, plans, places, systems, keys = mcp(
        ("list_servers", {}),
        ("list_servers", {"page": 2, "page_size": 3}),
        ("get_server", {"server_uuid": "12345"}),
        ("list_plans", {}),
        ("list_locations", {}),
        ("list_operating_systems", {}),
        ("list_ssh_keys", {}),
    )
    assert "Server: web01.example.com" in servers
    assert "Page 1 of 1 (8 total)" in servers
    assert "(8 total)" in page
    assert page.count("Server: ") == 3
    assert server.startswith("Server: web01.example.com")
    assert "Status: active" in server
    assert plans.count("Plan: ") == 5
    assert "Los Angeles" in places
    assert "Ubuntu" in systems
    assert "ops laptop" in keys


def test_vps_mcp_says_what_went_wrong(panel: RunningPanel, mcp: Mcp) -> None:
    before = len(panel.changes())
    absent, create, power, *others = mcp(
        ("get_server", {"server_uuid": "99999"}),
        (
            "create_server",
            {
                "hostname": "x.example.com",
                "location_id": 1,
                "plan_uuid": "p",
                "os_version_uuid": "o",
            },
        ),
        ("server_power", {"server_uuid": "12345", "action": "restart"}),
        ("create_backup", {"server_uuid": "12345"}),
        ("create_snapshot", {"server_uuid": "12345"}),
        ("resize_server", {"server_uuid": "12345", "new_plan_uuid": "p"}),
        ("list_domains", {}),
        ("list_dns_zones", {}),
    )
    assert absent == "Error (404): Server does not exist"
    assert create.startswith("Error (400): Nothing was sent")
    assert len(panel.changes()) == before
    for answer in (power, *others):
        assert answer.startswith(f"Error (404): {NO_SUCH}"), answer


def test_vps_mcp_deletes(panel: RunningPanel, mcp: Mcp) -> None:
    made = str(panel.sandbox("POST", "servers", name="goes")["id"])
    first, again = mcp(*[("delete_server", {"server_uuid": made})] * 2)
    assert first == f"Server {made} has been deleted."
    assert again == "Error (404): Server does not exist"


def test_vps_mcp_with_a_key_that_is_none(panel: RunningPanel, outside: Path) -> None:
    [said] = Mcp(panel, outside, "vps_not_a_panel_key")(("list_servers", {}))
    assert said.startswith("Error (401): This panel key is not accepted.")


def test_vpsdotorg_signs_in_and_links(panel: RunningPanel, vps, key: str, tmp_path: Path) -> None:
    done = vps("login", "--token", key, "--api-url", panel.url)
    assert (done.returncode, done.stdout) == (0, "Logged in successfully. 8 server(s) found.\n")
    linked = vps("link", "--server", "12345", typed="app\npython\n")
    assert linked.returncode == 0, linked.stderr
    assert "Linked to web01.example.com" in linked.stdout
    absent = vps("link", "--server", "99999")
    assert (absent.returncode, absent.stderr) == (1, "Server 99999 not found.\n")


def test_vpsdotorg_says_what_went_wrong(panel: RunningPanel, vps, key: str, tmp_path: Path) -> None:
    vps("login", "--token", key, "--api-url", panel.url)
    vps("link", "--server", "12345", typed="app\npython\n")
    description = tmp_path / "vps.yaml"
    description.write_text(description.read_text().replace("git_repo: ''", "git_repo: x"))
    for words in (("deploy",), ("logs", "x")):
        done = vps(*words)
        assert done.returncode == 1
        assert NO_SUCH in done.stderr, done
    refused = vps("login", "--token", "vps_not_a_panel_key", "--api-url", panel.url)
    assert refused.returncode == 1
    assert "Invalid or expired API token" in refused.stderr
