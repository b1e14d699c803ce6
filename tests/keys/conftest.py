from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from controlpanel.keys import ring
from controlpanel.keys.ring import Key, KeyRing
from controlpanel.lib import clock


@pytest.fixture
def ring_file(settings: Settings, tmp_path: Path) -> Path:
    """Where a ring of the test's own would be; there is none yet."""
    settings.PANEL_KEYS = ""
    settings.PANEL_KEYS_FILE = tmp_path / "keys" / "keys.json"
    return tmp_path / "keys" / "keys.json"


@pytest.fixture
def own_ring(ring_file: Path) -> KeyRing:
    ring.create(ring_file, ring.new())
    return ring.current()


def replace(path: Path, keys: KeyRing) -> None:
    path.unlink()
    ring.create(path, keys)


def with_second(keys: KeyRing, purpose: str, after: timedelta = timedelta(0)) -> KeyRing:
    """The same ring with one more key of that purpose, in force from now, or later."""
    second = Key(f"{purpose}-2", purpose, clock.now() + after, b"2" * ring.KEY_BYTES)
    return KeyRing([*keys.keys, second])
