"""Signed statements of where everything stood, in the database and outside it."""

import json
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import IntegrityError, connection, transaction
from pytest_django import Settings

from controlpanel.audit import hashing
from controlpanel.audit.checkpoints import checkpoint_file, checkpoints
from controlpanel.audit.log import triggers
from controlpanel.audit.models import (
    AuditEvent,
    ChainHead,
    Checkpoint,
    CheckpointChain,
    SigningKey,
    TargetHead,
)
from controlpanel.audit.verification.full_check import verify
from controlpanel.keys import macs, ring, signatures
from controlpanel.lib import clock
from tests.audit.writing import Team, change, edit_head, found, triggers_aside

pytestmark = [pytest.mark.databases, pytest.mark.django_db]


def taken() -> Checkpoint:
    made = checkpoints.take()
    assert made
    return made


def test_it_says_where_all_chains_stand_and_is_signed(acme: Team, globex: Team) -> None:
    made = taken()
    said = json.loads(made.statement)
    assert (said["number"], said["previous"]) == (1, checkpoints.GENESIS)
    assert said["chains"] == ChainHead.objects.count()
    row = checkpoints.of_chains(1)[acme.chain]
    assert (row.seq, row.targets) == (6, 6)
    key = SigningKey.objects.get(key_id=made.key_id)
    assert signatures.fits(key.public, checkpoints.message(made.statement), made.signature)
    assert acme.chain not in made.statement


def test_each_follows_the_one_before_also_when_nothing_happened(acme: Team) -> None:
    first, second = taken(), taken()
    assert json.loads(second.statement)["previous"] == checkpoints.statement_hash(first.statement)
    assert json.loads(second.statement)["root"] == json.loads(first.statement)["root"]
    assert CheckpointChain.objects.filter(chain=acme.chain).count() == 1
    acme.write()
    taken()
    assert CheckpointChain.objects.filter(chain=acme.chain).count() == 2
    report = verify()
    assert report.sound, report.wrong
    assert report.checkpoints.number == 3


def test_one_is_due_after_five_minutes_or_a_thousand_events(
    acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert checkpoints.take_if_due()
    assert checkpoints.take_if_due() is None
    clock.shift(timedelta(minutes=5))
    assert checkpoints.take_if_due()
    monkeypatch.setattr(checkpoints, "EVENTS", 2)
    acme.write()
    assert checkpoints.take_if_due() is None
    acme.write()
    assert checkpoints.take_if_due()


def test_they_are_told_when_something_else_is_wrong(acme: Team) -> None:
    made = taken()
    triggers_aside()
    change("UPDATE audit_auditevent SET result = 'denied' WHERE chain = %s", acme.chain)
    triggers.make()
    report = verify()
    assert not report.sound
    assert (report.checkpoints.number, report.checkpoints.at) == (1, made.at)


def test_an_empty_log_has_checkpoints_too(db: None) -> None:
    taken()
    assert verify().sound


def test_the_file_outside_has_the_same_lines(acme: Team, ledger_file: Path) -> None:
    made = [taken(), taken()]
    assert [checkpoint_file.line(point) for point in made] == ledger_file.read_text().splitlines()
    assert stat.S_IMODE(ledger_file.stat().st_mode) == 0o600


def test_the_file_catches_up_with_what_a_dead_process_left(acme: Team, ledger_file: Path) -> None:
    taken()
    taken()
    ledger_file.write_text(ledger_file.read_text().splitlines(keepends=True)[0])
    assert verify().sound
    taken()
    assert len(ledger_file.read_text().splitlines()) == 3
    assert verify().sound


def test_a_gap_in_time_is_told(acme: Team) -> None:
    taken()
    clock.shift(timedelta(hours=3))
    taken()
    checked = verify().checkpoints
    (gap,) = checked.gaps
    first, last = Checkpoint.objects.order_by("number")
    assert (gap.after, gap.length) == (first.at, last.at - first.at)
    assert (checked.number, checked.at) == (2, last.at)


def test_a_time_without_two_checkpoints_is_no_gap(acme: Team) -> None:
    """One that is late by its own measure is not told yet."""
    taken()
    clock.shift(checkpoints.EVERY * 2 - timedelta(minutes=1))
    taken()
    assert verify().checkpoints.gaps == []


def roll_back(team: Team, head: ChainHead, targets: list[TargetHead]) -> None:
    """One chain as it stood: what a copy of the database from then would have in it."""
    change("DELETE FROM audit_auditevent WHERE chain = %s AND seq > %s", team.chain, head.seq)
    edit_head(team, seq=head.seq, hash=head.hash, mac=head.mac)
    change("DELETE FROM audit_targethead WHERE chain = %s", team.chain)
    TargetHead.objects.bulk_create(targets)


def test_it_finds_a_chain_rolled_back_behind_a_checkpoint(acme: Team) -> None:
    head = ChainHead.objects.get(chain=acme.chain)
    targets = list(TargetHead.objects.filter(chain=acme.chain))
    acme.write(target="web-01")
    taken()
    triggers_aside()
    roll_back(acme, head, targets)
    assert (wrong := found())
    assert (wrong.kind, wrong.chain) == ("rolled_back", acme.chain)


def test_it_finds_a_database_rolled_back_with_its_checkpoints(acme: Team) -> None:
    """Only the file outside can tell; and nothing is signed over what was lost."""
    taken()
    head = ChainHead.objects.get(chain=acme.chain)
    targets = list(TargetHead.objects.filter(chain=acme.chain))
    acme.write(target="web-01")
    taken()
    triggers_aside()
    roll_back(acme, head, targets)
    change("DELETE FROM audit_checkpoint WHERE number = 2")
    change("DELETE FROM audit_checkpointchain WHERE checkpoint = 2")
    assert (wrong := found())
    assert (wrong.kind, wrong.seq) == ("rolled_back", 2)
    with pytest.raises(checkpoint_file.RolledBack, match="rolled back"):
        checkpoints.take()


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("UPDATE audit_checkpoint SET number = 9 WHERE number = 2", "checkpoint_missing"),
        ("DELETE FROM audit_checkpoint WHERE number = 2", "checkpoint_missing"),
        ("UPDATE audit_checkpoint SET key_id = 'audit-sign-2' WHERE number = 2", "checkpoint"),
        ("UPDATE audit_checkpoint SET signature = 'ff' WHERE number = 2", "checkpoint_signature"),
        ("UPDATE audit_checkpoint SET statement = '{}' WHERE number = 2", "checkpoint"),
        ("UPDATE audit_signingkey SET public = 'ff'", "signing_key"),
        ("DELETE FROM audit_signingkey", "signing_key"),
        ("INSERT INTO audit_signingkey (key_id, public) VALUES ('mine', 'ff')", "signing_key"),
        ("UPDATE audit_checkpointchain SET seq = seq - 1", "checkpoint_rows"),
        ("UPDATE audit_checkpointchain SET secret = hash", "checkpoint_rows"),
        ("UPDATE audit_checkpointchain SET secret = 'x'", "checkpoint_rows"),
        ("UPDATE audit_checkpointchain SET targets_root = hash", "checkpoint_rows"),
        ("DELETE FROM audit_checkpointchain", "checkpoint_rows"),
    ],
)
def test_it_finds_what_was_changed_in_the_database(
    acme: Team, globex: Team, sql: str, kind: str
) -> None:
    for _ in range(3):
        taken()
        acme.write()
    triggers_aside()
    change(sql)
    assert (wrong := found())
    assert wrong.kind == kind
    assert wrong.chain == ""


def test_it_finds_what_a_checkpoint_said_that_is_not_there(acme: Team) -> None:
    """It would stand in the way of the one that is to come, and nobody would be told."""
    taken()
    row = CheckpointChain.objects.get(chain=acme.chain)
    row.checkpoint = 2
    row.save(force_insert=True)
    assert (wrong := found())
    assert (wrong.kind, wrong.chain, wrong.seq) == ("checkpoint_missing", "", 2)


def test_it_finds_a_statement_signed_by_somebody_else(acme: Team) -> None:
    made = taken()
    other = ring.Key("audit-sign-1", "audit-sign", clock.now(), b"x" * ring.KEY_BYTES)
    triggers_aside()
    change(
        "UPDATE audit_checkpoint SET signature = %s",
        signatures.sign(other, checkpoints.message(made.statement)),
    )
    assert (wrong := found())
    assert wrong.kind == "checkpoint_signature"
    triggers_aside()
    change("UPDATE audit_signingkey SET public = %s", signatures.public(other))
    assert (wrong := found())
    assert wrong.kind == "signing_key"


def test_it_finds_a_changed_or_short_file(acme: Team, ledger_file: Path) -> None:
    for _ in range(3):
        taken()
    lines = ledger_file.read_text().splitlines(keepends=True)
    for wrong_lines, number in (
        ([lines[1], lines[0], lines[2]], 1),
        ([lines[0], lines[1].replace("signature", "signatura"), lines[2]], 2),
        ([lines[0]], 2),
        ([*lines, "{}\n"], 4),
    ):
        ledger_file.write_text("".join(wrong_lines))
        assert (wrong := found())
        assert (wrong.kind, wrong.seq) == ("file", number)
    ledger_file.unlink()
    assert (wrong := found())
    assert wrong.kind == "file"


def test_a_retired_key_leaves_its_public_half(acme: Team, settings: Settings) -> None:
    taken()
    keys = ring.current()
    second = ring.Key("audit-sign-2", "audit-sign", clock.now(), b"2" * ring.KEY_BYTES)
    settings.PANEL_KEYS = ring.dump(ring.KeyRing([*keys.keys, second]))
    taken()
    assert verify().sound
    left = [key for key in keys.keys if key.id != "audit-sign-1"]
    settings.PANEL_KEYS = ring.dump(ring.KeyRing([*left, second]))
    assert verify().sound
    assert SigningKey.objects.count() == 2


def test_it_finds_one_signed_with_a_key_of_another_time(acme: Team, settings: Settings) -> None:
    keys = ring.current()
    later = ring.Key(
        "audit-sign-2", "audit-sign", clock.now() + timedelta(hours=1), b"2" * ring.KEY_BYTES
    )
    settings.PANEL_KEYS = ring.dump(ring.KeyRing([*keys.keys, later]))
    clock.shift(timedelta(hours=2))
    taken()
    settings.PANEL_KEYS = ring.dump(
        ring.KeyRing(
            [
                *keys.keys,
                ring.Key(later.id, later.purpose, clock.now() + timedelta(1), later.secret),
            ]
        )
    )
    assert (wrong := found())
    assert wrong.kind == "checkpoint_epoch"


@pytest.mark.parametrize("table", ["checkpoint", "checkpointchain", "signingkey"])
def test_the_database_keeps_them(acme: Team, table: str) -> None:
    taken()
    column = {"checkpoint": "signature", "checkpointchain": "leaf", "signingkey": "public"}[table]
    theirs = "REPLACE INTO {} SELECT * FROM {}" if connection.vendor == "sqlite" else "TRUNCATE {}"
    ways = ["DELETE FROM {}", "INSERT INTO {} SELECT * FROM {}", theirs]
    ways.append(f"UPDATE {{}} SET {column} = 'x'")  # noqa: S608
    ways = [way.replace("{}", f"audit_{table}") for way in ways]
    for way in ways:
        with pytest.raises(IntegrityError), transaction.atomic():
            change(way)


def test_a_rewritten_chain_that_the_key_signed_contradicts_the_checkpoint(acme: Team) -> None:
    """Even who has the ring cannot rewrite what a checkpoint has seen, be it the second."""
    taken()
    row = acme.write(target="web-07")
    taken()
    head = ChainHead.objects.get(chain=acme.chain)
    target = TargetHead.objects.get(chain=acme.chain, target="id-web-07")
    triggers_aside()
    change("DELETE FROM audit_auditevent WHERE chain = %s AND seq = 7", acme.chain)
    change(
        "DELETE FROM audit_targethead WHERE chain = %s AND target = %s", acme.chain, target.target
    )
    edit_to(acme, head, row)
    acme.write(target="web-66")
    assert (wrong := found())
    assert (wrong.kind, wrong.chain, wrong.seq) == ("rewritten", acme.chain, 7)


def edit_to(team: Team, head: ChainHead, gone: AuditEvent) -> None:
    """The head as it was before the last event, signed as only the panel can."""
    mac = macs.mac("audit-mac", hashing.head_message(team.chain, head.seq - 1, gone.prev_hash))[1]
    edit_head(team, seq=head.seq - 1, hash=gone.prev_hash, mac=mac)
