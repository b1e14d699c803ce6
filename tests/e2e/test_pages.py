"""Every page: without a violation of axe's rules in light and dark, and wide enough for a phone."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.doing import SERVERS
from tests.e2e.places import PLACES, SCHEMES, Place, go, in_scheme, receipts

pytestmark = pytest.mark.e2e
AXE = Axe()
RULES = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}


@pytest.fixture(scope="module")
def known(visits, panel):
    found = receipts(visits.visit, panel.door)
    visits.close()
    return found


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_it_can_be_used_by_everybody(visit, known, place: Place):
    page = visit(place.person, viewport={"width": 1280, "height": 1400})
    go(page, place, known)
    for scheme in SCHEMES:
        in_scheme(page, scheme)
        found = AXE.run(page, options=RULES)
        assert not found.response["violations"], f"{scheme}: {found.generate_report()}"
    for width in (390, 320):
        page.set_viewport_size({"width": width, "height": 844})
        assert not too_wide(page), f"at {width} px"


def too_wide(page: Page) -> list[str]:
    """What stands out sideways when the page as a whole does."""
    found: list[str] = page.evaluate(
        """() => {
            const root = document.documentElement;
            if (root.scrollWidth <= root.clientWidth) return [];
            return [...document.querySelectorAll("body *")]
                .filter((one) => one.getBoundingClientRect().right > root.clientWidth + 1)
                .map((one) => `${one.tagName}.${one.className}`);
        }"""
    )
    return found


def test_the_theme_is_kept(visit):
    page = visit("owner", color_scheme="light")
    page.goto(SERVERS)
    light = background(page)
    page.get_by_role("button", name="Light or dark").click()
    page.get_by_role("menuitemradio", name="Dark").click()
    assert background(page) != light
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert background(page) != light


def background(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))
