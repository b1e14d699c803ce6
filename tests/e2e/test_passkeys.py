"""Second steps and passkeys, in a browser that has an authenticator of its own."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import sign_in
from tests.e2e.doing import TODAY
from tests.web.profile.ways import code_for

pytestmark = pytest.mark.e2e
PERSON = "auditor"
TWO_STEP = "/accounts/two-step/"


def give_authenticator(page: Page) -> None:
    """Answers by itself, as somebody would with a finger."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )


@pytest.fixture
def page(visit):
    page = visit()
    give_authenticator(page)
    sign_in(page, PERSON)
    page.wait_for_url(f"**{TODAY}")
    return page


def sign_out(page: Page) -> None:
    page.goto("/accounts/logout/")
    page.get_by_role("button", name="Sign out").last.click()
    page.wait_for_url(re.compile("/accounts/login/"))


def test_a_passkey_alone_is_enough(page):
    page.goto(TWO_STEP)
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name").fill("Laptop")
    page.get_by_role("button", name="Add a passkey").click()
    page.wait_for_url(f"**{TWO_STEP}codes/")
    expect(page.locator("pre.code")).to_have_text(re.compile(r"^(\d{8}\s*){10}$"))
    sign_out(page)
    page.get_by_role("button", name="Use a passkey instead").click()
    page.wait_for_url(f"**{TODAY}")
    page.goto(f"{TWO_STEP}passkeys/")
    expect(page.get_by_role("row", name="Laptop")).to_contain_text("signing in alone")
    page.get_by_role("link", name="Remove Laptop").click()
    page.get_by_role("button", name="Remove the passkey").click()
    expect(page.get_by_role("heading", name="You have no passkey yet")).to_be_visible()


def test_after_the_password_it_is_the_second_step(page):
    page.goto(f"{TWO_STEP}passkeys/add/")
    page.get_by_label("It can be my only sign-in").uncheck()
    page.get_by_role("button", name="Add a passkey").click()
    page.wait_for_url(f"**{TWO_STEP}codes/")
    sign_out(page)
    sign_in(page, PERSON)
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(f"**{TODAY}")
    page.goto(f"{TWO_STEP}passkeys/")
    page.get_by_role("link", name="Remove Passkey").click()
    page.get_by_role("button", name="Remove the passkey").click()
    expect(page.get_by_role("heading", name="You have no passkey yet")).to_be_visible()


def test_without_a_passkey_it_says_so(visit):
    page = visit()
    give_authenticator(page)
    page.goto("/accounts/login/")
    page.get_by_role("button", name="Use a passkey instead").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("button", name="Use a passkey instead")).to_be_enabled()


def test_an_authenticator_app(page):
    page.goto(f"{TWO_STEP}app/add/")
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    assert page.locator(".qr svg").bounding_box()["width"] > 100
    secret = page.locator(".with-copy .mono").inner_text()
    page.get_by_label("Authenticator code").fill(code_for(secret))
    page.get_by_role("button", name="Add the app").click()
    page.wait_for_url(f"**{TWO_STEP}codes/")
    sign_out(page)
    sign_in(page, PERSON)
    page.get_by_label("Code").fill(code_for(secret))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**{TODAY}")
    page.goto(f"{TWO_STEP}app/remove/")
    page.get_by_role("button", name="Remove the app").click()
    expect(page.get_by_text("You have none yet.")).to_be_visible()
