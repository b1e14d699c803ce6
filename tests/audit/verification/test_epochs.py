"""The audit log's own keys are rotated by command, and what was signed before stays provable."""

import subprocess
import sys
from datetime import timedelta
from io import BytesIO, StringIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from controlpanel.audit import hashing
from controlpanel.audit.checkpoints import checkpoints
from controlpanel.audit.checkpoints.key_events import usage
from controlpanel.audit.export import bundle
from controlpanel.audit.export.bundle_contents import Histories
from controlpanel.audit.log import triggers
from controlpanel.audit.models import AuditEvent, Checkpoint, SigningKey
from controlpanel.audit.reading import selectors
from controlpanel.audit.verification import progress, worker
from controlpanel.audit.verification.full_check import verify
from controlpanel.keys import macs, readiness, ring, rotation, signatures
from controlpanel.lib import clock
from tests.audit.writing import Team, edit, edit_head, triggers_aside

pytestmark = [pytest.mark.databases, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def own_ring(db: None, settings: Settings, tmp_path: Path) -> None:
    settings.PANEL_KEYS = ""
    settings.PANEL_KEYS_FILE = tmp_path / "ring" / "keys.json"
    ring.create(settings.PANEL_KEYS_FILE, ring.new())
    readiness.refuse_unless_ready()


def keys(*arguments: str) -> str:
    out = StringIO()
    call_command("keys", *arguments, stdout=out, skip_checks=True)
    return out.getvalue()


def rotate(purpose: str) -> str:
    added = keys("add", purpose).split()[1].rstrip(".")
    keys("promote", added, "--in", "2")
    clock.shift(timedelta(seconds=3))
    return added


def test_events_of_all_epochs_verify(acme: Team) -> None:
    worker.run()
    for number in (2, 3):
        assert rotate("audit-mac") == f"audit-mac-{number}"
        acme.write_numbered(number)
        checkpoints.take()
        worker.run()
    used = set(AuditEvent.objects.filter(chain=acme.chain).values_list("mac_key_id", flat=True))
    assert used == {"audit-mac-1", "audit-mac-2", "audit-mac-3"}
    assert verify().sound
    clock.shift(timedelta(days=1))
    worker.run()
    assert all(one.sound for one in progress.everything().values())


def test_a_key_that_events_need_stays(acme: Team) -> None:
    rotate("audit-mac")
    clock.shift(timedelta(days=400))
    with pytest.raises(CommandError, match=r"stored values need it, \d+ \(the audit log\)"):
        keys("retire", "audit-mac-1")
    assert ring.current().get("audit-mac-1")


def test_a_key_that_only_the_verification_was_written_with_stays(acme: Team) -> None:
    """Its rows would look forged without it."""
    rotate("audit-mac")
    worker.run()
    signed = AuditEvent.objects.filter(mac_key_id="audit-mac-2").count()
    assert usage()["audit-mac-2"] > signed


def test_an_added_key_that_signed_nothing_can_go(acme: Team) -> None:
    keys("add", "audit-mac")
    keys("retire", "audit-mac-2")
    assert verify().sound


def test_the_signing_key_goes_and_its_public_half_stays(acme: Team) -> None:
    checkpoints.take()
    public = SigningKey.objects.get().public
    assert rotate("audit-sign") == "audit-sign-2"
    clock.shift(rotation.SETTLED)
    # Nothing stands on its last checkpoint yet: whoever can change the database could replace it.
    with pytest.raises(CommandError, match="stored values need it"):
        keys("retire", "audit-sign-1")
    acme.write()
    checkpoints.take()
    keys("retire", "audit-sign-1")
    assert ring.current().get("audit-sign-1") is None
    assert SigningKey.objects.get(key_id="audit-sign-1").public == public
    assert [one.key_id for one in Checkpoint.objects.order_by("number")] == [
        "audit-sign-1",
        "audit-sign-2",
    ]
    assert verify().sound
    worker.run()
    assert progress.load(progress.COMMON).sound


def test_a_bundle_over_two_epochs_verifies_without_the_panel(acme: Team, tmp_path: Path) -> None:
    checkpoints.take()
    rotate("audit-sign")
    rotate("audit-mac")
    acme.write_numbered(1)
    checkpoints.take()
    clock.shift(rotation.SETTLED)
    keys("retire", "audit-sign-1")
    file = BytesIO()
    history = selectors.history(acme.scope, "server", "id-web-01")
    bundle.write(file, Histories(acme.chain, "acme", selectors.events(acme.scope), history))
    with ZipFile(file) as archive:
        archive.extractall(tmp_path / "bundle")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "verify.py"],
        cwd=tmp_path / "bundle", env={}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_row_signed_with_a_key_of_another_time_is_found(acme: Team) -> None:
    """Somebody who has an old key, and the database, writes what fits in every other way."""
    rotate("audit-mac")
    acme.write_numbered(7)
    worker.run()
    acme.write_numbered(8)
    last = AuditEvent.objects.get(chain=acme.chain, seq=8)
    old = ring.current().get("audit-mac-1")
    assert old
    triggers_aside()
    mac = macs.digest(old, hashing.event_message(last.hash))
    edit(acme, 8, mac_key_id=old.id, mac=mac)
    message = hashing.head_message(acme.chain, 8, last.hash)
    edit_head(acme, mac_key_id=old.id, mac=macs.digest(old, message))
    triggers.make()
    wrong = verify().wrong
    assert wrong
    assert (wrong.kind, wrong.seq) == ("epoch", 8)
    worker.run()
    found = progress.load(acme.chain).wrong
    assert found
    assert (found.kind, found.seq) == ("epoch", 8)


def test_a_checkpoint_signed_with_an_old_key_is_found(acme: Team) -> None:
    checkpoints.take()
    old = ring.current().active(signatures.PURPOSE)
    rotate("audit-sign")
    point = checkpoints.take()
    assert point
    text = point.statement.replace('"key":"audit-sign-2"', '"key":"audit-sign-1"')
    triggers_aside()
    Checkpoint.objects.filter(number=point.number).update(
        statement=text, key_id=old.id, signature=signatures.sign(old, checkpoints.message(text))
    )
    triggers.make()
    wrong = verify().wrong
    assert wrong
    assert wrong.kind == "checkpoint_epoch"


def test_each_step_is_on_record(acme: Team) -> None:
    rotate("audit-sign")
    checkpoints.take()
    clock.shift(rotation.SETTLED)
    keys("retire", "audit-sign-1")
    names = AuditEvent.objects.filter(chain="panel").order_by("seq").values_list("event", flat=True)
    assert [name for name in names if name.startswith("keys.")] == [
        "keys.created",
        "keys.added",
        "keys.promoted",
        "keys.retired",
    ]
