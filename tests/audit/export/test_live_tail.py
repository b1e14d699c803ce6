"""The live tail: every event of every chain as a line, whatever happens to whoever writes it."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from controlpanel.audit.export import live_tail
from controlpanel.audit.export.lines import json_line
from controlpanel.audit.models import AuditEvent, TailCursor
from tests.audit.writing import Team

pytestmark = [pytest.mark.databases, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def file(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.PANEL_AUDIT_TAIL_FILE = str(tmp_path / "tail" / "audit.jsonl")
    monkeypatch.setattr(live_tail, "_BATCH", 3)
    return tmp_path / "tail" / "audit.jsonl"


def lines(*files: Path) -> list[dict[str, Any]]:
    """Whole lines of JSON, or this fails."""
    text = b"".join(file.read_bytes() for file in files)
    assert text.endswith(b"\n")
    return [json.loads(line) for line in text.decode().splitlines()]


def ids(*files: Path) -> list[str]:
    return [line["id"] for line in lines(*files)]


def recorded() -> list[str]:
    events = AuditEvent.objects.order_by("chain", "seq").values_list("chain", "seq")
    return [f"{chain}:{seq}" for chain, seq in events]


def rotated(file: Path) -> list[Path]:
    return sorted(file.parent.glob("audit.*.jsonl"))


def forget(file: Path) -> None:
    """Times pass: nobody has written for a while."""
    long_ago = time.time() - 2 * live_tail.REST
    os.utime(file, (long_ago, long_ago))


def test_every_event_of_every_chain_is_there_once(acme: Team, globex: Team, file: Path) -> None:
    live_tail.catch_up()
    assert ids(file) == recorded()
    for line in lines(file):
        event = AuditEvent.objects.get(chain=line["chain"], seq=line["seq"])
        assert (line["hash"], line["prev"]) == (event.hash, event.prev_hash)
        assert line["target"] == event.content["target"]
    assert file.stat().st_mode & 0o777 == 0o600


def test_it_goes_on_where_it_stood(acme: Team, globex: Team, file: Path) -> None:
    live_tail.catch_up()
    acme.write()
    live_tail.catch_up()
    live_tail.catch_up()
    assert sorted(ids(file)) == recorded()


def test_it_is_off_unless_a_file_is_named(acme: Team, file: Path, settings: Settings) -> None:
    settings.PANEL_AUDIT_TAIL_FILE = ""
    live_tail.catch_up()
    assert not file.parent.exists()
    assert not TailCursor.objects.exists()


def test_only_one_worker_writes(acme: Team, file: Path) -> None:
    with live_tail._alone(file) as alone:
        assert alone
        live_tail.catch_up()
    assert not file.exists()


@pytest.mark.parametrize("length", [1, 30, 90, 400])
def test_a_begun_line_is_written_to_its_end(
    acme: Team, globex: Team, file: Path, length: int
) -> None:
    """A worker died in it; a shipper may have read so far."""
    live_tail.catch_up()
    before = file.read_bytes()
    TailCursor.objects.filter(chain=globex.chain).update(seq=1)
    torn = before + json_line(AuditEvent.objects.get(chain=globex.chain, seq=2))[:length]
    file.write_bytes(torn)
    live_tail.catch_up()
    assert file.read_bytes().startswith(torn)
    assert set(ids(file)) == set(recorded())


def test_what_nobody_here_began_is_ended_and_left(acme: Team, file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(b"what is this")
    live_tail.catch_up()
    assert file.read_bytes().startswith(b"what is this\n{")


def test_nothing_is_lost_when_the_disk_is_full(
    acme: Team, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write

    def full(descriptor: int, text: bytes) -> int:
        if len(text) > 100:
            return write(descriptor, text[:100])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        live_tail.catch_up()
    assert not file.read_bytes().endswith(b"\n")
    live_tail.catch_up()
    assert set(ids(file)) == set(recorded())


def test_at_its_size_it_gets_another_name(
    acme: Team, globex: Team, file: Path, settings: Settings
) -> None:
    settings.PANEL_AUDIT_TAIL_BYTES = 2500
    settings.PANEL_AUDIT_TAIL_KEEP = 2
    live_tail.catch_up()
    first = file.stat().st_ino
    read = ids(file)
    for _ in range(20):
        forget(file)
        live_tail.catch_up()
        read += [one for one in ids(file) if one not in read]
    assert sorted(read) == recorded()
    assert len(rotated(file)) == 2
    assert file.stat().st_ino != first
    assert {path.stat().st_mode & 0o777 for path in (file, *rotated(file))} == {0o600}


def test_a_full_file_rests_before_it_is_renamed(
    acme: Team, globex: Team, file: Path, settings: Settings
) -> None:
    """Whoever follows the name has read it to its end by then."""
    settings.PANEL_AUDIT_TAIL_BYTES = 2500
    live_tail.catch_up()
    size = file.stat().st_size
    live_tail.catch_up()
    assert (file.stat().st_size, rotated(file)) == (size, [])
    forget(file)
    live_tail.catch_up()
    (old,) = rotated(file)
    assert old.stat().st_size == size


def test_a_worker_that_dies_while_renaming_leaves_all_there(
    acme: Team, globex: Team, file: Path, settings: Settings
) -> None:
    settings.PANEL_AUDIT_TAIL_BYTES = 2500
    live_tail.catch_up()
    live_tail._rotate(file)  # and no more
    for _ in range(5):
        live_tail.catch_up()
        forget(file)
    assert sorted(ids(file, *rotated(file))) == recorded()


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_in_the_middle_of_a_line(
    acme: Team, globex: Team, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write

    def dies(descriptor: int, text: bytes) -> int:
        write(descriptor, text[: len(text) // 2 + 10])
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    def work() -> None:
        monkeypatch.setattr(os, "write", dies)
        live_tail.catch_up()

    for _ in range(3):
        (child,) = started(work)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
    torn = file.read_bytes()
    assert not torn.endswith(b"\n")
    live_tail.catch_up()
    assert file.read_bytes().startswith(torn)
    assert set(ids(file)) == set(recorded())


@pytest.mark.django_db(transaction=True)
def test_two_workers_while_others_write(
    acme: Team,
    globex: Team,
    file: Path,
    settings: Settings,
    follower: "Follower",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.PANEL_AUDIT_TAIL_BYTES = 12_000
    monkeypatch.setattr(live_tail, "REST", 3.0)

    def work() -> None:
        ends = time.monotonic() + 4
        while time.monotonic() < ends:
            live_tail.catch_up()
            time.sleep(0.02)

    children = started(work, work)
    for number in range(20):
        (acme if number % 3 else globex).write()
        follower.read()
        time.sleep(0.02)
    while len(set(follower.ids())) < len(recorded()):
        live_tail.catch_up()
        follower.read()
        time.sleep(0.05)
    for child in children:
        os.waitpid(child, 0)
    follower.read()
    assert rotated(file)
    assert sorted(follower.ids()) == sorted(recorded())


class Follower:
    """Follows the name as a plain shipper does: a new file under it is read from its beginning."""

    def __init__(self, path: Path) -> None:
        self.path, self.inode, self.place, self.text = path, 0, 0, b""

    def read(self) -> None:
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            inode = os.fstat(file.fileno()).st_ino
            if inode != self.inode:
                self.inode, self.place = inode, 0
            file.seek(self.place)
            new = file.read()
        self.text, self.place = self.text + new, self.place + len(new)

    def ids(self) -> list[str]:
        return [json.loads(line)["id"] for line in self.text.decode().splitlines()]


@pytest.fixture
def follower(file: Path) -> Follower:
    return Follower(file)


def started(*works: Callable[[], None]) -> list[int]:
    """Processes of their own, with a connection of their own."""
    children = []
    for work in works:
        child = os.fork()
        if not child:
            connection.connection = None  # the parent's
            try:
                work()
            finally:
                os._exit(0)
        children.append(child)
    return children
