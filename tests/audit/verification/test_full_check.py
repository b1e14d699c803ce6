"""Whatever is changed behind the panel's back is found, and named."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from controlpanel.audit import hashing
from controlpanel.audit.checkpoints import checkpoints
from controlpanel.audit.log import triggers
from controlpanel.audit.models import AuditEvent, ChainHead
from controlpanel.audit.verification.full_check import verify
from controlpanel.keys import macs, ring
from controlpanel.lib import clock
from tests.audit.writing import Team, change, edit, edit_head, found, triggers_aside

pytestmark = [pytest.mark.databases, pytest.mark.django_db]

EDITS: dict[str, tuple[object, str]] = {
    "chain": ("another", "head_missing"),
    "seq": (77, "missing"),
    "at": ("2026-01-01 00:00:00+00:00", "columns"),
    "event": ("server.start", "columns"),
    "actor_kind": ("worker", "columns"),
    "actor_id": ("mallory", "columns"),
    "actor_name": ("mallory@example.com", "columns"),
    "actor_role": ("owner", "columns"),
    "target_kind": ("account", "columns"),
    "target_id": ("9", "columns"),
    "target_name": ("web-99", "columns"),
    "target_seq": (7, "columns"),
    "target_prev": ("f" * 64, "columns"),
    "result": ("failure", "columns"),
    "via": ("worker", "columns"),
    "address": ("198.51.100.1", "columns"),
    "request_id": ("request-9999", "columns"),
    "operation_id": ("", "columns"),
    "labels": ("|everybody|", "columns"),
    "canonical": ("{}", "hash"),
    "prev_hash": ("0" * 64, "link"),
    "hash": ("f" * 64, "hash"),
    "mac_key_id": ("audit-mac-9", "mac"),
    "mac": ("0" * 64, "mac"),
}


def event(team: Team, seq: int) -> AuditEvent:
    return AuditEvent.objects.get(chain=team.chain, seq=seq)


def head(team: Team) -> ChainHead:
    return ChainHead.objects.get(chain=team.chain)


def copy(row: AuditEvent, **changes: Any) -> AuditEvent:
    values = {field.attname: getattr(row, field.attname) for field in AuditEvent._meta.fields}
    del values["pk"]
    return AuditEvent.objects.create(**{**values, **changes})


def without_constraints() -> None:
    """The table, remade without its keys: only then can two rows have one number."""
    change("CREATE TABLE remade AS SELECT * FROM audit_auditevent")
    change("DROP TABLE audit_auditevent")
    change("ALTER TABLE remade RENAME TO audit_auditevent")


def rehash(team: Team, start: int) -> None:
    """Makes all hashes fit again, as somebody can who has the database and no key."""
    previous = event(team, start - 1).hash if start > 1 else hashing.GENESIS
    for row in AuditEvent.objects.filter(chain=team.chain, seq__gte=start).order_by("seq"):
        this = hashing.event_hash(team.chain, row.seq, previous, row.canonical)
        change(
            "UPDATE audit_auditevent SET prev_hash = %s, hash = %s WHERE chain = %s AND seq = %s",
            *(previous, this, team.chain, row.seq),
        )
        previous = this
    edit_head(team, hash=previous)


def test_an_untouched_log_is_in_order(acme: Team, globex: Team) -> None:
    report = verify()
    assert report.sound, report.wrong
    assert report.events == AuditEvent.objects.count() >= 9
    assert report.chains == ChainHead.objects.count() >= 2


def test_every_column_is_edited_below() -> None:
    columns = {field.attname for field in AuditEvent._meta.fields if field.attname != "pk"}
    assert EDITS.keys() == columns


@pytest.mark.parametrize("seq", [1, 3, 6])
@pytest.mark.parametrize("column", EDITS)
def test_it_finds_an_edited_column(acme: Team, as_owner: None, column: str, seq: int) -> None:
    value, kind = EDITS[column]
    if column == "prev_hash" and seq == 1:
        value = "1" * 64
    edit(acme, seq, **{column: value})
    wrong = found()
    assert wrong is not None
    if column == "seq" and seq == 6:
        kind = "tail_cut"
    assert wrong.kind == kind
    if column != "chain":
        assert (wrong.chain, wrong.seq) == (acme.chain, seq)
        assert f"#{seq}" in wrong.sentence


def test_it_finds_one_changed_character_of_what_was_recorded(acme: Team, as_owner: None) -> None:
    text = event(acme, 2).canonical.replace("web-02", "web-03")
    edit(acme, 2, canonical=text, target_name="web-03")
    assert (wrong := found())
    assert (wrong.kind, wrong.seq) == ("hash", 2)


def test_it_finds_a_rewritten_history_whose_hashes_all_fit(acme: Team, as_owner: None) -> None:
    text = event(acme, 2).canonical.replace("bob@example.com", "eve@example.com")
    edit(acme, 2, canonical=text, actor_name="eve@example.com")
    rehash(acme, 2)
    assert (wrong := found())
    assert wrong.kind == "head_mac"


def test_it_finds_a_rewritten_event_below_an_untouched_head(acme: Team, as_owner: None) -> None:
    untouched = head(acme).hash
    text = event(acme, 2).canonical.replace("bob@example.com", "eve@example.com")
    edit(acme, 2, canonical=text, actor_name="eve@example.com")
    rehash(acme, 2)
    edit_head(acme, hash=untouched)
    assert (wrong := found())
    assert (wrong.kind, wrong.seq) == ("mac", 2)


@pytest.mark.parametrize("seq", [1, 4])
def test_it_finds_a_deleted_event(acme: Team, as_owner: None, seq: int) -> None:
    change("DELETE FROM audit_auditevent WHERE chain = %s AND seq = %s", acme.chain, seq)
    assert (wrong := found())
    assert (wrong.kind, wrong.chain, wrong.seq) == ("missing", acme.chain, seq)


def test_it_finds_a_deleted_event_whose_gap_was_closed(acme: Team, as_owner: None) -> None:
    change("DELETE FROM audit_auditevent WHERE chain = %s AND seq = 3", acme.chain)
    for seq in (4, 5, 6):
        edit(acme, seq, seq=seq - 1)
    assert (wrong := found())
    assert (wrong.kind, wrong.seq) == ("link", 3)


def test_it_finds_a_cut_tail(acme: Team, as_owner: None) -> None:
    change("DELETE FROM audit_auditevent WHERE chain = %s AND seq > 4", acme.chain)
    assert (wrong := found())
    assert (wrong.kind, wrong.chain, wrong.seq) == ("tail_cut", acme.chain, 5)


def test_it_finds_a_cut_tail_whose_head_was_moved_back(acme: Team, as_owner: None) -> None:
    change("DELETE FROM audit_auditevent WHERE chain = %s AND seq > 4", acme.chain)
    edit_head(acme, seq=4, hash=event(acme, 4).hash)
    assert (wrong := found())
    assert (wrong.kind, wrong.chain) == ("head_mac", acme.chain)


def test_it_finds_an_emptied_chain(acme: Team, as_owner: None) -> None:
    change("DELETE FROM audit_auditevent WHERE chain = %s", acme.chain)
    assert (wrong := found())
    assert (wrong.kind, wrong.chain, wrong.seq) == ("tail_cut", acme.chain, 1)


def test_it_finds_reordered_events(acme: Team, as_owner: None) -> None:
    for old, new in ((2, 99), (3, 2), (99, 3)):
        edit(acme, old, seq=new)
    assert (wrong := found())
    assert (wrong.kind, wrong.seq) == ("link", 2)


def test_it_finds_reordered_contents(acme: Team, as_owner: None) -> None:
    for seq, other in ((2, event(acme, 3)), (3, event(acme, 2))):
        edit(
            acme,
            seq,
            canonical=other.canonical,
            target_id=other.target_id,
            target_name=other.target_name,
            at=other.at,
            operation_id=other.operation_id,
        )
    assert (wrong := found())
    assert (wrong.kind, wrong.seq) == ("hash", 2)


def test_it_finds_an_event_put_in_at_the_end(acme: Team, globex: Team) -> None:
    for _ in range(5):
        globex.write()  # another chain goes on further, which is no excuse for this one
    triggers_aside()
    last = event(acme, 6)
    this = hashing.event_hash(acme.chain, 7, last.hash, last.canonical)
    copy(last, seq=7, prev_hash=last.hash, hash=this)
    assert (wrong := found())
    assert (wrong.kind, wrong.seq) == ("beyond_head", 7)


def test_it_finds_an_event_put_in_at_the_end_with_the_head_moved(
    acme: Team, as_owner: None
) -> None:
    last = event(acme, 6)
    this = hashing.event_hash(acme.chain, 7, last.hash, last.canonical)
    copy(last, seq=7, prev_hash=last.hash, hash=this)
    edit_head(acme, seq=7, hash=this)
    assert (wrong := found())
    assert wrong.kind == "head_mac"


@pytest.mark.parametrize("seq", [0, -1])
def test_it_finds_an_event_put_in_before_the_first(acme: Team, as_owner: None, seq: int) -> None:
    copy(event(acme, 1), seq=seq)
    assert (wrong := found())
    assert (wrong.kind, wrong.chain) == ("duplicate", acme.chain)


def test_it_finds_a_duplicate(acme: Team, as_owner: None) -> None:
    without_constraints()
    copy(event(acme, 3))
    assert (wrong := found())
    assert (wrong.kind, wrong.seq) == ("duplicate", 3)


def test_it_finds_a_fork(acme: Team, as_owner: None) -> None:
    """Two events that both follow the one before, each with a hash that fits."""
    without_constraints()
    third = event(acme, 3)
    text = third.canonical.replace("web-03", "web-33")
    this = hashing.event_hash(acme.chain, 3, third.prev_hash, text)
    copy(third, canonical=text, target_name="web-33", target_id="id-web-33", hash=this)
    assert (wrong := found())
    assert wrong.kind in {"duplicate", "mac"}
    assert wrong.seq == 3


def test_it_finds_a_graft_from_another_team(acme: Team, globex: Team, as_owner: None) -> None:
    """globex's third event in place of acme's."""
    change("DELETE FROM audit_auditevent WHERE chain = %s AND seq = 3", acme.chain)
    copy(event(globex, 3), chain=acme.chain)
    assert (wrong := found())
    assert (wrong.kind, wrong.chain, wrong.seq) == ("link", acme.chain, 3)


def test_it_finds_a_graft_that_was_linked_in(acme: Team, globex: Team, as_owner: None) -> None:
    change("DELETE FROM audit_auditevent WHERE chain = %s AND seq = 3", acme.chain)
    copy(event(globex, 3), chain=acme.chain, prev_hash=event(acme, 2).hash)
    assert (wrong := found())
    assert (wrong.kind, wrong.chain, wrong.seq) == ("hash", acme.chain, 3)


def test_it_finds_two_chains_that_were_exchanged(acme: Team, globex: Team, as_owner: None) -> None:
    for old, new in ((acme.chain, "x"), (globex.chain, acme.chain), ("x", globex.chain)):
        change("UPDATE audit_auditevent SET chain = %s WHERE chain = %s", new, old)
        change("UPDATE audit_chainhead SET chain = %s WHERE chain = %s", new, old)
    assert (wrong := found())
    assert wrong.kind == "head_mac"


def test_it_finds_a_mac_made_with_another_key(acme: Team, as_owner: None) -> None:
    message = hashing.event_message(event(acme, 3).hash)
    other = ring.Key("audit-mac-1", "audit-mac", clock.now(), b"x" * ring.KEY_BYTES)
    for key_id, mac in (
        ("audit-mac-1", macs.digest(other, message)),
        ("fingerprint-1", macs.mac("fingerprint", message)[1]),
    ):
        edit(acme, 3, mac_key_id=key_id, mac=mac)
        assert (wrong := found())
        assert (wrong.kind, wrong.seq) == ("mac", 3)
        triggers_aside()


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        ("seq", 5, "head_mac"),
        ("seq", 7, "head_mac"),
        ("seq", -1, "head_mac"),
        ("hash", "nonsense", "head_mac"),
        ("mac", "", "head_mac"),
        ("mac_key_id", "audit-mac-2", "head_mac"),
        ("chain", "another", "head_missing"),
    ],
)
def test_it_finds_an_edited_head(
    acme: Team, as_owner: None, column: str, value: object, kind: str
) -> None:
    edit_head(acme, **{column: value})
    assert (wrong := found())
    assert (wrong.kind, wrong.chain) == (kind, acme.chain)


def test_it_finds_a_deleted_head(acme: Team, as_owner: None) -> None:
    change("DELETE FROM audit_chainhead WHERE chain = %s", acme.chain)
    assert (wrong := found())
    assert (wrong.kind, wrong.chain) == ("head_missing", acme.chain)


@pytest.mark.parametrize("left", ["auditevent", "targethead", "checkpointchain"])
def test_it_finds_a_chain_of_which_one_table_is_left(
    acme: Team, globex: Team, as_owner: None, left: str
) -> None:
    checkpoints.take()
    for table in {"chainhead", "auditevent", "targethead"} - {left}:
        change(f"DELETE FROM audit_{table} WHERE chain = %s", acme.chain)  # noqa: S608
    assert (wrong := found())
    assert (wrong.kind, wrong.chain, wrong.seq) == ("head_missing", acme.chain, None)


def test_it_finds_the_head_of_an_earlier_time(acme: Team, as_owner: None) -> None:
    earlier = head(acme)
    triggers.make()
    acme.write(target="web-07")
    assert verify().sound
    triggers_aside()
    edit_head(acme, seq=earlier.seq, hash=earlier.hash, mac=earlier.mac)
    assert (wrong := found())
    assert (wrong.kind, wrong.seq) == ("beyond_head", 7)


def test_it_finds_an_event_signed_with_a_key_of_another_time(
    acme: Team, as_owner: None, settings: Settings
) -> None:
    """Who has got hold of a retired key cannot write history after it with it."""
    keys = ring.current()
    second = ring.Key(
        "audit-mac-2", "audit-mac", clock.now() + timedelta(hours=1), b"2" * ring.KEY_BYTES
    )
    settings.PANEL_KEYS = ring.dump(ring.KeyRing([*keys.keys, second]))
    assert found() is None
    clock.shift(timedelta(hours=2))
    try:
        late = acme.write(target="web-07")
    finally:
        clock.reset()
    assert late.mac_key_id == head(acme).mac_key_id == "audit-mac-2"
    assert verify().sound
    triggers_aside()
    stolen = keys.active("audit-mac")
    mac = macs.digest(stolen, hashing.event_message(late.hash))
    edit(acme, 7, mac_key_id=stolen.id, mac=mac)
    assert (wrong := found())
    assert (wrong.kind, wrong.seq) == ("epoch", 7)


def test_it_finds_a_head_signed_with_a_key_of_another_time(
    acme: Team, as_owner: None, settings: Settings
) -> None:
    second = ring.Key(
        "audit-mac-2", "audit-mac", clock.now() + timedelta(hours=1), b"2" * ring.KEY_BYTES
    )
    settings.PANEL_KEYS = ring.dump(ring.KeyRing([*ring.current().keys, second]))
    now = head(acme)
    message = hashing.head_message(acme.chain, now.seq, now.hash)
    edit_head(acme, mac_key_id=second.id, mac=macs.digest(second, message))
    assert (wrong := found())
    assert (wrong.kind, wrong.chain, wrong.seq) == ("head_epoch", acme.chain, 6)


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        ("at", "not a time", "columns"),
        ("at", "2026-13-32 00:00:00", "unreadable"),
        ("seq", "two", "missing"),
        ("hash", b"\xff\x00", "hash"),
        ("mac", b"\xff\x00", "unreadable"),
    ],
)
@pytest.mark.parametrize("seq", [1, 2])
def test_it_finds_what_is_not_even_a_value_of_its_column(
    acme: Team, as_owner: None, column: str, value: object, kind: str, seq: int
) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite keeps a value of another type")
    edit(acme, seq, **{column: value})
    assert (wrong := found())
    assert (wrong.kind, wrong.chain, wrong.seq) == (kind, acme.chain, seq)


def test_it_stops_at_the_first_wrong_place(acme: Team, as_owner: None) -> None:
    for seq in (5, 2, 4):
        edit(acme, seq, result="denied")
    assert (wrong := found())
    assert wrong.seq == 2
