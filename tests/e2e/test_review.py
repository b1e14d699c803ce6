"""An auditor's morning in a browser: what waits is looked at and signed off, never one's own."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e import doing
from tests.e2e.doing import REVIEW, SERVERS, TODAY

pytestmark = pytest.mark.e2e
MAIL = "12349"
WHY = "Asked for in the morning meeting; the owner knows."


def line(page: Page, words: str) -> Locator:
    return page.locator("[data-row]").filter(has_text=words)


def until_it_waits(page: Page, words: str) -> Locator:
    """The worker looks through the log every few seconds."""
    found = line(page, words).first
    doing.wait_until(lambda: page.reload() and found.count(), pause=0.5)
    return found


def delete(page: Page, name: str) -> None:
    doing.create(page, name)
    doing.until_observed(page)
    page.goto(f"{SERVERS}?q={name}")
    page.get_by_role("link", name=name, exact=True).click()
    page.get_by_role("link", name="Delete", exact=True).click()
    page.get_by_label("Name of the server").fill(name)
    page.get_by_role("button", name=f"Delete {name}").click()
    doing.at_receipt(page)
    doing.until_observed(page)


def lose_an_answer(page: Page, door) -> None:
    door.fault("drop_after", method="POST", path="/reboot/$")
    page.goto(f"{SERVERS}{MAIL}/reboot/")
    page.get_by_role("button", name="Reboot").click()
    doing.at_receipt(page)


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
def test_an_auditor_works_off_what_waits(visit, door, javascript):
    name = f"review-{'js' if javascript else 'plain'}"
    admin, deleted = visit("admin"), f"admin@example.com deleted {name}"
    delete(admin, name)
    lose_an_answer(visit("operator"), door)

    page = visit("auditor", javascript=javascript)
    page.goto("/")
    page.wait_for_url(f"**{TODAY}")
    page.get_by_role("link", name="Review", exact=True).first.click()
    page.wait_for_url(f"**{REVIEW}")
    until_it_waits(page, deleted)
    until_it_waits(page, "no clear answer")

    page.get_by_role("link", name=re.compile("Deletions")).click()
    expect(line(page, deleted)).to_be_visible()
    expect(line(page, "no clear answer")).to_have_count(0)
    choose(page, line(page, deleted), javascript=javascript)
    page.get_by_label("Note", exact=True).fill(WHY)
    page.get_by_role("button", name="Sign off what is chosen").click()
    expect(page.get_by_text("1 event signed off.")).to_be_visible()
    expect(line(page, deleted)).to_have_count(0)

    page.goto(f"{REVIEW}?rule=unknown")
    page.locator("[data-row-link]").first.click()
    # By night it waits for one reason more, and is signed off for both.
    expect(page.get_by_text("Unknown outcomes: waits for a second look")).to_be_visible()
    page.get_by_role("button", name="Sign off").click()
    expect(page.get_by_text("Unknown outcomes: signed off by auditor@example.com")).to_be_visible()

    page.goto(f"{doing.AUDIT}?action=review.signed_off")
    expect(page.get_by_text("signed off event").first).to_be_visible()


def choose(page: Page, row: Locator, *, javascript: bool) -> None:
    """By keyboard where that works: down to the line, and tick it."""
    box = row.get_by_role("checkbox")
    if not javascript:
        box.check()
        return
    for _ in range(page.locator("[data-row]").count()):
        page.keyboard.press("j")
        if row.locator(":focus").count():
            break
    page.keyboard.press("x")
    expect(box).to_be_checked()


def test_ones_own_stays_for_somebody_else(visit):
    admin = visit("admin")
    delete(admin, "review-own")
    admin.goto(REVIEW)
    own = until_it_waits(admin, "deleted review-own")
    expect(own.get_by_text("somebody else must look at it")).to_be_visible()
    expect(own.get_by_role("checkbox")).to_be_disabled()
    admin.get_by_label("Choose all on this page").check()
    expect(own.get_by_role("checkbox")).not_to_be_checked()
