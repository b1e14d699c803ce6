import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from controlpanel.audit.models import AuditEvent
from controlpanel.audit.verification.full_check import verify
from controlpanel.keys import cipher, macs, readiness, ring, rotation, sealed_stores
from controlpanel.keys.models import KeyCheck
from controlpanel.keys.ring import KeyRing, KeysNotReady
from controlpanel.keys.sealed_stores import Holder, Sealed, Vault
from controlpanel.lib import clock
from tests.tools.breaking import broken_audit

pytestmark = [pytest.mark.databases, pytest.mark.django_db]

CONTEXT = {"place": "here"}
SOON = timedelta(seconds=5)


class Shelf:
    """Somebody who keeps sealed values, in memory."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def keep(self, name: str, value: str) -> None:
        self.values[name] = cipher.seal("credential", value, CONTEXT)

    def read(self, name: str) -> str:
        return cipher.open_sealed("credential", self.values[name], CONTEXT).reveal()

    def key_ids(self) -> list[str]:
        found = []
        for sealed in self.values.values():
            with suppress(cipher.Unreadable):
                found.append(cipher.key_id(sealed))
        return found

    def page(self, after: str, limit: int) -> list[Sealed]:
        names = sorted(name for name in self.values if name > after)[:limit]
        return [Sealed(name, self.values[name], CONTEXT) for name in names]

    def swap(self, value: Sealed, text: str) -> bool:
        if self.values[value.id] != value.text:
            return False
        self.values[value.id] = text
        return True

    def usage(self) -> dict[str, int]:
        return Counter(self.key_ids())


@pytest.fixture
def shelf(own_ring: KeyRing, db: None) -> Iterator[Shelf]:
    readiness.refuse_unless_ready()
    made = Shelf()
    vault = Vault("credential", made.page, made.swap)
    sealed_stores.register(Holder("the shelf", made.usage, made.key_ids, vault))
    yield made
    del sealed_stores._holders["the shelf"]


def keys(*arguments: str) -> str:
    out = StringIO()
    call_command("keys", *arguments, stdout=out, stderr=out, skip_checks=True)
    return out.getvalue()


def refused(*arguments: str) -> str:
    with pytest.raises(CommandError) as found:
        keys(*arguments)
    return str(found.value)


def in_force(purpose: str = "credential") -> str:
    """Adds a key and waits until it is in force."""
    key = rotation.add(purpose)
    rotation.promote(key.id, SOON)
    clock.shift(SOON)
    return key.id


def events(name: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(chain="panel", event=name).order_by("seq"))


def facts(name: str) -> list[dict[str, Any]]:
    return [event.data for event in events(name)]


def state(key_id: str) -> str:
    return next(found.state for found in rotation.status() if found.key_id == key_id)


def test_a_whole_rotation(shelf: Shelf) -> None:
    shelf.keep("a", "one")
    assert "Added credential-2" in keys("add", "credential")
    shelf.keep("b", "two")
    assert "in force from" in keys("promote", "credential-2", "--in", "5")
    shelf.keep("c", "three")
    clock.shift(SOON)
    shelf.keep("d", "four")
    assert Counter(shelf.key_ids()) == {"credential-1": 3, "credential-2": 1}
    assert "the shelf: 3 sealed anew with credential-2" in keys("rewrap")
    assert Counter(shelf.key_ids()) == {"credential-2": 4}
    clock.shift(rotation.SETTLED)
    assert "Retired credential-1" in keys("retire", "credential-1")
    assert [shelf.read(name) for name in "abcd"] == ["one", "two", "three", "four"]
    assert ring.current().get("credential-1") is None
    readiness.refuse_unless_ready()
    assert verify().sound


def test_each_step_is_recorded(shelf: Shelf) -> None:
    shelf.keep("a", "one")
    in_force()
    keys("rewrap")
    clock.shift(rotation.SETTLED)
    keys("retire", "credential-1")
    assert facts("keys.added") == [{"keys": ["credential-2"]}]
    assert facts("keys.promoted")[0]["keys"] == ["credential-2"]
    assert facts("keys.retired") == [{"keys": ["credential-1"]}]
    began, ended = events("keys.rewrapped")
    assert (began.result, began.phase) == ("pending", "intent")
    assert (ended.result, ended.phase, ended.data["count"]) == ("success", "outcome", 1)
    assert ended.request_id == began.request_id != ""


def test_a_ring_of_the_same_shape_is_written(own_ring: KeyRing, ring_file: Path) -> None:
    inode = ring_file.stat().st_ino
    keys("add", "mfa")
    assert ring_file.stat().st_mode & 0o777 == 0o600
    assert ring_file.stat().st_ino != inode  # replaced whole, never written in place
    assert list(ring_file.parent.iterdir()) == [ring_file]
    again = ring.load(ring_file)
    assert again.keys[:-1] == own_ring.keys
    assert again.keys[-1].since is None


def test_an_added_key_opens_and_does_not_seal(shelf: Shelf) -> None:
    keys("add", "credential")
    shelf.keep("a", "one")
    assert shelf.key_ids() == ["credential-1"]
    assert state("credential-2") == "added"
    assert KeyCheck.objects.filter(key_id="credential-2").exists()
    readiness.refuse_unless_ready()


def test_status_says_where_each_key_stands(shelf: Shelf) -> None:
    shelf.keep("a", "one")
    shelf.keep("b", "two")
    keys("add", "credential")
    lines = {line.split()[0]: line for line in keys("status").splitlines()}
    assert set(lines) == {*(f"{purpose}-1" for purpose in ring.PURPOSES), "credential-2"}
    assert re.search(
        r"in force since \d{4}-.* UTC +needed by 2 \(the shelf\)$", lines["credential-1"]
    )
    assert re.search(r"added, not promoted +not needed$", lines["credential-2"])
    keys("promote", "credential-2")
    assert state("credential-2") == "waiting"
    clock.shift(timedelta(seconds=10))
    assert (state("credential-1"), state("credential-2")) == ("out_of_force", "in_force")
    keys("rewrap")
    clock.shift(rotation.SETTLED)
    keys("retire", "credential-1")
    assert state("credential-1") == "retired"
    assert "missing" not in keys("status")


def test_the_number_of_a_retired_key_is_not_given_again(own_ring: KeyRing) -> None:
    in_force()
    keys("add", "credential")
    keys("retire", "credential-3")  # never promoted, so there is nothing to wait for
    assert rotation.add("credential").id == "credential-4"


@pytest.mark.parametrize("purpose", ["credential", "fingerprint", "mfa"])
def test_it_keeps_a_key_in_force(own_ring: KeyRing, purpose: str) -> None:
    assert "Promote another one first" in refused("retire", f"{purpose}-1")
    assert ring.current() is own_ring


def test_it_keeps_a_key_that_values_need(shelf: Shelf, ring_file: Path) -> None:
    shelf.keep("a", "one")
    in_force()
    clock.shift(rotation.SETTLED)
    before = ring_file.read_bytes()
    assert "stored values need it, 1 (the shelf)" in refused("retire", "credential-1")
    assert ring_file.read_bytes() == before
    assert facts("keys.retired") == []
    assert shelf.read("a") == "one"


def test_it_keeps_a_key_that_was_in_force_a_moment_ago(own_ring: KeyRing) -> None:
    in_force()
    assert "in a minute" in refused("retire", "credential-1")


def test_it_keeps_a_key_until_the_next_one_begins(own_ring: KeyRing) -> None:
    rotation.add("credential")
    rotation.promote("credential-2", timedelta(hours=1))
    assert "in force" in refused("retire", "credential-1")
    assert "in force" in refused("retire", "credential-2")


def test_a_key_that_signed_events_is_never_retired(own_ring: KeyRing) -> None:
    readiness.refuse_unless_ready()
    assert in_force("audit-mac") == "audit-mac-2"
    clock.shift(timedelta(days=400))
    assert "(the audit log)" in refused("retire", "audit-mac-1")
    assert verify().sound
    assert {*AuditEvent.objects.values_list("mac_key_id", flat=True)} == {"audit-mac-1"}
    in_force("audit-mac")
    assert macs.mac("audit-mac", b"data")[0] == "audit-mac-3"
    assert verify().sound


def test_the_retired_key_may_come_back_with_an_old_ring(shelf: Shelf, ring_file: Path) -> None:
    in_force()
    old = ring.current()
    clock.shift(rotation.SETTLED)
    keys("retire", "credential-1")
    with ring.replacing(ring_file, old):
        pass
    readiness.refuse_unless_ready()
    assert state("credential-1") == "retired"
    keys("retire", "credential-1")
    assert ring.current().get("credential-1") is None


def test_start_up_refuses_values_that_need_a_retired_key(shelf: Shelf) -> None:
    shelf.keep("a", "one")
    kept = dict(shelf.values)
    in_force()
    keys("rewrap")
    clock.shift(rotation.SETTLED)
    keys("retire", "credential-1")
    shelf.values.update(kept)  # a backup of the database from before
    with pytest.raises(KeysNotReady, match=r"the shelf.*credential-1.*retired"):
        readiness.refuse_unless_ready()


@pytest.mark.parametrize("action", ["promote", "retire"])
def test_it_names_the_keys_when_there_is_no_such_key(own_ring: KeyRing, action: str) -> None:
    assert "credential-1, mfa-1" in refused(action, "credential-9")


def test_it_refuses_to_promote_twice(own_ring: KeyRing) -> None:
    assert "promoted already" in refused("promote", "credential-1")
    rotation.add("credential")
    keys("promote", "credential-2")
    assert "promoted already" in refused("promote", "credential-2")


@pytest.mark.parametrize("seconds", ["0", "-60"])
def test_it_refuses_a_promotion_that_takes_others_by_surprise(
    own_ring: KeyRing, seconds: str
) -> None:
    rotation.add("credential")
    assert "a second at least" in refused("promote", "credential-2", f"--in={seconds}")


def test_it_refuses_a_second_key_before_the_first_is_in_force(shelf: Shelf) -> None:
    keys("add", "credential")
    assert "not in force yet" in refused("add", "credential")
    assert "not in force yet" in refused("rewrap")
    keys("promote", "credential-2")
    assert "comes into force at" in refused("add", "credential")
    assert "comes into force at" in refused("rewrap")


def test_it_refuses_a_purpose_it_does_not_know(own_ring: KeyRing) -> None:
    assert "invalid choice" in refused("add", "everything")


def test_it_refuses_to_change_a_ring_from_the_environment(
    settings: Settings, shelf: Shelf, ring_file: Path
) -> None:
    settings.PANEL_KEYS = ring.dump(ring.current())
    before = ring_file.read_bytes()
    for arguments in (["add", "mfa"], ["promote", "mfa-1"], ["retire", "mfa-1"]):
        assert "PANEL_KEYS, which no command can change" in refused(*arguments)
    assert ring_file.read_bytes() == before
    assert "in force since" in keys("status")


def test_it_refuses_another_databases_ring(own_ring: KeyRing, ring_file: Path) -> None:
    readiness.refuse_unless_ready()
    ring_file.unlink()
    ring.create(ring_file, ring.new())
    assert "not the one" in refused("add", "credential")


def test_no_key_changes_without_a_record(own_ring: KeyRing, ring_file: Path) -> None:
    readiness.refuse_unless_ready()
    rotation.add("credential")
    before = ring_file.read_bytes()
    with broken_audit():
        for arguments in (["add", "mfa"], ["promote", "credential-2"], ["retire", "credential-2"]):
            assert "audit log cannot be written" in refused(*arguments)
    assert ring_file.read_bytes() == before
    assert list(ring_file.parent.iterdir()) == [ring_file]
    assert state("credential-2") == "added"
    assert not KeyCheck.objects.filter(key_id="mfa-2").exists()


def test_nothing_is_sealed_again_without_a_record(shelf: Shelf) -> None:
    shelf.keep("a", "one")
    in_force()
    with broken_audit():
        assert "audit log cannot be written" in refused("rewrap")
    assert shelf.key_ids() == ["credential-1"]


def test_a_full_disk_leaves_everything_as_it_was(
    own_ring: KeyRing, ring_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readiness.refuse_unless_ready()
    rotation.add("credential")
    before, recorded = ring_file.read_bytes(), AuditEvent.objects.count()

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("controlpanel.keys.ring.os.fsync", full)
    for arguments in (["add", "mfa"], ["promote", "credential-2"], ["retire", "credential-2"]):
        assert "No space left on device" in refused(*arguments)
    assert ring_file.read_bytes() == before
    assert AuditEvent.objects.count() == recorded
    readiness.refuse_unless_ready()


def test_rewrap_again_does_nothing_and_records_nothing(shelf: Shelf) -> None:
    shelf.keep("a", "one")
    assert ": 0 sealed anew with credential-1" in keys("rewrap")
    assert events("keys.rewrapped") == []


def test_rewrap_goes_through_all_pages(shelf: Shelf) -> None:
    for number in range(205):
        shelf.keep(f"{number:03}", str(number))
    in_force()
    assert ": 205 sealed anew" in keys("rewrap")
    assert [shelf.read(name) for name in sorted(shelf.values)] == [str(n) for n in range(205)]


def test_rewrap_leaves_what_it_cannot_read_and_names_it(shelf: Shelf) -> None:
    for name in ("a", "b", "c", "d"):
        shelf.keep(name, name)
    shelf.values["b"] = "garbage"
    shelf.values["c"] = shelf.values["c"][:-3] + "AAA"
    damaged = shelf.values["c"]
    in_force()
    out = StringIO()
    with pytest.raises(CommandError, match="enter them again"):
        call_command("keys", "rewrap", stdout=out, stderr=out, skip_checks=True)
    assert ": 2 sealed anew with credential-2, 0 replaced meanwhile, 2 unreadable" in out.getvalue()
    assert "b cannot be read" in out.getvalue()
    assert (shelf.values["b"], shelf.values["c"]) == ("garbage", damaged)
    assert (shelf.read("a"), shelf.read("d")) == ("a", "d")
    ended = events("keys.rewrapped")[-1]
    assert (ended.result, ended.data["unreadable"]) == ("failure", ["b", "c"])
    assert "(the shelf)" in refused("retire", "credential-1")


def test_rewrap_leaves_a_value_that_was_replaced_meanwhile(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.keep("a", "old")
    in_force()
    reseal = cipher.reseal

    def slow(*arguments: Any) -> str:
        sealed = reseal(*arguments)
        shelf.keep("a", "new")
        return sealed

    monkeypatch.setattr(cipher, "reseal", slow)
    assert "0 sealed anew with credential-2, 1 replaced meanwhile" in keys("rewrap")
    assert shelf.read("a") == "new"


@pytest.mark.django_db(transaction=True)
def test_two_commands_at_once_lose_no_key(own_ring: KeyRing) -> None:
    readiness.refuse_unless_ready()

    def add(purpose: str) -> None:
        try:
            rotation.add(purpose)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, ring.PURPOSES))
    assert {key.id for key in ring.current().keys} == {
        f"{purpose}-{number}" for purpose in ring.PURPOSES for number in (1, 2)
    }
    readiness.refuse_unless_ready()
