"""A bundle proves itself to somebody who has nothing but python3."""

import hashlib
import io
import json
import random
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from controlpanel import env
from controlpanel.audit.checkpoints import checkpoints
from controlpanel.audit.export import bundle, bundle_contents, bundle_proofs, bundle_verifier
from controlpanel.audit.export.bundle_contents import Histories, Span, Wanted, of_target
from controlpanel.audit.models import AuditEvent
from controlpanel.keys import ring, signatures
from controlpanel.lib import clock
from tests.audit import second_verifier
from tests.audit.verification.test_target_histories import in_format_1
from tests.audit.writing import Team

pytestmark = [pytest.mark.databases, pytest.mark.django_db]

SERVER = "id-web-01"


def of_server(team: Team) -> Histories:
    return of_target(team.chain, "acme", "server", SERVER)


def all_of(team: Team) -> Span:
    return Span(team.chain, "acme", datetime(2020, 1, 1, tzinfo=UTC), clock.now())


def unpacked(folder: Path, wanted: Wanted) -> Path:
    file = io.BytesIO()
    bundle.write(file, wanted)
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder)
    return folder


def run(folder: Path) -> tuple[int, str]:
    """From an empty environment, elsewhere, with nothing but the standard library."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", str(folder / "verify.py")],
        cwd="/", env={}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def in_order(folder: Path) -> bool:
    """The same without a process of its own; the second implementation must agree."""
    try:
        bundle_verifier.verify(folder)
    except Exception:
        return False
    return True


@pytest.fixture
def history(acme: Team, globex: Team, tmp_path: Path) -> Path:
    """web-01 has four events of its own between those of others."""
    for _ in range(3):
        acme.write()
        acme.write(target="secret-01")
    checkpoints.take()
    return unpacked(tmp_path / "history", of_server(acme))


@pytest.fixture
def span(acme: Team, globex: Team, tmp_path: Path) -> Path:
    checkpoints.take()
    return unpacked(tmp_path / "span", all_of(acme))


@pytest.fixture
def several(acme: Team, globex: Team, tmp_path: Path) -> Path:
    """Of three targets, one of them whole, with gaps where a reader may not look."""
    for _ in range(3):
        for name in ("web-01", "db-01", "secret-01"):
            acme.write(target=name)
    events = AuditEvent.objects.filter(chain=acme.chain)
    hidden = events.filter(target_id=SERVER).order_by("-seq")[1].seq
    ours = events.exclude(seq=hidden).exclude(target_id="id-secret-01")
    named = ours.filter(target_id__in=[SERVER, "id-db-01", "id-web-02"])
    return unpacked(tmp_path / "several", Histories(acme.chain, "acme", ours, named))


def events(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def test_one_servers_history_is_proven_complete(history: Path) -> None:
    code, said = run(history)
    assert code == 0, said
    assert "these 4 events are the complete history of server id-web-01" in said
    assert "Not proved" in said
    assert second_verifier.check(history) == []
    assert "Not proved" in "".join(bundle_verifier.verify(history))


def test_a_span_of_a_chain_is_proven_complete(span: Path) -> None:
    code, said = run(span)
    assert code == 0, said
    assert "events #1 to #6 follow each other" in said
    assert second_verifier.check(span) == []


def test_it_holds_nothing_of_other_servers_or_teams(history: Path, globex: Team) -> None:
    text = "".join(path.read_text() for path in history.iterdir() if path.name != "verify.py")
    assert "web-01" in text
    for foreign in ("web-02", "secret-01", "db-01", globex.chain):
        assert foreign not in text
    assert len(events(history)) == 4


def test_several_histories_are_proven_each_by_itself(several: Path, globex: Team) -> None:
    code, said = run(several)
    assert code == 0, said
    assert "these 3 events are the complete history of server id-db-01" in said
    assert "these 1 events are the complete history of server id-web-02" in said
    assert "its events from 4 on are the complete history of server id-web-01" in said
    assert "Only signed: what is here of server id-web-01 before its event 4" in said
    text = "".join(path.read_text() for path in several.iterdir() if path.name != "verify.py")
    assert second_verifier.check(several) == []
    for foreign in ("secret-01", "web-03", globex.chain):
        assert foreign not in text


@pytest.mark.parametrize("member", ["events.jsonl", "proofs.json"])
def test_a_panel_that_hides_an_event_cannot_call_the_history_complete(
    several: Path, member: str
) -> None:
    """Signed again by the panel itself: an event of db-01 is gone, or its gap is denied."""
    if member == "events.jsonl":
        lines = (several / member).read_text().splitlines(keepends=True)
        (gone,) = [line for line in lines if "db-01" in line][1:2]
        text = "".join(line for line in lines if line != gone)
    else:
        proofs = json.loads((several / member).read_text())
        for one in proofs["targets"]:
            one["gaps"] = []
        text = json.dumps(proofs) + "\n"
    sign_again(several, member, text)
    code, said = run(several)
    assert code == 1
    assert "missing" in said
    assert second_verifier.check(several)


def sign_again(folder: Path, member: str, text: str) -> None:
    (folder / member).write_text(text)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["members"][member] = hashlib.sha256(text.encode()).hexdigest()
    said = json.dumps(manifest)
    (folder / "manifest.json").write_text(said)
    key = ring.current().active(signatures.PURPOSE, clock.now())
    signature = signatures.sign(key, b"bundle\x00" + said.encode())
    (folder / "manifest.sig").write_text(signature + "\n")


def test_the_events_are_the_exact_text_that_was_recorded(history: Path, acme: Team) -> None:
    for line in events(history):
        assert (
            line["canonical"] == AuditEvent.objects.get(chain=acme.chain, seq=line["seq"]).canonical
        )


def test_the_report_reads_as_sentences(history: Path) -> None:
    text = (history / "report.txt").read_text()
    assert "bob@example.com rebooted web-01" in text
    assert "reason: asked for" in text
    assert len(text.splitlines()) == 3 + 4


@pytest.mark.parametrize("left_out", [0, 1, 2, 3])
def test_leaving_out_an_event_is_found(
    acme: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left_out: int
) -> None:
    """Also when the panel itself leaves it out, and signs."""
    for _ in range(3):
        acme.write()
        acme.write(target="other")
    chosen = bundle._chosen

    def without_one(*args: Any) -> Any:
        events, proofs = chosen(*args)
        found = list(events)
        return [*found[:left_out], *found[left_out + 1 :]], proofs

    monkeypatch.setattr(bundle, "_chosen", without_one)
    for folder, wanted in (("server", of_server(acme)), ("span", all_of(acme))):
        code, said = run(unpacked(tmp_path / folder, wanted))
        assert code == 1, said
        assert "missing" in said
        assert second_verifier.check(tmp_path / folder)


def test_a_span_knows_its_ends(acme: Team, tmp_path: Path) -> None:
    checkpoints.take()
    clock.shift(timedelta(hours=1))
    since = clock.now()
    for _ in range(3):
        acme.write(target="db-01")
    until = clock.now()
    checkpoints.take()
    clock.shift(timedelta(hours=2))
    acme.write(target="db-02")
    checkpoints.take()
    folder = unpacked(tmp_path / "span", Span(acme.chain, "acme", since, until))
    assert [line["seq"] for line in events(folder)] == [6, 7, 8, 9]
    assert "#6 to #9" in run(folder)[1]
    assert second_verifier.check(folder) == []


def test_a_span_without_events_is_proven_empty(acme: Team, tmp_path: Path) -> None:
    clock.shift(timedelta(hours=1))
    folder = unpacked(tmp_path / "span", Span(acme.chain, "acme", clock.now(), clock.now()))
    assert [line["seq"] for line in events(folder)] == [6]
    assert run(folder)[0] == 0


def test_a_later_event_does_not_disturb_an_older_proof(acme: Team, tmp_path: Path) -> None:
    point = checkpoints.take()
    assert point
    acme.write()
    acme.write(target="new")
    row = checkpoints.of_chains(point.number)[acme.chain]
    runs = bundle_contents.runs(of_server(acme), {("server", SERVER): 0}, row.seq)
    (proof,) = bundle_proofs.of_targets(row, runs)
    assert proof["proof"]


def test_events_of_format_1_are_told_apart(
    acme: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = of_target(acme.chain, "acme", "server", "id-old")
    with monkeypatch.context() as patch:
        in_format_1(patch)
        acme.write(target="old")
    only_old = unpacked(tmp_path / "1", wanted)
    code, said = run(only_old)
    assert code == 0
    assert "Not proved: that the 1 events from before" in said
    assert "complete" not in said
    acme.write(target="old")
    code, said = run(unpacked(tmp_path / "2", wanted))
    assert code == 0
    assert "these 1 events are the complete" in said
    assert second_verifier.check(tmp_path / "2") == []


def test_nothing_is_written_about_what_was_never_recorded(acme: Team, globex: Team) -> None:
    for wanted in (
        of_target(acme.chain, "acme", "server", "nobody"),
        of_target("no-chain", "acme", "server", SERVER),
    ):
        with pytest.raises(bundle.NoBundle):
            bundle.write(io.BytesIO(), wanted)


def test_a_missing_member_is_found(history: Path) -> None:
    (history / "proofs.json").unlink()
    code, said = run(history)
    assert code == 1
    assert "cannot be read" in said


def test_a_bundle_signed_by_somebody_else_shows_another_key(history: Path) -> None:
    """With keys of one's own everything fits but the checkpoints: those are the panel's."""
    other = ring.Key("audit-sign-1", "audit-sign", clock.now(), b"x" * ring.KEY_BYTES)
    keys = json.dumps({other.id: signatures.public(other)})
    (history / "keys.json").write_text(keys)
    manifest = json.loads((history / "manifest.json").read_text())
    manifest["members"]["keys.json"] = hashlib.sha256(keys.encode()).hexdigest()
    text = json.dumps(manifest)
    (history / "manifest.json").write_text(text)
    signature = signatures.sign(other, b"bundle\x00" + text.encode())
    (history / "manifest.sig").write_text(signature + "\n")
    code, said = run(history)
    assert code == 1
    assert "signature of checkpoint" in said


def test_the_verifier_is_short_and_needs_only_the_standard_library() -> None:
    text = Path(bundle_verifier.__file__).read_text()
    assert len(text.splitlines()) <= 200
    heads = [line.split()[1] for line in text.splitlines() if line.startswith(("import ", "from "))]
    imported = {name.partition(".")[0] for name in heads}
    assert imported <= set(sys.stdlib_module_names)


def test_its_hash_stands_in_the_docs() -> None:
    assert bundle.verifier_hash() in Path(env.ROOT, "docs", "audit-format.md").read_text()


def test_ed25519_agrees_with_the_library() -> None:
    chosen = random.Random(7)
    for _ in range(12):
        key = ring.Key("audit-sign-1", "audit-sign", None, chosen.randbytes(32))
        message = chosen.randbytes(chosen.randrange(200))
        signature, public = signatures.sign(key, message), signatures.public(key)
        assert bundle_verifier.signed(public, message, signature)
        assert second_verifier.signed(bytes.fromhex(public), message, bytes.fromhex(signature))
        assert not bundle_verifier.signed(public, message + b"x", signature)
        assert not bundle_verifier.signed(public, message, signature[:-2] + "ff")


def changed(folder: Path, chosen: random.Random) -> tuple[Path, bytes]:
    """Changes one byte of one member, and gives what stood there."""
    member = chosen.choice(sorted(path for path in folder.iterdir() if path.name != "verify.py"))
    before = member.read_bytes()
    place = chosen.randrange(len(before))
    after = bytearray(before)
    after[place] ^= chosen.randrange(1, 256)
    member.write_bytes(after)
    return member, before


def test_a_changed_byte_is_found(history: Path, span: Path, several: Path) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("a bundle knows no database")
    chosen = random.Random(5)
    for folder in (history, span, several):
        for _ in range(15):
            member, before = changed(folder, chosen)
            assert not in_order(folder), member
            assert second_verifier.check(folder), member
            member.write_bytes(before)
        assert in_order(folder)
    for folder in (history, span, several):
        changed(folder, chosen)
        assert run(folder)[0] == 1


@pytest.mark.deep
@pytest.mark.timeout(900)
def test_a_thousand_changed_bytes_are_all_found(history: Path, span: Path, several: Path) -> None:
    chosen = random.Random(6)
    for folder in (history, span, several):
        for _ in range(350):
            member, before = changed(folder, chosen)
            code, said = run(folder)
            assert code == 1, (member, said)
            member.write_bytes(before)
        assert run(folder)[0] == 0
