"""Coming and going, and what those who may not see instead."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e import doing
from tests.e2e.browser import sign_in
from tests.e2e.doing import SERVERS

pytestmark = pytest.mark.e2e
LOGIN = re.compile(r"/accounts/login/")


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
def test_a_wrong_password(visit, javascript):
    page = visit(javascript=javascript)
    sign_in(page, "viewer", "not-the-password")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("do not belong together")
    assert LOGIN.search(page.url)
    expect(page.locator("[name=login]")).to_have_value("viewer@example.com")


def test_signing_out(visit):
    page = visit()
    sign_in(page, "viewer")
    page.wait_for_url(f"**{SERVERS}")
    cookies = page.context.cookies()
    page.get_by_role("button", name="viewer@example.com").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(LOGIN)
    page.context.add_cookies([one for one in cookies if "session" in one["name"]])
    page.goto(SERVERS)
    assert LOGIN.search(page.url), "the old session is over, whoever kept it"


def test_signing_out_without_javascript(visit):
    page = visit(javascript=False)
    sign_in(page, "viewer")
    page.wait_for_url(f"**{SERVERS}")
    page.get_by_role("button", name="viewer@example.com").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(LOGIN)


def test_a_session_that_ends_under_a_poll(visit):
    page = visit("viewer")
    page.goto(SERVERS, wait_until="networkidle")
    page.context.clear_cookies()
    page.evaluate("window.dispatchEvent(new Event('online'))")
    page.wait_for_url(re.compile(r"/accounts/login/\?next=%2Fteams%2Facme%2Fservers%2F$"))
    page.locator("[name=login]").fill("viewer@example.com")
    page.locator("[name=password]").fill("demo-panel-1")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**{SERVERS}")


def test_a_viewer_sees_what_they_may_not_and_why(visit, door):
    began = door.mark()
    page = visit("viewer")
    page.goto(f"{SERVERS}12345/")
    for word in ("Stop", "Reboot", "Edit", "Delete"):
        button = page.get_by_role("button", name=word, exact=True)
        expect(button).to_have_attribute("aria-disabled", "true")
        reason = page.locator(f"#{button.get_attribute('aria-describedby')}")
        expect(reason).to_contain_text(re.compile("you are viewer", re.IGNORECASE))
        expect(reason).to_contain_text("Olivia Owner")
        button.click(force=True)
    button = page.get_by_role("button", name="Stop", exact=True)
    button.focus()
    expect(page.locator(f"#{button.get_attribute('aria-describedby')}")).to_be_visible()
    assert page.url.endswith("/12345/")
    assert not door.changes(began)


def test_an_illegal_action_says_why(visit):
    page = visit("operator")
    page.goto(f"{SERVERS}12348/")
    button = page.get_by_role("button", name="Stop", exact=True)
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(page.locator(f"#{button.get_attribute('aria-describedby')}")).to_contain_text("stopped")


@pytest.mark.parametrize("path", ["", "12345/", "new/", "12345/delete/"])
def test_an_outsider_finds_nothing(visit, path):
    page = visit("outsider")
    answer = page.goto(f"{SERVERS}{path}")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading")).to_contain_text("nothing at this address")
    expect(page.locator("body")).not_to_contain_text("web-server")


def test_what_the_provider_writes_is_only_text(visit, door):
    hostile = "<img src=x onerror=window.broken=1>"
    server_id = door.add_server(
        name=hostile,
        hostname='"><script>window.broken=1</script>',
        location="javascript:window.broken=1",
        status="<b>odd</b>",
    )
    page = visit("owner")
    page.goto(SERVERS)
    row = doing.row(page, server_id)
    expect(row).to_contain_text(hostile, timeout=30_000)
    row.get_by_role("link", name=hostile).click()
    page.wait_for_url(f"**/{server_id}/")
    expect(page.get_by_role("heading", level=1)).to_contain_text(hostile)
    page.goto(f"{SERVERS}{server_id}/delete/")
    page.goto(f"{SERVERS}new/")
    assert page.evaluate("window.broken") is None
    assert not page.locator("img[src=x], script:not([src]), [onerror]").count()
    door.remove_server(server_id)
