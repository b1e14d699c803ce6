"""To an OpenID Connect provider and back, in a browser that holds forms to the panel's policy."""

import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser import Visits
from tests.e2e.doing import AUDIT, SERVERS
from tests.e2e.panel import RunningPanel
from tests.openid.provider import CLIENT_ID, CLIENT_SECRET, Provider

pytestmark = pytest.mark.e2e
LOGIN = "/accounts/login/"
TOKENS = "/teams/acme/tokens/"
SETTINGS = "/account/settings/"
BUTTON = "Sign in with Acme SSO"
OWNER = {"sub": "o-1", "email": "owner@example.com", "email_verified": True}
PHONE = {"width": 390, "height": 844}
Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def running_provider() -> Iterator[Provider]:
    with Provider() as running:
        yield running


@pytest.fixture
def provider(running_provider: Provider) -> Provider:
    """With the owner of the demo team signed in there."""
    running_provider.person, running_provider.broken = dict(OWNER), ""
    return running_provider


@pytest.fixture(scope="module")
def panel(
    tmp_path_factory: pytest.TempPathFactory, running_provider: Provider
) -> Iterator[RunningPanel]:
    folder = tmp_path_factory.mktemp("panel")
    secret = folder / "client-secret"
    secret.touch(0o600)
    secret.write_text(CLIENT_SECRET)
    settings = {
        "PANEL_OIDC_NAME": "Acme SSO",
        "PANEL_OIDC_ISSUER": running_provider.issuer,
        "PANEL_OIDC_CLIENT_ID": CLIENT_ID,
        "PANEL_OIDC_CLIENT_SECRET_FILE": str(secret),
    }
    with RunningPanel(folder / "var", settings) as running:
        yield running


@pytest.fixture(scope="module")
def visits(browser: Browser, panel: RunningPanel) -> Visits:
    return Visits(browser, panel.address)


def go(page: Page, provider: Provider, at: str = LOGIN) -> None:
    answer = page.goto(at)
    assert answer is not None
    assert "form-action 'self'" in answer.headers["content-security-policy"]
    page.get_by_role("button", name=BUTTON).click()
    page.wait_for_url(f"{provider.issuer}/authorize?**")


def decide(page: Page, decision: str = "It is me") -> None:
    page.get_by_role("button", name=decision).click()


def is_refused(page: Page, why: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("You are not signed in")
    expect(page.locator("main")).to_contain_text(why)
    page.get_by_role("link", name="Back to sign-in").click()
    page.wait_for_url(f"**{LOGIN}")
    page.goto(SETTINGS)
    page.wait_for_url(f"**{LOGIN}?next=**")


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
@pytest.mark.parametrize("viewport", [None, PHONE], ids=["wide", "phone"])
def test_there_and_back(visit: Visit, provider: Provider, viewport, javascript) -> None:
    page = visit(viewport=viewport, javascript=javascript)
    go(page, provider, AUDIT)
    decide(page)
    page.wait_for_url(f"**{AUDIT}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Audit")
    page.goto(SETTINGS)
    expect(page.locator("main")).to_contain_text("Acme SSO")


def test_nobody_here_has_that_address(visit: Visit, provider: Provider) -> None:
    provider.person |= {"sub": "n-1", "email": "new@example.com"}
    page = visit()
    go(page, provider)
    decide(page)
    is_refused(page, "Ask an owner of your team for an invitation")


def test_an_address_that_nobody_verified(visit: Visit, provider: Provider) -> None:
    provider.person |= {"sub": "v-1", "email": "viewer@example.com", "email_verified": False}
    page = visit()
    go(page, provider)
    decide(page)
    is_refused(page, "verified")


def test_going_back_there(visit: Visit, provider: Provider) -> None:
    page = visit()
    go(page, provider)
    decide(page, "Go back")
    is_refused(page, "you stopped it there")


def test_a_provider_in_trouble(visit: Visit, provider: Provider) -> None:
    provider.broken = "/token"
    page = visit()
    go(page, provider)
    decide(page)
    is_refused(page, "did not work")
    provider.broken = ""
    go(page, provider)
    decide(page)
    page.wait_for_url(f"**{SERVERS}")


def test_it_is_you(visit: Visit, provider: Provider) -> None:
    """Asked again before something that matters, and answered there."""
    page = visit()
    go(page, provider)
    decide(page)
    page.wait_for_url(f"**{SERVERS}")
    again = f"/accounts/openid/again/?next={TOKENS}"
    page.goto(again)
    page.get_by_role("button", name="Go on to Acme SSO").click()
    decide(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("That was not shown")
    provider.person["auth_time"] = int(time.time())
    page.goto(again)
    page.get_by_role("button", name="Go on to Acme SSO").click()
    decide(page)
    page.wait_for_url(f"**{TOKENS}")
