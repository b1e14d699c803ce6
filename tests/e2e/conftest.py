from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.browser import Visits, chromium
from tests.e2e.panel import RunningPanel, SandboxDoor


@pytest.fixture(scope="session")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPanel]:
    with RunningPanel(tmp_path_factory.mktemp("panel") / "var") as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as program:
        yield program


@pytest.fixture(scope="session")
def visits(browser: Browser, panel: RunningPanel) -> Visits:
    return Visits(browser, panel.address)


@pytest.fixture
def visit(visits: Visits) -> Iterator[Callable[..., Page]]:
    """`visit("operator", javascript=False)`: a page. Nothing may go wrong on any of them."""
    visits.troubles.clear()
    yield visits.visit
    visits.close()
    assert not visits.troubles


@pytest.fixture
def door(panel: RunningPanel) -> Iterator[SandboxDoor]:
    yield panel.door
    panel.door.clear_faults()
