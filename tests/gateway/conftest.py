from datetime import timedelta
from pathlib import Path

import pytest

from controlpanel.accounts import rate_limit
from controlpanel.accounts.models import Account
from controlpanel.gateway import read_usage, signed_counts
from controlpanel.lib import clock
from dev.apart import python_with
from tests.architecture.tree import ROOT
from tests.gateway.asking import Script, key_of
from tests.people import Person


@pytest.fixture(autouse=True)
def _as_a_new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_usage, "_counts", {})
    signed_counts.series.begin()
    monkeypatch.setattr(rate_limit, "_shared", rate_limit._Shared())
    monkeypatch.setattr(rate_limit, "_own", rate_limit._Own())


@pytest.fixture
def _half_minute_begins() -> None:
    """So that what a test counts at once does not fall into two."""
    clock.shift(timedelta(seconds=31 - clock.now().second % 30))


@pytest.fixture
def operator(bob: Person, synced: Account) -> Script:
    """bob's key: all that an operator may do to servers."""
    return key_of(bob, synced)


@pytest.fixture
def administrator(adam: Person, synced: Account) -> Script:
    return key_of(adam, synced)


@pytest.fixture
def viewer(vera: Person, synced: Account) -> Script:
    return key_of(vera, synced)


@pytest.fixture(scope="session")
def outside() -> Path:
    """Where the programs of others are, installed apart from the panel's own environment."""
    pins = Path(__file__).with_name("outside.txt")
    return python_with(pins, ROOT / "var" / "outside").parent
