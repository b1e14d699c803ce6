"""The log of a running panel takes nothing: everybody is told, nothing is lost, and it goes on."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.e2e.browser import Visits
from tests.e2e.doing import SERVERS
from tests.e2e.panel import RunningPanel
from tests.e2e.places import SCHEMES, in_scheme

pytestmark = pytest.mark.e2e


@contextmanager
def broken_log(panel: RunningPanel) -> Iterator[None]:
    database = sqlite3.connect(panel.var / "panel.sqlite3", isolation_level=None, timeout=20)
    database.execute(
        "CREATE TRIGGER broken BEFORE INSERT ON audit_auditevent "
        "BEGIN SELECT RAISE(ABORT, 'disk full'); END"
    )
    try:
        yield
    finally:
        database.execute("DROP TRIGGER broken")
        database.close()


@pytest.mark.parametrize(
    ("javascript", "server", "name"),
    [(True, "12345", "web-server-01"), (False, "12347", "web-server-eu")],
    ids=["script", "no-script"],
)
def test_it_is_told_and_it_recovers(
    visits: Visits, panel: RunningPanel, javascript: bool, server: str, name: str
) -> None:
    mark = panel.door.mark()
    page = visits.visit("owner", javascript=javascript)
    page.goto(f"{SERVERS}{server}/reboot/")
    with broken_log(panel):
        page.get_by_role("button", name=f"Reboot {name}").click()
        page.get_by_role("heading", name="Nothing was done").wait_for()
        page.get_by_text("you can look at everything").wait_for()
        sent_again = page.get_by_role("button", name="Send it again")
        sent_again.click()
        page.get_by_role("heading", name="Nothing was done").wait_for()
        other = visits.visit("operator")
        for width in (1400, 390):
            other.set_viewport_size({"width": width, "height": 900})
            other.goto(SERVERS)
            banner = other.locator(".banner.bad")
            assert "The panel is read-only." in banner.inner_text()
            assert "disk of the panel’s database is full" in banner.inner_text()
            for scheme in SCHEMES:
                in_scheme(other, scheme)
                assert not Axe().run(other).violations_count
    assert not panel.door.changes(mark)
    for _ in range(30):
        other.goto(SERVERS)
        if not other.locator(".banner.bad").count():
            break
        other.wait_for_timeout(500)
    sent_again.click()
    page.wait_for_url("**/operations/*/")
    assert panel.door.changes(mark) == [f"POST /api/v1/servers/{server}/reboot/"]
    visits.close()
