import threading
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from pytest_django import Settings

from controlpanel.audit.events import registry
from controlpanel.audit.log.recorder import AuditUnavailable, Target, record
from controlpanel.audit.models import AuditEvent, ChainHead
from controlpanel.audit.verification.full_check import verify
from controlpanel.lib import clock
from controlpanel.lib.scope import Actor, Origin
from controlpanel.lib.secret import Secret
from tests.audit.writing import BOB, PAGE, Team, edit_head, triggers_aside
from tests.tools.breaking import broken_audit

pytestmark = [pytest.mark.databases, pytest.mark.django_db]


def test_it_writes_who_did_what_to_whom_from_where(db: None) -> None:
    event = Team("acme").write(target="web-01", result="unknown")
    kept = AuditEvent.objects.get(chain=event.chain, seq=event.seq)
    assert kept.event == "server.reboot"
    assert (kept.actor_kind, kept.actor_id) == ("user", "b0b")
    assert (kept.actor_name, kept.actor_role) == ("bob@example.com", "operator")
    assert (kept.target_kind, kept.target_id, kept.target_name) == ("server", "id-web-01", "web-01")
    assert (kept.result, kept.via, kept.address) == ("unknown", "page", "192.0.2.7")
    assert (kept.request_id, kept.user_agent) == ("request-0001", "Browser/1.0")
    assert kept.operation_id == kept.data["operation"] != ""
    assert (kept.phase, kept.reason) == ("outcome", "asked for")


def test_events_of_a_chain_are_numbered_and_linked(acme: Team, globex: Team) -> None:
    rows = list(AuditEvent.objects.filter(chain=acme.chain).order_by("seq"))
    assert [row.seq for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [row.prev_hash for row in rows] == ["0" * 64, *(row.hash for row in rows[:-1])]
    head = ChainHead.objects.get(chain=acme.chain)
    assert (head.seq, head.hash) == (6, rows[-1].hash)


@pytest.mark.parametrize("microsecond", [0, 1, 123_456, 999_999])
def test_the_time_comes_back_as_it_was(
    monkeypatch: pytest.MonkeyPatch, db: None, microsecond: int
) -> None:
    at = datetime(2026, 11, 24, 7, 30, 15, microsecond, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: at)
    event = Team("acme").write()
    assert AuditEvent.objects.get(chain=event.chain, seq=event.seq).at == at
    assert verify().sound


def test_it_refuses_to_write_outside_a_transaction(transactional_db: None) -> None:
    with pytest.raises(RuntimeError):
        record(
            "authn_logout",
            chain="panel",
            actor=BOB,
            origin=PAGE,
            target=Target("user", "b0b", "bob@example.com"),
            result="success",
        )


def test_a_rolled_back_event_leaves_no_gap(acme: Team) -> None:
    with transaction.atomic():
        acme.write()
        transaction.set_rollback(True)
    assert acme.write().seq == 7
    assert verify().sound


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("server.explode", {"phase": "intent", "operation": "x", "account": "y"}),
        ("token.stored", {}),
        ("token.stored", {"account": "main", "token": "vps_a_token_0001"}),
        ("authn_logout", {"anything": 1}),
    ],
)
def test_it_refuses_what_is_not_registered(acme: Team, event: str, data: dict[str, str]) -> None:
    with pytest.raises(registry.InvalidEvent), transaction.atomic():
        record(
            event,
            chain=acme.chain,
            actor=BOB,
            origin=PAGE,
            target=Target("server", "1", "web-01"),
            result="success",
            data=data,
        )
    assert AuditEvent.objects.filter(chain=acme.chain).count() == 6


def test_a_secret_cannot_be_recorded(acme: Team) -> None:
    with pytest.raises(TypeError):
        acme.write(body={"note": Secret("hunter22-hunter22")})
    event = acme.write(
        target="vps_token_in_a_name_01",
        body={"name": "uses vps_token_in_text_01", "root_password": "hunter22-hunter22"},
        note="see vpp_panel_key_in_text_01.",
    )
    assert "in_text" not in event.canonical
    assert "in_a_name" not in event.canonical + event.target_name + event.target_id
    assert "hunter22" not in event.canonical


def test_hostile_text_is_cleaned_and_bounded(acme: Team) -> None:
    hostile = "a\x00\r\nSet-Cookie: \u202ex\ud800" + "y" * 10_000
    with transaction.atomic():
        event = record(
            "server.stop",
            chain=acme.chain,
            actor=Actor("user", hostile, hostile, hostile),
            origin=Origin("page", hostile, hostile, hostile),
            target=Target("server", hostile, hostile),
            result="denied",
            reason=hostile,
            data={"phase": "intent", "operation": hostile, "account": hostile, "note": hostile},
        )
    kept = AuditEvent.objects.get(chain=acme.chain, seq=event.seq)
    assert len(kept.canonical) < 6_000
    assert not {"\x00", "\n", "\u202e", "\ud800"} & set(kept.canonical)
    assert verify().sound


def test_no_record_no_act(acme: Team) -> None:
    with broken_audit(), pytest.raises(AuditUnavailable):
        acme.write()
    assert acme.write().seq == 7


def test_it_writes_nothing_after_a_head_that_was_changed(acme: Team) -> None:
    triggers_aside()
    edit_head(acme, hash="f" * 64)
    with pytest.raises(AuditUnavailable):
        acme.write()


def test_it_writes_nothing_without_keys(acme: Team, settings: Settings) -> None:
    settings.PANEL_KEYS = "{}"
    with pytest.raises(AuditUnavailable):
        acme.write()
    with pytest.raises(AuditUnavailable):
        Team("new").write()


def together(count: int, act: Callable[[int], object]) -> None:
    """Runs `act` in several threads that all begin at once."""
    barrier, errors = threading.Barrier(count), list[Exception]()

    def run(number: int) -> None:
        try:
            barrier.wait(10)
            act(number)
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not errors, errors


def test_many_threads_write_one_chain_without_gaps(transactional_db: None) -> None:
    team = Team("acme")

    def write(number: int) -> None:
        for _ in range(15):
            team.write_numbered(number)

    together(6, write)
    seqs = AuditEvent.objects.filter(chain=team.chain).order_by("seq").values_list("seq", flat=True)
    assert list(seqs) == list(range(1, 91))
    assert verify().sound


def test_threads_that_begin_a_chain_at_once_begin_one(transactional_db: None) -> None:
    for _ in range(5):
        team = Team(str(uuid4()))
        together(4, team.write_numbered)
        assert AuditEvent.objects.filter(chain=team.chain).count() == 4
    assert verify().sound


def test_teams_do_not_wait_for_each_other(transactional_db: None) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer")
    one, other = Team("one"), Team("other")
    with transaction.atomic():
        one.write()
        together(1, other.write_numbered)
    assert verify().sound


def test_a_commit_that_fails_is_no_record(
    monkeypatch: pytest.MonkeyPatch, transactional_db: None
) -> None:
    def full() -> None:
        raise DatabaseError("disk full")

    team = Team("acme")
    monkeypatch.setattr(connection, "commit", full)
    with pytest.raises(AuditUnavailable):
        team.write()
    monkeypatch.undo()
    assert not AuditEvent.objects.filter(chain=team.chain).exists()
