"""A fragment that replaces what is on the page leaves keyboard and eye where they were."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e import doing
from tests.e2e.doing import AUDIT, OPERATIONS, SERVERS
from tests.e2e.panel import SandboxDoor
from tests.e2e.places import ACTIVE, TEAM

pytestmark = pytest.mark.e2e
PHONE = {"width": 390, "height": 500}
POLLS = 2


def wait_for_polls(page: Page, number: int = POLLS) -> None:
    """Asks by itself, at once: as often as wanted, answered and swapped in."""
    for _ in range(number):
        with page.expect_response(lambda answer: "hx-request" in answer.request.headers):
            page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.wait_for_timeout(150)


def scrolled(page: Page) -> float:
    return float(page.evaluate("window.scrollY"))


def same_place(page: Page, control: Locator) -> None:
    """On the control, scrolled to it: polls change neither."""
    control.scroll_into_view_if_needed()
    control.focus()
    expect(control).to_be_focused()
    before = scrolled(page)
    wait_for_polls(page)
    expect(control).to_be_focused()
    assert scrolled(page) == before


POLLED: dict[str, tuple[str, str, Callable[[Page], Locator]]] = {
    "row": (SERVERS, "operator", lambda page: page.locator(".row-link").last),
    "row-menu": (SERVERS, "operator", lambda page: page.locator("[id$=-actions]").last),
    "copy": (SERVERS, "operator", lambda page: page.locator("tbody .copy").last),
    "sort": (SERVERS, "operator", lambda page: page.locator("thead a").first),
    "search": (SERVERS, "operator", lambda page: page.get_by_role("searchbox")),
    "chip": (f"{SERVERS}?q=web", "operator", lambda page: page.locator(".chips a").first),
    "provider": (SERVERS, "operator", lambda page: page.locator("#provider-button")),
    "action": (f"{SERVERS}{ACTIVE}/", "operator",
               lambda page: page.get_by_role("link", name="Edit", exact=True)),
    "copy-of-server": (f"{SERVERS}{ACTIVE}/", "operator",
                       lambda page: page.locator("#server .copy").last),
    "labels": (f"{SERVERS}{ACTIVE}/", "operator",
               lambda page: page.get_by_role("link", name="Edit labels")),
    "use-the-api": (f"{SERVERS}{ACTIVE}/", "operator",
                    lambda page: page.locator("summary").last),
    "operation": (OPERATIONS, "operator", lambda page: page.locator(".row-link").last),
    "audit-row": (AUDIT, "auditor", lambda page: page.locator(".event summary").last),
}  # fmt: skip


@pytest.mark.parametrize("name", POLLED)
def test_a_poll_moves_nothing(visit, a_receipt, name):
    path, person, find = POLLED[name]
    page = visit(person, viewport=PHONE)
    page.goto(path, wait_until="networkidle")
    same_place(page, find(page))


@pytest.fixture(scope="module")
def a_receipt(visits):
    page = visits.visit("operator")
    page.goto(f"{SERVERS}{ACTIVE}/reboot/")
    page.get_by_role("button", name="Reboot").click()
    doing.at_receipt(page)
    doing.until_observed(page)
    visits.close()


@pytest.fixture
def unknown(visit, door: SandboxDoor):
    """A server whose reboot nobody knows the end of, though VPS.org showed it."""
    door.ask("POST", "settings", {"power_seconds": 8})
    server_id = door.add_server(name="focus-unknown")
    page = visit("operator")
    doing.wait_until(lambda: page.goto(SERVERS) and doing.row(page, server_id).count(), pause=1)
    door.fault("drop_after", method="POST", path="/reboot/$")
    page.goto(f"{SERVERS}{server_id}/reboot/")
    page.get_by_role("button", name="Reboot").click()
    doing.at_receipt(page)
    expect(page.locator("#confirm-seen")).to_be_visible(timeout=40_000)
    page.context.close()
    yield server_id
    door.ask("POST", "settings", {"power_seconds": 2})
    door.remove_server(server_id)


def test_what_is_unknown_is_confirmed_in_one_click(visit, unknown):
    """On a phone at night: it stands on the first screen, and its button keeps the focus."""
    page = visit("operator", viewport={"width": 390, "height": 844})
    page.goto(SERVERS)
    named = page.locator("#doubts a", has_text="focus-unknown")
    expect(named).to_be_in_viewport()
    same_place(page, named)
    named.click()
    confirm = page.get_by_role("button", name="Confirm that it was done")
    expect(confirm).to_be_in_viewport()
    expect(page.locator("[data-attention=unknown]")).to_contain_text("rebooting, then active")
    same_place(page, confirm)
    confirm.click()
    doing.at_receipt(page)
    assert doing.state(page) == "observed"


def test_a_notice_that_goes_hands_its_focus_on(visit, unknown):
    """Somebody else confirms it: the focus is not thrown back to the top of the page."""
    page = visit("operator")
    page.goto(f"{SERVERS}{unknown}/", wait_until="networkidle")
    page.get_by_role("button", name="Confirm that it was done").focus()
    other = visit("admin")
    other.goto(f"{SERVERS}{unknown}/")
    other.get_by_role("button", name="Confirm that it was done").click()
    doing.at_receipt(other)
    wait_for_polls(page)
    expect(page.locator("[data-attention]")).to_have_count(0)
    assert page.evaluate("document.activeElement.closest('#main') !== null")


@pytest.mark.parametrize(
    ("path", "person", "find"),
    [
        (SERVERS, "viewer", lambda page: page.get_by_role("searchbox")),
        (OPERATIONS, "viewer", lambda page: page.get_by_role("searchbox")),
    ],
)
def test_typing_in_a_filter_keeps_the_focus(visit, path, person, find):
    page = visit(person)
    page.goto(path, wait_until="networkidle")
    find(page).press_sequentially("we", delay=400)
    page.wait_for_url("**q=we")
    expect(find(page)).to_be_focused()
    assert page.evaluate("document.activeElement.selectionStart") == 2


def test_choosing_a_language_of_the_api_keeps_the_focus(visit):
    page = visit("operator")
    page.goto(f"{TEAM}api/", wait_until="networkidle")
    chosen = page.get_by_role("link", name="Python").first
    chosen.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**python**")
    page.wait_for_timeout(300)
    assert page.evaluate("document.activeElement.textContent.trim()") == "Python"


def test_new_events_hand_the_focus_to_the_list(visit, a_receipt):
    page = visit("auditor")
    page.goto(AUDIT, wait_until="networkidle")
    other = visit("operator")
    other.goto(f"{SERVERS}{ACTIVE}/labels/")
    other.locator("[name=labels]").fill("focus:new")
    other.get_by_role("button", name="Save").click()
    wait_for_polls(page)
    expect(page.locator("#load-new")).to_be_visible(timeout=40_000)
    page.locator("#load-new").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#load-new")).to_have_count(0)
    assert page.evaluate("document.activeElement.closest('#events') !== null")
