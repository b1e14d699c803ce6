"""What bears the panel's own signature and is wrong all the same: a stolen key, or a mistake."""

from typing import Any

import pytest

from controlpanel.audit import hashing
from controlpanel.audit.checkpoints import checkpoints
from controlpanel.audit.log.append import PURPOSE
from controlpanel.audit.models import AuditEvent, ChainHead, Checkpoint, TargetHead
from controlpanel.keys import macs, ring, signatures
from tests.audit.verification.test_full_check import rehash
from tests.audit.writing import Team, change, edit, edit_head, found, triggers_aside

pytestmark = [pytest.mark.databases, pytest.mark.django_db]


def sign(team: Team, start: int) -> None:
    """From that event on everything fits again, the head too."""
    rehash(team, start)
    for row in AuditEvent.objects.filter(chain=team.chain, seq__gte=start):
        edit(team, row.seq, mac=macs.mac(PURPOSE, hashing.event_message(row.hash))[1])
    sign_head(team, ChainHead.objects.get(chain=team.chain).hash)


def sign_head(team: Team, last_hash: str) -> None:
    message = hashing.head_message(team.chain, 6, last_hash)
    edit_head(team, hash=last_hash, mac=macs.mac(PURPOSE, message)[1])


def restate(changes: dict[str, Any]) -> None:
    """The last checkpoint says something else, signed as only the panel can."""
    point = Checkpoint.objects.latest("number")
    statement = hashing.canonical({**hashing.parse(point.statement), **changes})
    key = ring.current().active(signatures.PURPOSE)
    change(
        "UPDATE audit_checkpoint SET statement = %s, signature = %s WHERE number = %s",
        *(statement, signatures.sign(key, checkpoints.message(statement)), point.number),
    )


def test_signed_again_as_it_was_it_is_in_order(acme: Team, as_owner: None) -> None:
    sign(acme, 1)
    assert found() is None


@pytest.mark.parametrize("text", ["", "nonsense", "[]", "{}", '{"v":2,"at":7}', '{"actor":"eve"}'])
def test_it_finds_what_is_no_event(acme: Team, as_owner: None, text: str) -> None:
    edit(acme, 3, canonical=text)
    sign(acme, 3)
    assert (wrong := found())
    assert (wrong.kind, wrong.chain, wrong.seq) == ("columns", acme.chain, 3)


def test_it_finds_a_head_that_names_another_last_event(acme: Team, as_owner: None) -> None:
    sign_head(acme, "f" * 64)
    assert (wrong := found())
    assert (wrong.kind, wrong.chain, wrong.seq) == ("head_hash", acme.chain, 6)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"previous": checkpoints.GENESIS}, "checkpoint_link"),
        ({"number": 1}, "checkpoint"),
        ({"at": "2026-01-01T00:00:00.000000Z"}, "checkpoint"),
        ({"key": "audit-sign-2"}, "checkpoint"),
        ({"chains": 7}, "checkpoint_rows"),
        ({"root": "f" * 64}, "checkpoint_rows"),
    ],
)
def test_it_finds_a_checkpoint_that_says_something_else(
    acme: Team, as_owner: None, changes: dict[str, Any], kind: str
) -> None:
    checkpoints.take()
    acme.write()
    checkpoints.take()
    restate(changes)
    assert (wrong := found())
    assert (wrong.kind, wrong.chain, wrong.seq) == (kind, "", 2)


def test_it_finds_a_checkpoint_that_left_a_history_out(acme: Team) -> None:
    left_out = TargetHead.objects.get(chain=acme.chain, target="id-web-03")
    triggers_aside()
    change("DELETE FROM audit_targethead WHERE target = 'id-web-03'")
    checkpoints.take()
    left_out.save(force_insert=True)
    assert (wrong := found())
    assert (wrong.kind, wrong.chain, wrong.seq) == ("checkpoint_targets", acme.chain, 6)
    assert "checkpoint #1" in wrong.sentence
