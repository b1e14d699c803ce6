import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from controlpanel.keys import ring
from controlpanel.keys.ring import PURPOSES, KeyRing, KeysNotReady
from controlpanel.lib import clock
from tests.keys.conftest import replace, with_second


def test_a_new_ring_has_a_key_for_each_purpose(own_ring: KeyRing) -> None:
    active = [own_ring.active(purpose) for purpose in PURPOSES]
    assert [key.id for key in active] == [f"{purpose}-1" for purpose in PURPOSES]
    assert len({key.secret for key in active}) == len(PURPOSES)


def test_only_its_owner_can_open_the_file(own_ring: KeyRing, ring_file: Path) -> None:
    assert ring_file.stat().st_mode & 0o777 == 0o600
    assert ring_file.parent.stat().st_mode & 0o777 == 0o700
    assert list(ring_file.parent.iterdir()) == [ring_file]


def test_it_never_overwrites_a_file(own_ring: KeyRing, ring_file: Path) -> None:
    before = ring_file.read_bytes()
    with pytest.raises(FileExistsError):
        ring.create(ring_file, ring.new())
    assert ring_file.read_bytes() == before
    assert list(ring_file.parent.iterdir()) == [ring_file]


def test_what_was_written_reads_the_same(own_ring: KeyRing) -> None:
    again = ring.parse(ring.dump(own_ring))
    assert again.keys == own_ring.keys


def test_no_key_is_printed(own_ring: KeyRing) -> None:
    key = own_ring.active("credential")
    assert repr(key.secret)[2:-1] not in repr(key)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o610])
def test_it_refuses_a_file_that_others_can_open(
    own_ring: KeyRing, ring_file: Path, mode: int
) -> None:
    ring_file.chmod(mode)
    with pytest.raises(KeysNotReady, match="chmod 600"):
        ring.current()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_it_refuses_somebody_elses_file(own_ring: KeyRing, ring_file: Path) -> None:
    os.chown(ring_file, 65534, -1)
    with pytest.raises(KeysNotReady, match="owner"):
        ring.current()


def test_it_says_what_to_do_when_there_is_no_file(ring_file: Path) -> None:
    with pytest.raises(KeysNotReady, match="keys init"):
        ring.current()


def test_it_refuses_a_folder(ring_file: Path) -> None:
    ring_file.mkdir(parents=True)
    with pytest.raises(KeysNotReady):
        ring.current()


def _broken(**changes: object) -> str:
    content = json.loads(ring.dump(ring.new()))
    content["keys"][0].update(changes)
    return json.dumps(content)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{}",
        '{"version": 2, "keys": []}',
        '{"version": 1}',
        _broken(id="credential"),
        _broken(id="credential-0"),
        _broken(id="mfa-1"),
        _broken(id="credential.1"),
        _broken(purpose="mfa"),
        _broken(key="c2hvcnQ="),
        _broken(key="!" * 44),
        _broken(key=None),
        _broken(**{"from": "yesterday"}),
    ],
)
def test_it_refuses_a_damaged_ring_without_a_word_of_it(text: str) -> None:
    with pytest.raises(KeysNotReady) as refused:
        ring.parse(text)
    assert "Restore" in str(refused.value)
    assert refused.value.__cause__ is None


def test_it_refuses_a_key_given_twice() -> None:
    content = json.loads(ring.dump(ring.new()))
    content["keys"].append(content["keys"][0])
    with pytest.raises(KeysNotReady):
        ring.parse(json.dumps(content))


def test_the_environment_can_give_the_ring(settings: Settings, ring_file: Path) -> None:
    given = ring.new()
    settings.PANEL_KEYS = ring.dump(given)
    assert ring.current().keys == given.keys
    assert not ring_file.exists()


def test_a_changed_file_is_read_again(own_ring: KeyRing, ring_file: Path) -> None:
    assert ring.current() is own_ring
    replace(ring_file, with_second(own_ring, "mfa"))
    assert ring.current().active("mfa").id == "mfa-2"


def test_a_key_is_in_force_from_its_time_on(own_ring: KeyRing) -> None:
    ahead = with_second(own_ring, "audit-mac", after=timedelta(hours=1))
    now = clock.now()
    assert ahead.active("audit-mac").id == "audit-mac-1"
    assert ahead.active("audit-mac", now + timedelta(hours=2)).id == "audit-mac-2"
    assert ahead.active("audit-mac", now - timedelta(days=9)).id == "audit-mac-1"


def test_a_key_without_a_time_is_not_in_force(own_ring: KeyRing) -> None:
    added = ring.Key("mfa-2", "mfa", None, b"2" * ring.KEY_BYTES)
    keys = ring.parse(ring.dump(KeyRing([*own_ring.keys, added])))
    assert keys.active("mfa").id == "mfa-1"
    assert keys.get("mfa-2") == added


def test_a_purpose_without_a_key_is_refused() -> None:
    with pytest.raises(KeysNotReady, match="mfa"):
        KeyRing([]).active("mfa")
