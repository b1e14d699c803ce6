"""All nine calls of the provider, from a browser: each change is sent exactly once."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import doing
from tests.e2e.doing import AUDIT, SERVERS
from tests.e2e.panel import SandboxDoor

pytestmark = pytest.mark.e2e


class Journey:
    def __init__(self, visit: Callable[..., Page], door: SandboxDoor, *, javascript: bool) -> None:
        self.javascript = javascript
        self.name = "journey-js" if javascript else "journey-plain"
        self.operator = visit("operator", javascript=javascript)
        self.admin = visit("admin", javascript=javascript)
        self.door = door
        self.began = door.mark()
        self.receipts: list[str] = []

    def observed(self, page: Page) -> None:
        doing.at_receipt(page)
        doing.until_observed(page, javascript=self.javascript)
        self.receipts.append(doing.operation_id(page))

    def create(self) -> None:
        doing.create(self.operator, self.name)
        self.observed(self.operator)
        self.id = str(self.door.named(self.name)[0]["id"])
        self.url = f"{SERVERS}{self.id}/"

    def look(self) -> None:
        page = self.operator
        page.goto(f"{SERVERS}?q={self.name}")
        expect(doing.row(page, self.id)).to_have_attribute("data-status", "active")
        page.get_by_role("link", name=self.name, exact=True).click()
        page.wait_for_url(f"**{self.url}")
        expect(page.get_by_role("heading", level=1)).to_contain_text(self.name)

    def edit(self, **fields: str) -> None:
        page = self.operator
        page.goto(self.url)
        page.get_by_role("link", name="Edit", exact=True).click()
        page.get_by_label("Name", exact=True).fill(fields["name"])
        if "hostname" in fields:
            page.get_by_label("Hostname").fill(fields["hostname"])
            page.get_by_role("checkbox").check()
        page.get_by_role("button", name="Save").click()
        self.observed(page)
        self.name = fields["name"]

    def power(self, word: str) -> None:
        page = self.operator
        page.goto(self.url)
        if word == "Start":
            page.get_by_role("button", name="Start", exact=True).click()
        else:
            page.get_by_role("link", name=word, exact=True).click()
            page.get_by_role("button", name=f"{word} {self.name}").click()
        self.observed(page)

    def delete(self) -> None:
        page = self.admin
        page.goto(self.url)
        page.get_by_role("link", name="Delete", exact=True).click()
        page.get_by_label("Name of the server").fill(self.name)
        page.get_by_role("button", name=f"Delete {self.name}").click()
        self.observed(page)

    def sent(self) -> list[str]:
        """What the provider was asked to change since the beginning."""
        base = "/api/v1/servers/"
        short = {base: "…", f"{base}{self.id}/": "…/id/"}
        changes = [change.split(" ") for change in self.door.changes(self.began)]
        return [
            f"{method} {short.get(path, path.replace(base + self.id, '…/id'))}"
            for method, path in changes
        ]


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
def test_all_nine_calls(visit, door, javascript):
    journey = Journey(visit, door, javascript=javascript)
    journey.create()
    journey.look()
    journey.edit(name=f"{journey.name}-b")
    journey.edit(name=f"{journey.name}c", hostname="renamed.example.com")
    journey.power("Stop")
    journey.power("Start")
    journey.power("Reboot")
    journey.delete()

    assert journey.sent() == [
        "POST …",
        "PATCH …/id/",
        "PUT …/id/",
        "POST …/id/stop/",
        "POST …/id/start/",
        "POST …/id/reboot/",
        "DELETE …/id/",
    ]
    assert not door.named(journey.name)
    assert len(set(journey.receipts)) == 7
    the_audit_page_lists(visit("auditor", javascript=javascript), journey.receipts)


def the_audit_page_lists(page: Page, receipts: list[str]) -> None:
    for operation_id in receipts:
        page.goto(f"{AUDIT}?q={operation_id}")
        events = page.locator(".event")
        # What was meant, what came of it, and that it was seen.
        expect(events).to_have_count(3)
        expect(events.get_by_text("journey-").first).to_be_visible()
