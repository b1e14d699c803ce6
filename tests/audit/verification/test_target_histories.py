"""Each target has a history of its own within its chain."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from controlpanel.audit import hashing
from controlpanel.audit.log import append, content
from controlpanel.audit.log.append import ChainState, Place
from controlpanel.audit.log.recorder import AuditUnavailable
from controlpanel.audit.models import AuditEvent, ChainHead, TargetHead
from controlpanel.audit.verification.full_check import verify
from controlpanel.keys import macs
from tests.audit.writing import Team, change, found, triggers_aside

pytestmark = [pytest.mark.databases, pytest.mark.django_db]


def head(team: Team, target: str) -> TargetHead:
    return TargetHead.objects.get(chain=team.chain, kind="server", target=f"id-{target}")


def edit_target(team: Team, target: str, column: str, value: object) -> None:
    change(
        f"UPDATE audit_targethead SET {column} = %s WHERE chain = %s AND target = %s",  # noqa: S608
        value, team.chain, f"id-{target}",
    )  # fmt: skip


def in_format_1(monkeypatch: pytest.MonkeyPatch) -> None:
    """As events were written before targets had histories."""
    build = content.build

    def build_1(*args: Any) -> dict[str, Any]:
        return {**build(*args), "v": 1}

    monkeypatch.setattr(content, "build", build_1)
    monkeypatch.setattr(content, "place_in_history", lambda *_: None)
    monkeypatch.setattr(append, "write", write_1)


def write_1(place: Place, _before: ChainState, columns: dict[str, Any], head_mac: str, **_: str):
    AuditEvent.objects.create(**columns)
    ChainHead.objects.filter(chain=place.chain).update(
        seq=columns["seq"],
        hash=columns["hash"],
        mac_key_id=columns["mac_key_id"],
        mac=head_mac,
    )


def test_an_event_knows_its_number_and_the_one_before(acme: Team) -> None:
    first = acme.write(target="db-01")
    acme.write(target="db-02")
    second = acme.write(target="db-01")
    assert (first.target_seq, first.target_prev) == (1, hashing.GENESIS)
    assert (second.target_seq, second.target_prev) == (2, first.hash)
    assert second.content["target"]["seq"] == 2
    assert second.content["target"]["prev"] == first.hash
    assert (head(acme, "db-01").seq, head(acme, "db-01").hash) == (2, second.hash)
    assert verify().sound


def test_two_chains_do_not_share_a_history(acme: Team, globex: Team) -> None:
    acme.write(target="shared")
    assert globex.write(target="shared").target_seq == 1
    assert verify().sound


def test_events_of_format_1_stay_valid_and_a_history_begins_after_them(
    acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        in_format_1(patch)
        old = acme.write(target="old")
    assert old.content["v"] == 1
    assert (old.target_seq, old.target_prev) == (0, "")
    assert verify().sound
    assert acme.write(target="old").target_seq == 1
    assert verify().sound


def test_no_event_of_format_1_comes_after_a_history_began(
    acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme.write(target="db-01")
    in_format_1(monkeypatch)
    acme.write(target="db-01")
    assert (wrong := found())
    assert (wrong.kind, wrong.seq) == ("target", 8)


@pytest.mark.parametrize(
    ("column", "value"),
    [("seq", 5), ("seq", 0), ("hash", "f" * 64), ("hash", "x"), ("mac", "0"), ("mac_key_id", "x")],
)
def test_it_finds_an_edited_head(acme: Team, as_owner: None, column: str, value: object) -> None:
    edit_target(acme, "web-03", column, value)
    assert (wrong := found())
    assert (wrong.kind, wrong.chain) == ("target_mac", acme.chain)
    assert "id-web-03" in wrong.sentence
    with pytest.raises(AuditUnavailable):
        acme.write(target="web-03")


def test_it_finds_a_deleted_head(acme: Team, as_owner: None) -> None:
    change("DELETE FROM audit_targethead WHERE target = 'id-web-03'")
    assert (wrong := found())
    assert (wrong.kind, wrong.chain) == ("target_missing", acme.chain)


def test_it_finds_the_head_of_an_earlier_time(acme: Team) -> None:
    earlier = head(acme, "web-03")
    acme.write(target="web-03")
    triggers_aside()
    for column in ("seq", "hash", "mac"):
        edit_target(acme, "web-03", column, getattr(earlier, column))
    assert (wrong := found())
    assert (wrong.kind, wrong.chain) == ("target_head", acme.chain)


def test_it_finds_the_head_of_events_that_are_gone(acme: Team) -> None:
    """A whole chain put back to an earlier time, but for the target's head row."""
    before = ChainHead.objects.get(chain=acme.chain)
    acme.write(target="web-03")
    triggers_aside()
    change("DELETE FROM audit_auditevent WHERE chain = %s AND seq = 7", acme.chain)
    change(
        "UPDATE audit_chainhead SET seq = %s, hash = %s, mac = %s WHERE chain = %s",
        before.seq, before.hash, before.mac, acme.chain,
    )  # fmt: skip
    assert (wrong := found())
    assert (wrong.kind, wrong.chain) == ("target_ahead", acme.chain)


def test_it_finds_a_signed_event_out_of_its_history(acme: Team, monkeypatch: Any) -> None:
    monkeypatch.setattr(content, "place_in_history", lambda built, *_: _placed(built, 9))
    monkeypatch.setattr(append, "write", write_1)  # the database itself would refuse it
    acme.write(target="web-03")
    assert (wrong := found())
    assert (wrong.kind, wrong.seq) == ("target", 7)


def _placed(built: dict[str, Any], seq: int) -> None:
    built["target"] |= {"seq": seq, "prev": hashing.GENESIS}


def test_heads_of_no_chain_are_found(acme: Team, as_owner: None) -> None:
    change("UPDATE audit_targethead SET chain = 'stray' WHERE target = 'id-web-03'")
    assert (wrong := found())
    assert (wrong.kind, wrong.chain) == ("head_missing", "stray")


REFUSED = [
    "UPDATE audit_targethead SET mac = 'x'",
    "UPDATE audit_targethead SET seq = seq - 1",
    "UPDATE audit_targethead SET seq = seq + 1, target = 'other'",
    "UPDATE audit_targethead SET seq = seq + 1, kind = 'other'",
    "UPDATE audit_targethead SET seq = seq + 1, chain = 'other'",
    "DELETE FROM audit_targethead",
    "INSERT INTO audit_targethead SELECT * FROM audit_targethead",
]


@pytest.mark.parametrize("sql", REFUSED)
def test_the_database_refuses_to_change_a_head(acme: Team, sql: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        change(sql)


def test_each_database_refuses_its_own_way(acme: Team) -> None:
    ways = {
        "sqlite": "REPLACE INTO audit_targethead SELECT * FROM audit_targethead",
        "postgresql": "TRUNCATE audit_targethead",
    }
    with pytest.raises(IntegrityError), transaction.atomic():
        change(ways[connection.vendor])


def test_a_chain_and_a_target_are_never_signed_alike() -> None:
    one = hashing.target_message("a", "bc", "d", 1, hashing.GENESIS)
    assert one != hashing.target_message("ab", "c", "d", 1, hashing.GENESIS)
    assert one != hashing.head_message("a", 1, hashing.GENESIS)


def test_a_key_of_another_purpose_signs_no_head(acme: Team, as_owner: None) -> None:
    target = head(acme, "web-03")
    message = hashing.target_message(
        acme.chain, target.kind, target.target, target.seq, target.hash
    )
    key_id, mac = macs.mac("fingerprint", message)
    edit_target(acme, "web-03", "mac_key_id", key_id)
    edit_target(acme, "web-03", "mac", mac)
    assert (wrong := found())
    assert wrong.kind == "target_mac"
    assert AuditEvent.objects.filter(target_id="id-web-03").count() == 1
