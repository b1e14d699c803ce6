"""`make shots`: pictures of every page and state in both themes and two widths, to be looked at."""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page

from dev.chromium import ChromiumMissingError
from tests.architecture.tree import ROOT
from tests.e2e.browser import Visits, chromium
from tests.e2e.doing import SERVERS
from tests.e2e.panel import RunningPanel
from tests.e2e.places import PLACES, SCHEMES, Place, go, in_scheme, receipts
from tests.e2e.states import STATES, Stage

WIDTHS = {"wide": 1440, "phone": 390}
# Whoever looks is not in UTC.
ZONE = "Europe/Copenhagen"
HEIGHT = 900
FOLDER = ROOT / "var" / "shots"


def every_page(visits: Visits, panel: RunningPanel) -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    known = receipts(visits.visit, panel.door)
    return sum(_pictures(visits, place, known) for place in PLACES)


def every_state(visits: Visits, panel: RunningPanel) -> int:
    stage, number = Stage(visits, panel), 0
    for state in STATES:
        with state.bring(stage) as known:
            visits.close()
            number += sum(_pictures(visits, place, known or {}) for place in state.places)
    return number


def _pictures(visits: Visits, place: Place, known: dict[str, str]) -> int:
    viewport = {"width": WIDTHS["wide"], "height": HEIGHT}
    page = visits.visit(place.person, viewport=viewport, timezone_id=ZONE)
    go(page, place, known)
    for name, width in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": HEIGHT})
        for scheme in SCHEMES:
            in_scheme(page, scheme)
            page.screenshot(path=FOLDER / f"{place.name}-{name}-{scheme}.png", full_page=True)
    visits.close()
    return len(WIDTHS) * len(SCHEMES)


def for_the_readme(visits: Visits, panel: RunningPanel) -> None:
    """The servers list as it is at work: one server is just being made."""
    making = panel.door.add_server(name="shop-02", hostname="shop-02.example.com",
                                   status="provisioning", ip_address=None)  # fmt: skip
    page = visits.visit("owner", viewport={"width": 1280, "height": 800}, color_scheme="light")
    page.goto(SERVERS, wait_until="networkidle")
    _wait_for(page, making)
    page.screenshot(path=ROOT / "docs" / "screenshot.png")
    visits.close()
    panel.door.remove_server(making)


def _wait_for(page: Page, server_id: str) -> None:
    page.locator(f'tr[data-server-id="{server_id}"]').wait_for(timeout=30_000)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="panel-shots-") as folder:
        try:
            with chromium() as browser, RunningPanel(Path(folder) / "var") as panel:
                visits = Visits(browser, panel.address)
                for_the_readme(visits, panel)
                number = every_page(visits, panel) + every_state(visits, panel)
        except ChromiumMissingError as error:
            print(error)
            return 1
    print(f"{number} pictures are in {FOLDER}, and one for the README in docs/screenshot.png.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
