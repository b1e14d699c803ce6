"""The twelve ways to tamper, by somebody who owns the database and has no key. docs/security.md
holds the table that this prints: `pytest tests/audit/verification/test_tampering.py -s`."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection

from controlpanel import env
from controlpanel.audit import hashing
from controlpanel.audit.checkpoints import checkpoints
from controlpanel.audit.models import Checkpoint
from controlpanel.audit.verification.full_check import verify
from controlpanel.keys import macs, ring
from controlpanel.lib import clock
from tests.audit.verification.test_full_check import copy, event, rehash, without_constraints
from tests.audit.writing import Team, change, edit, edit_head, found, triggers_aside

pytestmark = [pytest.mark.databases, pytest.mark.django_db]


def edit_event(acme: Team, globex: Team) -> None:
    edit(acme, 3, canonical=event(acme, 3).canonical.replace("bob@", "eve@"))


def delete(acme: Team, globex: Team) -> None:
    change("DELETE FROM audit_auditevent WHERE chain = %s AND seq = 3", acme.chain)


def reorder(acme: Team, globex: Team) -> None:
    for old, new in ((2, 99), (3, 2), (99, 3)):
        edit(acme, old, seq=new)


def insert(acme: Team, globex: Team) -> None:
    last = event(acme, 6)
    this = hashing.event_hash(acme.chain, 7, last.hash, last.canonical)
    copy(last, seq=7, prev_hash=last.hash, hash=this)


def duplicate(acme: Team, globex: Team) -> None:
    without_constraints()
    copy(event(acme, 3))


def fork(acme: Team, globex: Team) -> None:
    without_constraints()
    last = event(acme, 6)
    text = last.canonical.replace("web-06", "web-66")
    this = hashing.event_hash(acme.chain, 6, last.prev_hash, text)
    copy(last, canonical=text, target_name="web-66", target_id="id-web-66", hash=this)


def cut_tail(acme: Team, globex: Team) -> None:
    change("DELETE FROM audit_auditevent WHERE chain = %s AND seq > 4", acme.chain)


def edit_the_head(acme: Team, globex: Team) -> None:
    cut_tail(acme, globex)
    edit_head(acme, seq=4, hash=event(acme, 4).hash)


def graft(acme: Team, globex: Team) -> None:
    change("DELETE FROM audit_auditevent WHERE chain = %s AND seq = 3", acme.chain)
    copy(event(globex, 3), chain=acme.chain, prev_hash=event(acme, 2).hash)


def sign_again(acme: Team, globex: Team) -> None:
    """Everything fits again, with a key of one's own."""
    other = ring.Key("audit-mac-1", "audit-mac", clock.now(), b"x" * ring.KEY_BYTES)
    edit(acme, 3, canonical=event(acme, 3).canonical.replace("bob@", "eve@"))
    rehash(acme, 3)
    for seq in (3, 4, 5, 6):
        edit(acme, seq, mac=macs.digest(other, hashing.event_message(event(acme, seq).hash)))
    message = hashing.head_message(acme.chain, 6, event(acme, 6).hash)
    edit_head(acme, mac=macs.digest(other, message))


def edit_checkpoint(acme: Team, globex: Team) -> None:
    point = Checkpoint.objects.get(number=2)
    change(
        "UPDATE audit_checkpoint SET statement = %s WHERE number = 2",
        point.statement.replace('"chains":', '"chains":1'),
    )


def prune(acme: Team, globex: Team) -> None:
    """The oldest events are gone, as a clean-up without a record would leave it."""
    change("DELETE FROM audit_auditevent WHERE chain = %s AND seq < 4", acme.chain)


KINDS: dict[str, tuple[Callable[[Team, Team], None], str, str]] = {
    "edit": (edit_event, "hash", "an event's text is changed"),
    "delete": (delete, "missing", "an event is taken out"),
    "reorder": (reorder, "link", "two events change places"),
    "insert": (insert, "beyond_head", "an event is added, its hash fits"),
    "duplicate": (duplicate, "duplicate", "an event stands there twice"),
    "fork": (fork, "duplicate mac", "two events follow the same one, both hashes fit"),
    "tail cut": (cut_tail, "tail_cut", "the last events are taken out"),
    "head edit": (edit_the_head, "head_mac", "the tail is cut and the head row moved back"),
    "graft": (graft, "hash", "another team's event is put in, linked to the one before"),
    "re-MAC": (sign_again, "head_mac", "history is rewritten and signed with another key"),
    "checkpoint edit": (edit_checkpoint, "checkpoint_signature", "a statement is changed"),
    "prune": (prune, "missing", "the oldest events are removed without a record"),
}


def table() -> str:
    rows = [f"| {kind} | {what} | {named} |" for kind, (_, named, what) in KINDS.items()]
    named = "| tampering | how | named by `verify_audit` |\n|---|---|---|\n"
    return named + "\n".join(row.replace("duplicate mac", "duplicate or mac") for row in rows)


@pytest.fixture
def stamped(acme: Team, globex: Team) -> None:
    checkpoints.take()
    checkpoints.take()
    assert verify().sound


@pytest.mark.parametrize("kind", KINDS)
def test_each_is_found_and_named(acme: Team, globex: Team, stamped: None, kind: str) -> None:
    tamper, named, _what = KINDS[kind]
    triggers_aside()
    tamper(acme, globex)
    wrong = found()
    assert wrong
    assert wrong.kind in named.split()
    if kind != "checkpoint edit":
        assert wrong.chain == acme.chain


def test_the_untouched_log_passes(acme: Team, globex: Team, stamped: None) -> None:
    triggers_aside()
    assert found() is None


def test_the_table_in_the_docs_is_this_one() -> None:
    print(f"\n{table()}\n({connection.vendor})")  # noqa: T201 it is meant to be seen with -s
    assert table() in Path(env.ROOT, "docs", "security.md").read_text()
