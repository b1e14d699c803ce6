"""Examples for scripts: switched, copied, and written as a form is filled in."""

import pytest
from playwright.sync_api import expect

from tests.e2e import doing
from tests.e2e.doing import SERVERS

pytestmark = pytest.mark.e2e
API = "/teams/acme/api/"


def test_the_language_changes_where_one_reads(visit):
    page = visit("viewer")
    page.goto(f"{API}#servers-delete")
    code = page.locator("#code-servers-delete")
    expect(code).to_contain_text("curl -X DELETE")
    expect(code).to_be_in_viewport()
    page.get_by_role("link", name="PHP").click()
    expect(code).to_contain_text("<?php")
    expect(page.get_by_role("link", name="PHP")).to_have_attribute("aria-current", "true")
    expect(page).to_have_url(f"{page.url.partition('/teams')[0]}{API}?lang=php")
    page.reload()
    expect(code).to_contain_text("<?php")


def test_it_changes_without_javascript(visit):
    page = visit("viewer", javascript=False)
    page.goto(API)
    page.get_by_role("link", name="JavaScript").click()
    expect(page.locator("#code-servers-delete")).to_contain_text("await fetch(")
    page.locator(".api-calls").get_by_role("link", name="/servers/{id}/reboot/").click()
    expect(page.locator("#servers-reboot")).to_be_in_viewport()


def test_a_piece_of_code_is_copied_whole(visit):
    page = visit("viewer")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(API)
    page.get_by_role("button", name="Copy curl: POST /api/v1/servers/", exact=True).click()
    expect(page.locator("button[data-copied]")).to_be_visible()
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert copied == page.locator("#code-servers-create").inner_text()


def test_a_create_is_written_as_it_is_typed(visit, door):
    began = door.mark()
    page = visit("operator")
    page.goto(f"{SERVERS}new/")
    page.get_by_text("Use the API").click()
    code = page.locator("#code-new-curl")
    expect(code).to_contain_text('-d "{}"')
    doing.fill_create(page, "as-typed")
    page.get_by_text("Use the API").click()
    for words in ('"name": "as-typed"', '"plan_id": ', '"os_id": ', '"location": "eu-north"'):
        expect(code).to_contain_text(words)
    expect(page.locator("#typed")).not_to_contain_text("Still to be chosen")
    expect(page.get_by_label("Name", exact=True)).to_have_value("as-typed")
    assert not door.changes(began)


def test_it_is_written_again_without_javascript(visit, door):
    began = door.mark()
    page = visit("operator", javascript=False)
    page.goto(f"{SERVERS}new/")
    page.get_by_label("Name", exact=True).fill("by-hand")
    page.get_by_text("Use the API").click()
    page.get_by_role("button", name="Write it anew from the form").click()
    expect(page.locator("#code-new-python")).to_contain_text('"name": "by-hand"')
    expect(page.locator("#code-new-python")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("by-hand")
    assert not door.changes(began)
