"""The first owner of a real team: from the link that a command prints to a team at work."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e import doing
from tests.e2e.browser import Visits
from tests.e2e.panel import RunningPanel

pytestmark = pytest.mark.e2e
PASSWORD = "a-quiet-harbour-31"
REVOKED, ACME, GLOBEX = (
    "vps_sandbox_acme_revoked_001",
    "vps_sandbox_acme_owner_0001",
    "vps_sandbox_globex_owner_001",
)
SERVER = "12345"
PHONE = {"width": 390, "height": 844}
Visit = Callable[..., Page]


@dataclass(frozen=True)
class Newcomer:
    email: str
    team: str  # its name
    below: str  # its address
    second: str  # the name of the team that is founded next


def newcomer(kind: str) -> Newcomer:
    return Newcomer(
        f"you-{kind}@example.org", f"North {kind}", f"/teams/north-{kind}/", f"South {kind}"
    )


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPanel]:
    """Its own: what happens to its teams is nobody else's business."""
    with RunningPanel(tmp_path_factory.mktemp("panel") / "var") as running:
        yield running


@pytest.fixture(scope="module")
def visits(browser: Browser, panel: RunningPanel) -> Visits:
    return Visits(browser, panel.address)


def steps(page: Page) -> Locator:
    return page.get_by_role("region", name="Next steps").get_by_role("listitem")


def connect(page: Page, name: str, token: str) -> None:
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("API token").fill(token)
    page.get_by_role("button", name="Check and connect").click()


def sets_a_password(page: Page, panel: RunningPanel, you: Newcomer) -> None:
    printed = panel.manage("create_owner", "--email", you.email, "--team", you.team)
    page.goto(printed.strip().splitlines()[-1].removeprefix(panel.address))
    page.locator("[name=password1]").fill(PASSWORD)
    page.locator("[name=password2]").fill(PASSWORD)
    page.get_by_role("button", name="Save the new password").click()
    page.get_by_role("link", name="Sign in").click()
    page.locator("[name=login]").fill(you.email)
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**{you.below}servers/")


def is_led_on(page: Page, you: Newcomer) -> None:
    expect(steps(page)).to_have_count(3)
    expect(steps(page).nth(0)).to_contain_text(f"{you.team} is there")
    expect(steps(page).nth(0)).to_contain_text("(done)")
    for step in (1, 2):
        expect(steps(page).nth(step)).not_to_contain_text("(done)")


def pastes_a_wrong_token(page: Page, panel: RunningPanel, you: Newcomer) -> None:
    began = panel.door.mark()
    steps(page).get_by_role("link", name="Connect a VPS.org account").click()
    connect(page, "Main", "with a blank in it")
    expect(page.get_by_role("alert")).to_contain_text("This is not an API token")
    assert not refused_there(panel, began), "it is not even sent there"
    for token in (REVOKED, "vps_nobody_has_made_this_one"):
        connect(page, "Main", token)
        expect(page.get_by_role("alert")).to_contain_text("VPS.org refused this token")
        assert token not in page.content()
        expect(page.get_by_label("Name", exact=True)).to_have_value("Main")
        expect(page.get_by_label("API token")).to_have_value("")
    assert len(refused_there(panel, began)) == 2, "both were asked about"
    page.goto(f"{you.below}tokens/")
    expect(page.locator("main")).to_contain_text("No VPS.org account is connected yet")
    page.goto(f"{you.below}servers/")
    is_led_on(page, you)


def refused_there(panel: RunningPanel, began: int) -> list[dict[str, Any]]:
    calls = panel.door.calls(began, changing=False)
    return [call for call in calls if call["answered"] == 401]


def pastes_a_right_one(page: Page, you: Newcomer) -> None:
    steps(page).get_by_role("link", name="Connect a VPS.org account").click()
    connect(page, "Main", ACME)
    page.wait_for_url(f"**{you.below}servers/")
    expect(page.get_by_text("Main is connected")).to_contain_text("Next, invite the people")
    expect(page.get_by_text("Main is connected")).to_contain_text("8 servers found")
    expect(doing.row(page, SERVER)).to_be_visible(timeout=30_000)
    expect(page.locator("tr[data-server-id]")).to_have_count(8)


def invites(page: Page, panel: RunningPanel, you: Newcomer) -> None:
    page.get_by_role("link", name="Members").first.click()
    page.get_by_role("link", name="Invite", exact=True).click()
    row = invite(page, f"nina-{you.email}")
    expect(row).to_contain_text("Operator")
    expect(row).to_contain_text("all servers")
    assert you.team in panel.newest_mail(f"nina-{you.email}")


def invite(page: Page, email: str) -> Locator:
    """The open invitation."""
    operator = page.get_by_role("radio", name=re.compile("^Operator"))
    expect(page.locator("label", has=operator)).to_contain_text("reboots")
    page.get_by_label("E-mail").fill(email)
    operator.check()
    page.get_by_role("button", name="Send the invitation").click()
    invitations = page.get_by_role("region", name="Open invitations")
    return invitations.get_by_role("row", name=re.compile(re.escape(email)))


def connects_another(page: Page, you: Newcomer) -> None:
    page.get_by_role("link", name="API tokens").first.click()
    page.get_by_role("link", name="Connect an account").click()
    connect(page, "Main again", ACME)
    expect(page.get_by_role("alert")).to_contain_text("already connected to the team")
    connect(page, "Main", GLOBEX)
    expect(page.get_by_role("alert")).to_contain_text("already has an account of that name")
    connect(page, "Globex", GLOBEX)
    page.wait_for_url(f"**{you.below}servers/")
    expect(page.locator("tr[data-server-id]")).to_have_count(10, timeout=30_000)
    page.goto(f"{you.below}settings/")
    accounts = page.get_by_role("region", name="VPS.org accounts").get_by_role("listitem")
    expect(accounts).to_have_count(2)
    colours = {colour(accounts.nth(number)) for number in range(2)}
    assert len(colours) == 2


def founds_another_team(page: Page, you: Newcomer) -> None:
    team_menu(page).click()
    page.get_by_role("link", name="New team").click()
    page.get_by_label("Name", exact=True).fill(you.team.upper())
    page.get_by_role("button", name="Create the team").click()
    expect(page.get_by_role("alert")).to_contain_text("in a team of that name already")
    page.get_by_label("Name", exact=True).fill(you.second)
    page.get_by_role("button", name="Create the team").click()
    page.wait_for_url("**/teams/south-*/servers/")
    expect(team_menu(page)).to_contain_text(you.second)
    steps(page).get_by_role("link", name="Invite people").click()
    expect(invite(page, f"otto-{you.email}")).to_be_visible()
    page.get_by_role("link", name="Servers").first.click()
    expect(steps(page).nth(1)).not_to_contain_text("(done)")
    expect(steps(page).nth(2)).to_contain_text("(done)")


def acts_where_the_page_says(page: Page, panel: RunningPanel, you: Newcomer) -> None:
    """Another tab has gone on to the other team meanwhile."""
    other = page.url.split("servers/")[0].removeprefix(panel.address)
    tab = page.context.new_page()
    tab.goto(f"{you.below}servers/{SERVER}/reboot/")
    team_menu(page).click()
    page.get_by_role("link", name=you.team).click()
    page.wait_for_url(f"**{you.below}servers/")
    stripe = page.locator(".topbar-colour").get_attribute("data-colour")
    team_menu(page).click()
    page.get_by_role("link", name=you.second).click()
    page.wait_for_url(f"**{other}servers/")
    assert page.locator(".topbar-colour").get_attribute("data-colour") != stripe

    began = panel.door.mark()
    expect(team_menu(tab)).to_contain_text(you.team)
    expect(tab.locator("main dl.facts")).to_contain_text(you.team)
    tab.get_by_role("button", name="Reboot").click()
    doing.at_receipt(tab)
    assert you.below in tab.url
    doing.until_observed(tab)
    assert panel.door.changes(began) == [f"POST /api/v1/servers/{SERVER}/reboot/"]
    page.goto(f"{other}operations/")
    expect(page.locator("main")).to_contain_text("Nothing was asked for yet")
    answer = page.goto(f"{other}servers/{SERVER}/reboot/")
    assert answer is not None
    assert answer.status == 404


def team_menu(page: Page) -> Locator:
    return page.get_by_role("button", name="Team:")


def colour(place: Locator) -> str:
    return place.locator("[data-colour]").first.get_attribute("data-colour") or ""


@pytest.mark.parametrize("kind", ["wide", "phone"])
def test_from_the_printed_link_to_a_team_at_work(visit: Visit, panel: RunningPanel, kind) -> None:
    you = newcomer(kind)
    page = visit(viewport=PHONE if kind == "phone" else None)
    sets_a_password(page, panel, you)
    is_led_on(page, you)
    pastes_a_wrong_token(page, panel, you)
    pastes_a_right_one(page, you)
    invites(page, panel, you)
    connects_another(page, you)
    founds_another_team(page, you)
    acts_where_the_page_says(page, panel, you)
