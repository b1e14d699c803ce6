"""The form of a new server as it is filled in."""

import pytest
from playwright.sync_api import expect

from tests.e2e import doing
from tests.e2e.doing import SERVERS

pytestmark = pytest.mark.e2e


def test_the_boxes_for_what_is_not_listed_show_when_chosen(visit):
    page = visit("operator")
    page.goto(f"{SERVERS}new/")
    box = page.get_by_label("Code of the location")
    expect(box).to_be_hidden()
    page.get_by_label("Location", exact=True).select_option("other")
    expect(box).to_be_visible()
    expect(page.get_by_label("Id of the plan")).to_be_hidden()
    page.get_by_role("radio", name="Another, by its id").check()
    expect(page.get_by_label("Id of the plan")).to_be_visible()


def test_the_boxes_are_there_without_javascript(visit):
    page = visit("operator", javascript=False)
    page.goto(f"{SERVERS}new/")
    expect(page.get_by_label("Code of the location")).to_be_visible()
    page.get_by_role("radio", name="Another, by its id").check()
    expect(page.get_by_label("Id of the plan")).to_be_visible()


def test_the_summary_says_what_is_chosen(visit):
    page = visit("operator")
    doing.fill_create(page, "summarised")
    summary = page.get_by_role("complementary", name="Summary")
    for words in ("summarised", "Debian 12", "Starter VPS", "eu-north"):
        expect(summary).to_contain_text(words)


def test_what_is_wrong_is_named_and_nothing_is_lost(visit, door):
    began = door.mark()
    page = visit("operator")
    doing.fill_create(page, "not-yet")
    page.get_by_label("Name", exact=True).fill("not a name")
    doing.create_button(page).click()
    trouble = page.get_by_role("alert")
    expect(trouble).to_be_focused()
    trouble.get_by_role("link", name="Name", exact=True).click()
    name = page.get_by_label("Name", exact=True)
    expect(name).to_be_focused()
    expect(name).to_have_value("not a name")
    expect(page.get_by_role("radio", name="Starter VPS")).to_be_checked()
    assert not door.changes(began)
