"""A create whose answer is lost on the way back."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e import doing

pytestmark = pytest.mark.e2e
CREATE = "POST /api/v1/servers/"


def lose_the_answer(door):
    """The list stays as it is until `clear_faults`, so that "unknown" lasts as long."""
    door.fault("stale_list", method="GET", path="/servers/$", times=None)
    door.fault("drop_after", method="POST", path="/servers/$")


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
def test_it_is_adopted_and_never_sent_again(visit, door, javascript):
    name = "lost-js" if javascript else "lost-plain"
    began = door.mark()
    lose_the_answer(door)
    page = visit("operator", javascript=javascript)
    doing.create(page, name)
    receipt = page.url
    expect(page.locator("#receipt")).to_have_attribute("data-state", "unknown")
    expect(page.locator("#receipt .banner")).to_contain_text(re.compile("unknown", re.IGNORECASE))
    expect(page.locator("#receipt .banner")).to_contain_text("bill")

    a_second_of_the_name_is_refused(visit("operator", javascript=javascript), name, receipt)

    door.clear_faults()
    page.goto(receipt)
    doing.until_observed(page, javascript=javascript)
    assert door.changes(began) == [CREATE]
    server = door.named(name)
    assert len(server) == 1
    expect(page.locator("#receipt")).to_contain_text(str(server[0]["id"]))


def a_second_of_the_name_is_refused(page, name, receipt):
    doing.fill_create(page, name)
    doing.create_button(page).click()
    banner = page.locator(".banner.bad")
    expect(banner).to_contain_text("Nothing was sent.")
    expect(page.get_by_label("Name", exact=True)).to_have_value(name)
    banner.get_by_role("link", name="See its receipt").click()
    page.wait_for_url(receipt)
