"""A process starts from where it left a chain itself, and notices when that is not so any more."""

import pytest
from django.db import connection, transaction
from pytest_django import Settings

from controlpanel.audit.log import append
from controlpanel.audit.log.recorder import AuditUnavailable
from controlpanel.audit.models import AuditEvent, ChainHead
from controlpanel.audit.verification.full_check import verify
from controlpanel.keys import ring
from tests.audit.writing import Team, change, edit_head, triggers_aside

pytestmark = [pytest.mark.databases, pytest.mark.django_db]


def seen_by_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, what this process remembered is as old as another process's would be."""
    monkeypatch.setattr(append, "_states", dict(append._states))


def test_it_works(acme: Team) -> None:
    assert [acme.write(target=name).seq for name in ("a", "b", "a", "a")] == [7, 8, 9, 10]
    assert verify().sound


def test_it_goes_on_after_what_another_process_wrote(
    acme: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme.write(target="web-01")
    with monkeypatch.context() as patch:
        seen_by_another_process(patch)
        acme.write(target="web-01")
        acme.write(target="web-02")
    event = acme.write(target="web-01")
    assert (event.seq, event.target_seq) == (10, acme_history(acme, "web-01"))
    assert verify().sound


def acme_history(team: Team, name: str) -> int:
    return AuditEvent.objects.filter(chain=team.chain, target_id=f"id-{name}").count()


def test_it_goes_on_after_what_came_to_nothing(acme: Team) -> None:
    acme.write(target="web-01")
    with transaction.atomic():
        acme.write(target="web-01")
        acme.write(target="new")
        transaction.set_rollback(True)
    assert acme.write(target="new").target_seq == 1
    assert acme.write(target="web-01").seq == 9
    assert verify().sound


def test_it_writes_nothing_after_a_head_put_back(acme: Team) -> None:
    before = ChainHead.objects.get(chain=acme.chain)
    acme.write()
    triggers_aside()
    edit_head(acme, seq=before.seq, hash=before.hash, mac=before.mac)
    with pytest.raises(AuditUnavailable):
        acme.write()


def test_it_writes_nothing_after_a_target_head_that_is_gone(acme: Team) -> None:
    acme.write(target="web-01")
    triggers_aside()
    change("DELETE FROM audit_targethead WHERE chain = %s", acme.chain)
    if connection.vendor == "sqlite":
        pytest.skip("read anew, it looks like a target without a history: verify finds it")
    with pytest.raises(AuditUnavailable):
        acme.write(target="web-01")


def test_it_writes_nothing_on_a_head_whose_key_is_gone(acme: Team, settings: Settings) -> None:
    acme.write()
    settings.PANEL_KEYS = ring.dump(ring.new())
    with pytest.raises(AuditUnavailable):
        acme.write()


def test_what_is_remembered_is_bounded(acme: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(append, "_states", {})
    monkeypatch.setattr(append, "_CHAINS", 3)
    monkeypatch.setattr(append, "_TARGETS", 3)
    for number in range(8):
        acme.write_numbered(number)
        Team(f"team-{number}").write()
    assert len(append._states) <= 4
    assert all(len(known.targets) <= 5 for known in append._states.values())
    assert verify().sound


@pytest.mark.parametrize(("seq", "last"), [(-1, "0" * 64), (2**63 - 1, "x"), (6, "")])
def test_a_head_of_impossible_values_is_no_server_error(acme: Team, seq: int, last: str) -> None:
    triggers_aside()
    edit_head(acme, seq=seq, hash=last)
    with pytest.raises(AuditUnavailable):
        acme.write()
