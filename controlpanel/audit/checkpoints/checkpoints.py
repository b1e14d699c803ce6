"""Checkpoints: signed statements of where all chains, and all targets in them, stood.

One tree in two levels (RFC 9162). A chain's targets make a tree; its root stands, with the chain's
head, in the chain's leaf of the upper tree, whose root is signed. Every leaf has a salt of its own
and stands in the order of the leaves' hashes: a proof tells nothing of its neighbours.

    leaf data = salt (32 bytes) || canonical JSON
    salt      = HMAC-SHA256( the chain's secret in this checkpoint, JSON )
"""

import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import OuterRef, Subquery, Sum

from controlpanel.audit import hashing
from controlpanel.audit.checkpoints import checkpoint_file, merkle
from controlpanel.audit.models import (
    ChainHead,
    Checkpoint,
    CheckpointChain,
    SigningKey,
    TargetHead,
)
from controlpanel.keys import ring, signatures
from controlpanel.lib import clock

VERSION: Final = 1
EVERY: Final = timedelta(minutes=5)
# What people ask for makes no checkpoint sooner after the last one.
APART: Final = timedelta(minutes=1)
EVENTS: Final = 1000
GENESIS: Final = hashing.GENESIS

Proof = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Leaf:
    """What is in the tree for a chain or a target, and the salt it was hashed with."""

    text: str
    salt: bytes

    @property
    def hash(self) -> bytes:
        return merkle.leaf(self.salt + self.text.encode())


class Tree:
    """Its leaves stand in the order of their hashes."""

    def __init__(self, hashes: Iterable[bytes]) -> None:
        self._levels = merkle.levels(sorted(hashes))
        self._places = {one: place for place, one in enumerate(self._levels[0])}

    def proof(self, leaf: Leaf) -> Proof:
        """The way from a leaf to the root: `docs/audit-format.md`."""
        index = self._places[leaf.hash]
        return {
            "leaf": leaf.text,
            "salt": leaf.salt.hex(),
            "index": index,
            "size": len(self._places),
            "path": [step.hex() for step in merkle.path(self._levels, index)],
        }


def take_if_due() -> Checkpoint | None:
    return take() if due() else None


def due() -> bool:
    last = latest()
    if last is None or clock.now() - last.at >= EVERY or clock.now() < last.at:
        return True
    stands = ChainHead.objects.aggregate(events=Sum("seq"))["events"] or 0
    stood = sum(row.seq for row in of_chains(last.number).values())
    return bool(stands - stood >= EVENTS)


def is_too_soon() -> bool:
    """Whether the last one is too young for somebody's wish to make another."""
    last = latest()
    return last is not None and timedelta(0) <= clock.now() - last.at < APART


def first_since(at: datetime) -> Checkpoint | None:
    """The first that covers everything recorded until then."""
    return Checkpoint.objects.filter(at__gte=at).order_by("number").first()


def latest() -> Checkpoint | None:
    return Checkpoint.objects.order_by("-number").first()


def take() -> Checkpoint | None:
    """Signs where everything stands, in the database and in the file outside it.

    None if another process took one at the same time. ledger.RolledBack if the file knows of
    checkpoints that the database does not: then nothing is signed over what was lost.
    """
    last = latest()
    checkpoint_file.refuse_if_ahead(last.number if last else 0)
    number = last.number + 1 if last else 1
    stood = of_chains(number - 1)
    moved = [
        _stand(chain, number)
        for chain, seq in ChainHead.objects.order_by("chain").values_list("chain", "seq")
        if chain not in stood or stood[chain].seq != seq
    ]
    stood |= {row.chain: row for row in moved}
    try:
        with transaction.atomic():
            made = _sign(number, last, stood.values())
            CheckpointChain.objects.bulk_create(moved)
    except IntegrityError:
        return None
    checkpoint_file.catch_up()
    return made


def of_chains(number: int) -> dict[str, CheckpointChain]:
    """What checkpoint `number` says of each chain."""
    newest = (
        CheckpointChain.objects.filter(chain=OuterRef("chain"), checkpoint__lte=number)
        .order_by("-checkpoint")
        .values("checkpoint")[:1]
    )
    rows = CheckpointChain.objects.filter(checkpoint=Subquery(newest))
    return {row.chain: row for row in rows}


def statement_hash(statement: str) -> str:
    return sha256(message(statement)).hexdigest()


def message(statement: str) -> bytes:
    """What is signed, and hashed into the next checkpoint."""
    return b"checkpoint\x00" + statement.encode()


def chain_leaf(row: CheckpointChain) -> Leaf:
    return _leaf(
        row.secret,
        {
            "chain": row.chain,
            "hash": row.hash,
            "seq": row.seq,
            "targets": row.targets,
            "targets_root": row.targets_root,
        },
    )


def target_leaf(secret: str, chain: str, target: tuple[str, str], seq: int, last: str) -> Leaf:
    return _leaf(
        secret,
        {"chain": chain, "hash": last, "kind": target[0], "seq": seq, "target": target[1]},
    )


def targets_root(leaves: Iterable[Leaf]) -> str:
    return merkle.root(sorted(leaf.hash for leaf in leaves)).hex()


def root(rows: Iterable[CheckpointChain]) -> str:
    return merkle.root(sorted(bytes.fromhex(row.leaf) for row in rows)).hex()


def target_leaves(row: CheckpointChain, heads: Iterable[TargetHead]) -> list[Leaf]:
    return [
        target_leaf(row.secret, row.chain, (head.kind, head.target), head.seq, head.hash)
        for head in heads
    ]


def chain_proof(chain: str, number: int) -> tuple[CheckpointChain, Proof] | None:
    """What checkpoint `number` says of one chain, and the way to its root; None if nothing."""
    stood = of_chains(number)
    row = stood.get(chain)
    if row is None:
        return None
    tree = Tree(bytes.fromhex(one.leaf) for one in stood.values())
    return row, tree.proof(chain_leaf(row))


def _leaf(secret: str, content: Mapping[str, Any]) -> Leaf:
    text = hashing.canonical(dict(content))
    return Leaf(text, hmac.digest(bytes.fromhex(secret), text.encode(), "sha256"))


def _stand(chain: str, number: int) -> CheckpointChain:
    """Head and targets as of one moment: nobody writes to the chain while they are read."""
    with transaction.atomic():
        head = ChainHead.objects.select_for_update().get(chain=chain)
        targets = list(TargetHead.objects.filter(chain=chain))
    row = CheckpointChain(
        chain=chain,
        checkpoint=number,
        seq=head.seq,
        hash=head.hash,
        targets=len(targets),
        secret=secrets.token_hex(32),
    )
    row.targets_root = targets_root(target_leaves(row, targets))
    row.leaf = chain_leaf(row).hash.hex()
    return row


def _sign(number: int, last: Checkpoint | None, rows: Iterable[CheckpointChain]) -> Checkpoint:
    at, rows = clock.now(), list(rows)
    key = ring.current().active(signatures.PURPOSE, at)
    SigningKey.objects.get_or_create(key_id=key.id, defaults={"public": signatures.public(key)})
    statement = hashing.canonical(
        {
            "v": VERSION,
            "number": number,
            "at": hashing.time_text(at),
            "previous": statement_hash(last.statement) if last else GENESIS,
            "chains": len(rows),
            "root": root(rows),
            "key": key.id,
        }
    )
    return Checkpoint.objects.create(
        number=number,
        at=at,
        statement=statement,
        key_id=key.id,
        signature=signatures.sign(key, message(statement)),
    )
