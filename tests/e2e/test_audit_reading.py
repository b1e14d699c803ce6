"""Reading the audit log: by keyboard, without a script, while things happen, and on paper."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.doing import AUDIT

pytestmark = pytest.mark.e2e


def field(page: Page):
    return page.get_by_label("Search the audit log")


def options(page: Page):
    return page.locator("#suggestions").get_by_role("option")


def rows(page: Page) -> list[str]:
    found: list[str] = page.locator(".event").evaluate_all("all => all.map((one) => one.id)")
    return found


def test_the_query_is_completed_by_keyboard(visit):
    page = visit("auditor")
    page.goto(AUDIT)
    page.keyboard.press("/")
    expect(field(page)).to_be_focused()
    page.keyboard.type("acto")
    expect(options(page)).to_have_count(1)
    expect(field(page)).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    expect(field(page)).to_have_attribute("aria-activedescendant", "suggestion-1")
    page.keyboard.press("Enter")
    expect(field(page)).to_have_value("actor:")
    expect(options(page).filter(has_text="actor:auditor@example.com")).to_be_visible()
    page.keyboard.type("audi")
    expect(options(page)).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(field(page)).to_have_value("actor:auditor@example.com ")
    expect(options(page)).to_have_count(0)
    page.keyboard.press("Enter")
    page.wait_for_url("**/audit/?q=actor*")
    expect(page.get_by_role("list", name="Filters in force")).to_contain_text("Who: auditor@")


def test_a_word_in_the_middle_is_completed_and_the_rest_stays(visit):
    page = visit("auditor")
    page.goto(AUDIT)
    field(page).fill("resul via:page")
    field(page).evaluate("one => one.setSelectionRange(5, 5)")
    field(page).press("ArrowDown")
    options(page).first.click()
    expect(field(page)).to_have_value("result: via:page")


def test_escape_closes_the_list_and_leaves_the_text(visit):
    page = visit("auditor")
    page.goto(AUDIT)
    field(page).press_sequentially("res")
    expect(options(page)).to_have_count(1)
    field(page).press("Escape")
    expect(page.locator("#suggestions")).to_be_hidden()
    expect(field(page)).to_have_value("res")
    expect(field(page)).to_have_attribute("aria-expanded", "false")


def test_it_works_without_javascript(visit):
    page = visit("auditor", javascript=False)
    page.goto(AUDIT)
    field(page).fill("actor:auditor result:perhaps")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("“result:perhaps” is not understood")).to_be_visible()
    expect(field(page)).to_have_value("actor:auditor result:perhaps")
    field(page).fill("via:page")
    page.get_by_role("button", name="Search").click()
    page.get_by_text("Choose filters").click()
    page.get_by_label("Result", exact=True).select_option("done")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(field(page)).to_have_value("via:page result:success")


def test_new_events_wait_behind_a_button(visit, panel):
    page = visit("auditor")
    page.goto(AUDIT, wait_until="networkidle")
    before = rows(page)
    other = visit("viewer")
    other.goto(AUDIT)  # refused, which is an event
    page.evaluate("window.dispatchEvent(new Event('online'))")
    button = page.get_by_role("link", name=re.compile("new event"))
    expect(button).to_be_visible()
    assert rows(page) == before
    page.locator(".event summary").first.click()
    button.click()
    expect(page.locator(".event.fresh")).not_to_have_count(0)
    assert before[0] in rows(page)
    expect(page.locator(".event").first).to_be_focused()
    expect(page.locator("#live")).to_have_text(re.compile("new events? (is|are) shown"))
    expect(button).to_have_count(0)
    assert page.url.endswith(AUDIT)
    assert page.locator(f"#{before[0]} details").get_attribute("open") is not None


def test_times_are_in_the_readers_zone(visit):
    page = visit("auditor", timezone_id="Asia/Tokyo")
    page.goto(f"{AUDIT}1/")
    time = page.locator("time[data-moment]:visible").first
    expect(time).to_have_text(re.compile(r"^[-\d]+ [:\d]+ GMT\+9$"))
    expect(time).to_have_attribute("title", re.compile("UTC$"))


def test_paper_has_no_navigation_and_names_filters_and_zone(visit):
    page = visit("auditor", timezone_id="Asia/Tokyo", color_scheme="dark")
    page.goto(f"{AUDIT}?q=result:done")
    expect(page.locator(".printed")).to_be_hidden()
    page.emulate_media(media="print")
    printed = page.locator(".printed")
    expect(printed).to_contain_text(f"{AUDIT}?q=result%3Adone")
    expect(printed).to_contain_text("Result: done")
    expect(printed).to_contain_text("Asia/Tokyo")
    for unwanted in (".topbar", ".nav", ".footer", ".ask", ".event-toggle", ".pager-links"):
        assert not page.locator(unwanted).first.is_visible(), unwanted
    expect(page.locator(".event").first).to_be_visible()
    scheme = page.evaluate("getComputedStyle(document.documentElement).colorScheme")
    assert scheme == "light"
