"""The workers' verification, which goes on where it was."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from controlpanel.audit.checkpoints import checkpoints
from controlpanel.audit.log import triggers
from controlpanel.audit.models import AuditEvent, ChainHead, TargetHead, Verification
from controlpanel.audit.verification import progress, worker
from controlpanel.audit.verification.full_check import verify
from controlpanel.audit.verification.progress import COMMON, ChainProgress
from controlpanel.lib import clock
from tests.audit.verification.test_full_check import event
from tests.audit.verification.test_tampering import KINDS
from tests.audit.writing import Team, change, edit, edit_head, triggers_aside

pytestmark = [pytest.mark.databases, pytest.mark.django_db]


def of(team: Team) -> ChainProgress:
    return progress.load(team.chain)


def wrong_kind(chain: str) -> str:
    wrong = progress.load(chain).wrong
    return wrong.kind if wrong else ""


def told() -> list[tuple[str, str]]:
    """Chain and result of each event about a verification."""
    events = AuditEvent.objects.filter(event="audit.verified").order_by("at")
    return [(one.chain, one.result) for one in events]


def full_run() -> None:
    clock.shift(timedelta(days=1))
    worker.run()


def tampered(team: Team, seq: int, **columns: Any) -> None:
    triggers_aside()
    edit(team, seq, **columns)
    triggers.make()


def test_it_works(acme: Team, globex: Team) -> None:
    checkpoints.take()
    worker.run()
    assert (of(acme).place.seq, of(globex).place.seq) == (6, 3)
    common = progress.load(COMMON)
    assert common.sound
    assert common.points.number == 1
    assert common.at
    assert common.full == common.ended


def test_it_goes_on_from_where_it_was(acme: Team, globex: Team) -> None:
    worker.run()
    tampered(acme, 3, result="denied")
    acme.write()
    checkpoints.take()
    worker.run()
    assert of(acme).sound  # what it has behind it is read again by the pass over everything
    assert (of(acme).place.seq, of(acme).place.point) == (7, 1)


def test_a_run_is_bounded(acme: Team, globex: Team) -> None:
    worker.run(events=2)
    assert of(acme).place.seq + of(globex).place.seq == 2
    assert of(acme).behind or of(globex).behind
    for _ in range(20):
        worker.run(events=2)
    assert (of(acme).place.seq, of(globex).place.seq) == (6, 3)
    assert not of(acme).behind
    assert not of(globex).behind


def test_the_pass_over_everything_comes_in_slices(acme: Team, globex: Team) -> None:
    checkpoints.take()
    worker.run()
    first = progress.load(COMMON).full
    clock.shift(timedelta(days=1))
    runs = 0
    while progress.load(COMMON).full == first:
        worker.run(events=2)
        runs += 1
        assert runs < 50
    assert runs > 3
    assert of(acme).full > first
    assert of(acme).again is None


def test_when_nothing_is_new_it_asks_little(acme: Team, globex: Team) -> None:
    checkpoints.take()
    worker.run()
    worker.run()
    with CaptureQueriesContext(connection) as few:
        worker.run()
    for name in ("one", "two", "three"):
        Team(name).write()
    worker.run()
    worker.run()
    with CaptureQueriesContext(connection) as more:
        worker.run()
    assert len(more) == len(few)
    assert len(few) < 20


@pytest.mark.parametrize("kind", KINDS)
def test_the_pass_over_everything_finds_what_was_changed_later(
    acme: Team, globex: Team, kind: str
) -> None:
    checkpoints.take()
    checkpoints.take()
    worker.run()
    tamper, named, _what = KINDS[kind]
    triggers_aside()
    tamper(acme, globex)
    triggers.make()
    full_run()
    chain = COMMON if kind == "checkpoint edit" else acme.chain
    # What is found by going on may be another place than what is found from the first event on.
    assert wrong_kind(chain) in named.split() or wrong_kind(chain) in {"rolled_back", "head_hash"}
    assert of(globex).sound


NEW: dict[str, tuple[dict[str, Any], str]] = {
    "text": ({"canonical": "{}"}, "hash"),
    "column": ({"actor_name": "mallory"}, "columns"),
    "signature": ({"mac": "0" * 64}, "mac"),
    "key": ({"mac_key_id": "audit-mac-9"}, "mac"),
    "link": ({"prev_hash": "0" * 64}, "link"),
    "target": ({"target_seq": 5}, "columns"),
}


@pytest.mark.parametrize("case", NEW)
def test_what_is_wrong_with_a_new_event_is_found_at_once(acme: Team, case: str) -> None:
    columns, kind = NEW[case]
    worker.run()
    acme.write()
    tampered(acme, 7, **columns)
    worker.run()
    wrong = of(acme).wrong
    assert wrong
    assert (wrong.kind, wrong.seq) == (kind, 7)


def test_a_cut_is_found_at_once(acme: Team) -> None:
    worker.run()
    triggers_aside()
    kept = event(acme, 4)
    change("DELETE FROM audit_auditevent WHERE chain = %s AND seq > 4", acme.chain)
    edit_head(acme, seq=4, hash=kept.hash)
    triggers.make()
    worker.run()
    assert wrong_kind(acme.chain) == "rolled_back"


def test_an_added_event_is_found_at_once(acme: Team, globex: Team) -> None:
    worker.run()
    triggers_aside()
    KINDS["insert"][0](acme, globex)
    triggers.make()
    worker.run()
    assert wrong_kind(acme.chain) == "beyond_head"


def test_a_chain_taken_out_altogether_is_found(acme: Team) -> None:
    worker.run()
    triggers_aside()
    for table in ("audit_auditevent", "audit_chainhead", "audit_targethead"):
        change(f"DELETE FROM {table} WHERE chain = %s", acme.chain)  # noqa: S608
    triggers.make()
    worker.run()
    assert wrong_kind(acme.chain) == "head_missing"


def test_a_history_whose_last_event_was_taken_out_does_not_go_on(acme: Team) -> None:
    worker.run()
    triggers_aside()
    change("DELETE FROM audit_auditevent WHERE chain = %s AND seq = 3", acme.chain)
    triggers.make()
    acme.write_numbered(3)
    worker.run()
    wrong = of(acme).wrong
    assert wrong
    assert (wrong.kind, wrong.seq) == ("target", 7)


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("DELETE FROM audit_targethead WHERE target = 'id-web-02'", "target_missing"),
        ("UPDATE audit_targethead SET mac = hash WHERE target = 'id-web-02'", "target_mac"),
    ],
)
def test_a_target_that_nothing_new_is_about_is_seen_once_a_day(
    acme: Team, sql: str, kind: str
) -> None:
    checkpoints.take()
    worker.run()
    triggers_aside()
    change(sql)
    triggers.make()
    worker.run()
    assert of(acme).sound
    full_run()
    assert wrong_kind(acme.chain) in {kind, "checkpoint_targets"}


def test_an_older_head_of_a_target_put_back_is_found(acme: Team) -> None:
    old = TargetHead.objects.get(chain=acme.chain, target="id-web-02")
    acme.write_numbered(2)
    worker.run()
    triggers_aside()
    change(
        "UPDATE audit_targethead SET seq = %s, hash = %s, mac = %s WHERE target = 'id-web-02'",
        *(old.seq, old.hash, old.mac),
    )
    triggers.make()
    full_run()
    assert wrong_kind(acme.chain) == "target_head"


def test_missing_triggers_are_found_at_once(acme: Team, as_owner: None) -> None:
    worker.run()
    assert wrong_kind(COMMON) == "triggers"
    triggers.make()
    worker.run()
    assert wrong_kind(COMMON) == "triggers"  # what was done meanwhile is not known yet
    clock.shift(worker.AGAIN_AFTER)
    worker.run()
    assert progress.load(COMMON).sound


def test_checkpoints_taken_away_are_found_at_once(acme: Team, ledger_file: Any) -> None:
    checkpoints.take()
    worker.run()
    triggers_aside()
    change("DELETE FROM audit_checkpoint")
    change("DELETE FROM audit_checkpointchain")
    triggers.make()
    ledger_file.unlink()
    worker.run()
    assert wrong_kind(COMMON) == "rolled_back"


@pytest.mark.parametrize(("end", "sound"), [("}", False), ('{"key":', True), ("", True)])
def test_the_end_of_the_file_may_be_a_line_that_is_being_written(
    acme: Team, ledger_file: Any, end: str, sound: bool
) -> None:
    checkpoints.take()
    checkpoints.take()
    first, second, _ = ledger_file.read_text().split("\n")
    unfinished = second + end if end == "}" else second[: len(end)]
    assert unfinished.endswith(end)
    ledger_file.write_text(f"{first}\n{unfinished}")
    assert verify().sound is sound
    worker.run()
    assert of(acme).sound
    assert progress.load(COMMON).sound is sound


def test_a_public_key_that_signed_nothing_is_found_at_once(acme: Team) -> None:
    checkpoints.take()
    change("INSERT INTO audit_signingkey (key_id, public) VALUES ('mine', 'ff')")
    worker.run()
    assert wrong_kind(COMMON) == "signing_key"


def test_a_shorter_file_is_found_at_once(acme: Team, ledger_file: Any) -> None:
    checkpoints.take()
    checkpoints.take()
    worker.run()
    ledger_file.write_text(ledger_file.read_text().splitlines(keepends=True)[0])
    worker.run()
    assert wrong_kind(COMMON) == "file"


def test_what_is_wrong_stays_until_everything_was_seen_to_be_sound(acme: Team) -> None:
    worker.run()
    before = event(acme, 3).result
    tampered(acme, 3, result="denied")
    full_run()
    found = of(acme).wrong
    assert found
    assert (found.kind, found.seq) == ("columns", 3)
    tampered(acme, 3, result=before)
    worker.run()
    assert of(acme).wrong
    clock.shift(worker.AGAIN_AFTER)
    worker.run()
    assert of(acme).sound


def test_it_tells_what_changed_and_each_pass_over_everything(acme: Team) -> None:
    worker.run()
    worker.run()
    assert told() == [("panel", "success")]
    tampered(acme, 3, result="denied")
    full_run()
    new = told()[1:]
    assert sorted(new) == [(acme.chain, "failure"), ("panel", "failure")]
    for _ in range(3):
        clock.shift(worker.AGAIN_AFTER)
        worker.run()
    assert told()[3:] == []
    tampered(acme, 3, result="success")
    clock.shift(worker.AGAIN_AFTER)
    worker.run()
    assert sorted(told()[3:]) == [
        (acme.chain, "success"),
        ("panel", "success"),
        ("panel", "success"),
    ]
    worker.run()
    assert of(acme).sound


def test_a_row_that_somebody_changed_is_itself_wrong(acme: Team) -> None:
    worker.run()
    tampered(acme, 3, result="denied")
    full_run()
    row = Verification.objects.get(chain=acme.chain)
    state = row.state.replace('"kind":"columns"', '"kind":"nothing"')
    Verification.objects.filter(chain=acme.chain).update(state=state)
    assert wrong_kind(acme.chain) == "verification"
    worker.run()
    worker.run()
    assert wrong_kind(acme.chain) == "verification"
    clock.shift(worker.AGAIN_AFTER)
    worker.run()
    assert wrong_kind(acme.chain) == "columns"
    assert len([one for one in told() if one == (acme.chain, "failure")]) == 2


def test_a_row_taken_away_is_made_again_from_the_first_event(acme: Team) -> None:
    worker.run()
    tampered(acme, 3, result="denied")
    full_run()
    Verification.objects.all().delete()
    worker.run()
    assert wrong_kind(acme.chain) == "columns"


def test_two_at_once_do_no_harm(acme: Team) -> None:
    worker.run()
    one, other = of(acme), of(acme)
    one.full = "2026-01-01T00:00:00.000000Z"
    assert progress.save(one)
    assert not progress.save(other)
    assert of(acme).full == one.full


def test_the_command_is_on_record_and_says_it_to_the_pages(acme: Team) -> None:
    worker.run()
    tampered(acme, 3, result="denied")
    with pytest.raises(SystemExit):
        call_command("verify_audit", stdout=StringIO(), stderr=StringIO(), skip_checks=True)
    assert wrong_kind(acme.chain) == "columns"
    last = AuditEvent.objects.filter(chain="panel").order_by("-seq")[0]
    assert (last.event, last.result, last.actor_kind) == ("audit.verified", "failure", "command")
    assert last.data["who"]
    tampered(acme, 3, result="success")
    call_command("verify_audit", stdout=StringIO(), skip_checks=True)
    assert of(acme).sound
    last = AuditEvent.objects.filter(chain="panel").order_by("-seq")[0]
    assert (last.result, last.data["how"]) == ("success", "command")


def test_a_damaged_head_cannot_be_written_to_and_is_told_in_the_panels_chain(acme: Team) -> None:
    worker.run()
    triggers_aside()
    edit_head(acme, mac="0" * 64)
    triggers.make()
    worker.run()
    assert wrong_kind(acme.chain) == "head_mac"
    assert told()[-1] == ("panel", "failure")
    assert ChainHead.objects.get(chain=acme.chain).seq == 6
