from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from controlpanel.keys import readiness, ring
from controlpanel.keys.models import KeyCheck

pytestmark = pytest.mark.django_db


def init() -> str:
    out = StringIO()
    call_command("keys", "init", stdout=out, skip_checks=True)
    return out.getvalue()


def test_init_makes_a_ring_and_notes_its_keys(ring_file: Path) -> None:
    said = init()
    assert "Keep a copy" in said
    assert set(KeyCheck.objects.values_list("key_id", flat=True)) == {
        key.id for key in ring.load(ring_file).keys
    }


def test_init_again_changes_nothing(ring_file: Path) -> None:
    init()
    before = ring_file.read_bytes()
    assert init() == ""
    assert ring_file.read_bytes() == before


def test_init_never_makes_a_second_ring_for_a_database(ring_file: Path) -> None:
    init()
    ring_file.unlink()
    with pytest.raises(CommandError, match="Restore the ring"):
        init()
    assert not ring_file.exists()


def test_init_refuses_a_ring_that_belongs_elsewhere(ring_file: Path) -> None:
    init()
    ring_file.unlink()
    ring.create(ring_file, ring.new())
    with pytest.raises(CommandError, match="not the one"):
        init()


def test_init_takes_a_ring_from_the_environment(settings: Settings, ring_file: Path) -> None:
    settings.PANEL_KEYS = ring.dump(ring.new())
    assert init() == ""
    assert not ring_file.exists()
    assert KeyCheck.objects.count() == len(ring.PURPOSES)


def test_init_says_why_it_cannot_write(settings: Settings, tmp_path: Path) -> None:
    settings.PANEL_KEYS_FILE = tmp_path / "a file" / "keys.json"
    (tmp_path / "a file").touch()
    with pytest.raises(CommandError, match="cannot be"):
        init()


def without(purpose: str, keys: ring.KeyRing) -> ring.KeyRing:
    return ring.KeyRing(key for key in keys.keys if key.purpose != purpose)


def test_init_adds_the_first_key_of_a_new_kind(ring_file: Path) -> None:
    ring.create(ring_file, without("audit-sign", ring.new()))
    before = ring.load(ring_file).keys
    with pytest.raises(readiness.KeysNotReady, match="keys init"):
        readiness.refuse_unless_ready()
    init()
    after = ring.load(ring_file).keys
    assert after[: len(before)] == before
    assert [key.id for key in after[len(before) :]] == ["audit-sign-1"]
    readiness.refuse_unless_ready()


def test_init_makes_no_new_key_for_one_that_was_lost(ring_file: Path) -> None:
    init()
    keys = without("audit-sign", ring.load(ring_file))
    ring_file.unlink()
    ring.create(ring_file, keys)
    with pytest.raises(CommandError, match="missing from the key ring"):
        init()
    assert ring.load(ring_file).keys == keys.keys
