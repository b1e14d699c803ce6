"""The servers list changes by itself, and leaves alone what a person is doing."""

import pytest
from playwright.sync_api import expect

from tests.e2e import doing
from tests.e2e.browser import polls
from tests.e2e.doing import SERVERS
from tests.e2e.panel import SandboxDoor

pytestmark = pytest.mark.e2e
PATIENCE_MS = 30_000


@pytest.fixture
def moving(door: SandboxDoor):
    """A server that never gets ready, so that the page asks often."""
    server_id = door.add_server(name="never-ready", status="provisioning")
    yield server_id
    door.remove_server(server_id)


def test_it_changes_by_itself(visit, door, moving):
    server_id = door.add_server(name="changes-outside")
    page = visit("viewer")
    page.goto(SERVERS)
    page.evaluate("window.loadedOnce = true")
    row = doing.row(page, server_id)
    expect(row).to_have_attribute("data-status", "active", timeout=PATIENCE_MS)
    row.evaluate("(row) => { row.sameRow = true }")
    search = page.get_by_role("searchbox")
    search.focus()

    door.change_server(server_id, status="stopped")
    expect(row).to_have_attribute("data-status", "stopped", timeout=PATIENCE_MS)
    expect(row).to_contain_text("stopped")
    expect(page.locator("#live")).to_contain_text("changes-outside")
    expect(search).to_be_focused()

    row.get_by_role("button", name="Actions for").click()
    menu = row.locator(".menu")
    expect(menu).to_be_visible()
    door.change_server(server_id, hostname="renamed.example.com")
    expect(row).to_contain_text("renamed.example.com", timeout=PATIENCE_MS)
    expect(menu).to_be_visible()

    door.remove_server(server_id)
    assert page.evaluate("window.loadedOnce")
    assert row.evaluate("(row) => row.sameRow")


def test_a_hidden_tab_asks_nothing(visit, moving):
    page = visit("viewer")
    asked = polls(page)
    page.goto(SERVERS)
    doing.wait_until(lambda: page.wait_for_timeout(200) or len(asked) >= 2)
    page.evaluate("""() => {
        Object.defineProperty(document, "hidden", {value: true, configurable: true});
        document.dispatchEvent(new Event("visibilitychange"));
    }""")
    page.wait_for_timeout(500)  # what was under way
    before = len(asked)
    page.wait_for_timeout(5000)
    assert len(asked) == before
    page.evaluate("""() => {
        delete document.hidden;
        document.dispatchEvent(new Event("visibilitychange"));
    }""")
    doing.wait_until(lambda: page.wait_for_timeout(200) or len(asked) > before)


def test_searching_answers_as_one_types(visit):
    page = visit("viewer")
    page.goto(SERVERS)
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("db-server")
    expect(page.locator("tr[data-server-id]")).to_have_count(1)
    page.wait_for_url("**/servers/?q=db-server")
    page.reload()
    expect(page.locator("tr[data-server-id]")).to_have_count(1)


def test_searching_works_without_javascript(visit):
    page = visit("viewer", javascript=False)
    page.goto(SERVERS)
    page.get_by_role("searchbox").fill("db-server")
    page.get_by_label("Sort by").select_option("-name")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tr[data-server-id]")).to_have_count(1)
    page.get_by_role("link", name="Clear").first.click()
    expect(page.locator("tr[data-server-id]").nth(1)).to_be_visible()
