"""What a person does on the pages, with and without JavaScript."""

import re
import time
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

SERVERS = "/teams/acme/servers/"
OPERATIONS = "/teams/acme/operations/"
AUDIT = "/teams/acme/audit/"
TODAY = f"{AUDIT}today/"
REVIEW = f"{AUDIT}review/"
PATIENCE = 30.0


def fill_create(page: Page, name: str) -> None:
    """On the page of a new server: everything but the button."""
    page.goto(f"{SERVERS}new/")
    page.get_by_label("Location", exact=True).select_option("eu-north")
    page.get_by_label("System", exact=True).select_option(label="Debian 12")
    page.get_by_role("radio", name="Starter VPS").check()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Hostname").fill(f"{name}.example.com")


def create_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Create server")


def create(page: Page, name: str) -> None:
    fill_create(page, name)
    create_button(page).click()
    at_receipt(page)


def at_receipt(page: Page) -> None:
    page.wait_for_url(re.compile(r"/operations/[0-9a-f-]{36}/$"))


def operation_id(page: Page) -> str:
    return page.locator("#receipt").get_attribute("data-operation-id") or ""


def state(page: Page) -> str:
    return page.locator("#receipt").get_attribute("data-state") or ""


def until_observed(page: Page, *, javascript: bool = True) -> None:
    if javascript:
        expect(page.locator("#receipt")).to_have_attribute(
            "data-state", "observed", timeout=1000 * PATIENCE
        )
        return
    wait_until(lambda: page.reload() and state(page) == "observed", pause=0.5)


def wait_until(
    done: Callable[[], object], *, seconds: float = PATIENCE, pause: float = 0.2
) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "It did not come about in time."
        time.sleep(pause)


def row(page: Page, server_id: str) -> Locator:
    return page.locator(f'tr[data-server-id="{server_id}"]')
