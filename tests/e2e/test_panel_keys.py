"""A panel key is issued, and is on one page once: whatever the browser does afterwards."""

import re

import pytest
from playwright.sync_api import Error, Page, expect

from tests.e2e.places import KEYS

pytestmark = pytest.mark.e2e
KEY = re.compile(r"vpp_[0-9A-Za-z]{38}")


def issue(page: Page, name: str) -> str:
    page.goto(KEYS)
    page.get_by_role("link", name="Issue a key").click()
    page.locator("[name=name]").fill(name)
    page.get_by_role("button", name="Issue the key").click()
    shown = page.locator(".key-text")
    expect(shown).to_have_text(KEY)
    return shown.inner_text()


@pytest.mark.parametrize("javascript", [True, False], ids=["with-scripts", "without-scripts"])
def test_the_whole_life_of_a_key(visit, javascript):
    page = visit("operator", javascript=javascript)
    name = f"life-{javascript}"
    first = issue(page, name)
    page.get_by_role("link", name="Back to your panel keys").click()
    expect(page.locator("main")).not_to_contain_text(first)
    page.get_by_role("link", name=f"Rotate {name}").click()
    page.get_by_label("one hour").check()
    page.get_by_role("button", name="Issue the new key").click()
    second = page.locator(".key-text").inner_text()
    assert KEY.fullmatch(second)
    assert second != first
    page.goto(KEYS)
    expect(page.get_by_text("rotated, still works")).to_be_visible()
    for _one in ("the new one", "the old one"):
        page.get_by_role("link", name=f"Revoke {name}").first.click()
        page.get_by_role("button", name=f"Revoke {name}").click()
        expect(page.get_by_text(f"The key {name} is revoked.")).to_be_visible()
    expect(page.get_by_role("link", name=f"Revoke {name}")).to_have_count(0)


def test_neither_a_reload_nor_the_way_back_shows_it_again(visit):
    page = visit("operator")
    key = issue(page, "once")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Panel keys")
    assert key not in page.content()
    expect(page.get_by_role("link", name="Revoke once")).to_have_count(1)
    other = issue(page, "another")
    page.get_by_role("link", name="Members").first.click()
    page.wait_for_url("**/members/")
    page.go_back()
    page.wait_for_load_state()
    assert other not in page.content()
    expect(page.get_by_role("link", name="Revoke another")).to_have_count(1)


def test_without_scripts_a_reload_says_that_it_was_shown(visit):
    page = visit("operator", javascript=False)
    key = issue(page, "reloaded")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("This form was sent already")
    assert key not in page.content()
    page.goto(KEYS)
    expect(page.get_by_role("link", name="Revoke reloaded")).to_have_count(1)


def test_without_scripts_the_way_back_does_not_show_it_again(visit):
    page = visit("operator", javascript=False)
    issue(page, "back")
    page.get_by_role("link", name="Back to your panel keys").click()
    page.wait_for_url(f"**{KEYS}")
    with pytest.raises(Error, match="ERR_CACHE_MISS"):  # only the form itself would bring it back
        page.go_back()


def test_it_is_copied_by_a_button(visit):
    page = visit("operator", permissions=["clipboard-read", "clipboard-write"])
    key = issue(page, "copied")
    page.get_by_role("button", name="Copy the key").click()
    expect(page.locator("button[data-copied]")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == key
    page.get_by_role("button", name="Copy the piece for Python").click()
    assert "import requests" in page.evaluate("navigator.clipboard.readText()")


def test_the_fields_follow_the_choice(visit):
    page = visit("operator")
    page.goto(f"{KEYS}new/")
    expect(page.get_by_label("Reboot servers")).to_be_hidden()
    page.get_by_label("Look, and chosen rights").check()
    expect(page.get_by_label("Reboot servers")).to_be_visible()
    expect(page.locator("[name=labels]")).to_be_hidden()
    page.get_by_label("Servers with one of these labels").check()
    expect(page.locator("[name=labels]")).to_be_visible()
