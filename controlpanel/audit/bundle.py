"""Events with all that is needed to believe them, in one zip: `docs/audit-format.md`.

Either the complete history of one target, or everything in a chain within a span of time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from controlpanel.audit import chain as chains
from controlpanel.audit import checkpoints, ledger, sentences
from controlpanel.audit.models import (
    AuditEvent,
    Checkpoint,
    CheckpointChain,
    SigningKey,
    TargetHead,
)
from controlpanel.keys import ring, signatures
from controlpanel.lib import clock

VERSION: Final = 1
# So many checkpoints before the one that is proven to, to be compared with a copy of them.
_EARLIER: Final = 100
_CHUNK: Final = 1000
_VERIFIER: Final = Path(__file__).with_name("verifier.py")


class NoBundle(Exception):
    """Nothing was written; the message is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class History:
    """Everything about one target, until now."""

    chain: str
    team: str
    kind: str
    target: str


@dataclass(frozen=True, slots=True)
class Span:
    """Everything in a chain within a time, both ends included.

    The event before it and what follows up to the next checkpoint come along: they prove that
    nothing is missing at either end.
    """

    chain: str
    team: str
    since: datetime
    until: datetime


def verifier_hash() -> str:
    return sha256(_VERIFIER.read_bytes()).hexdigest()


def write(file: IO[bytes], wanted: History | Span) -> int:
    """Writes the bundle, and tells how many events are in it."""
    point = _checkpoint(wanted)
    found = checkpoints.chain_proof(wanted.chain, point.number)
    if found is None:
        raise NoBundle(_("Nothing was recorded in this chain until then."))
    row, proof = found
    proofs = _proofs(wanted, point, row, proof)
    with ZipFile(file, "w", ZIP_DEFLATED) as archive, TemporaryFile() as report:
        members = _Members(archive)
        count = _write_events(members, report, _events(wanted, row), _title(wanted, point))
        report.seek(0)
        members.add("report.txt", iter(lambda: report.read(1 << 16), b""))
        members.add_text("proofs.json", _json(proofs))
        points = list(
            Checkpoint.objects.filter(
                number__gt=point.number - _EARLIER, number__lte=point.number
            ).order_by("number")
        )
        members.add_text("checkpoints.jsonl", "".join(ledger.line(one) + "\n" for one in points))
        _finish(members, wanted, {one.key_id for one in points})
    return count


class _Members:
    """Writes the files, and remembers their hashes."""

    def __init__(self, archive: ZipFile) -> None:
        self._archive = archive
        self.hashes: dict[str, str] = {}

    def add(self, name: str, parts: Iterator[bytes]) -> None:
        digest = sha256()
        entry = ZipInfo(name, clock.now().timetuple()[:6])
        entry.compress_type, entry.external_attr = ZIP_DEFLATED, 0o644 << 16
        with self._archive.open(entry, "w", force_zip64=True) as member:
            for part in parts:
                digest.update(part)
                member.write(part)
        self.hashes[name] = digest.hexdigest()

    def add_text(self, name: str, text: str) -> None:
        self.add(name, iter([text.encode()]))


def _checkpoint(wanted: History | Span) -> Checkpoint:
    if isinstance(wanted, Span):
        covering = Checkpoint.objects.filter(at__gte=wanted.until).order_by("number").first()
        if covering:
            return covering
    made = checkpoints.take() or checkpoints.latest()
    if made is None:
        raise NoBundle(_("No checkpoint could be made. Try again in a moment."))
    return made


def _events(wanted: History | Span, row: CheckpointChain) -> QuerySet[AuditEvent]:
    events = AuditEvent.objects.filter(chain=row.chain, seq__lte=row.seq).order_by("seq")
    if isinstance(wanted, History):
        return events.filter(target_kind=wanted.kind, target_id=wanted.target)
    first = events.filter(at__gte=wanted.since).first()
    # The one before shows where the span begins; if nothing was recorded since, the last one.
    return events.filter(seq__gte=first.seq - 1 if first else row.seq)


def _write_events(
    members: _Members, report: IO[bytes], events: QuerySet[AuditEvent], title: str
) -> int:
    count = 0
    report.write(title.encode())

    def lines() -> Iterator[bytes]:
        nonlocal count
        for event in events.iterator(chunk_size=_CHUNK):
            count += 1
            report.write(_report_line(event).encode())
            line = {
                "seq": event.seq,
                "prev": event.prev_hash,
                "hash": event.hash,
                "canonical": event.canonical,
            }
            yield _json(line).encode()

    members.add("events.jsonl", lines())
    if not count:
        raise NoBundle(_("Nothing was recorded about that."))
    return count


def _report_line(event: AuditEvent) -> str:
    facts = [
        f"#{event.seq}",
        chains.time_text(event.at),
        sentences.sentence(event),
        f"[{sentences.result(event)}]",
        _("by %(who)s") % {"who": event.actor_name or event.actor_id},
        _("via %(via)s") % {"via": " ".join((sentences.via(event), event.address)).strip()},
    ]
    if event.reason:
        facts.append(_("reason: %(reason)s") % {"reason": event.reason})
    return "  ".join(facts) + "\n"


def _title(wanted: History | Span, point: Checkpoint) -> str:
    values = {"team": wanted.team, "number": point.number, "at": chains.time_text(point.at)}
    if isinstance(wanted, History):
        about = _("Everything recorded about %(kind)s %(id)s in the team %(team)s") % {
            **values, "kind": wanted.kind, "id": wanted.target,
        }  # fmt: skip
    else:
        about = _("Everything recorded in the team %(team)s from %(since)s to %(until)s") % {
            **values,
            "since": chains.time_text(wanted.since),
            "until": chains.time_text(wanted.until),
        }
    how = _(
        "As of checkpoint #%(number)s, %(at)s. Run `python3 verify.py` in this folder to check it; "
        "compare the verifier itself with the hash that the panel's documentation shows."
    )
    return f"{about}\n{how % values}\n\n"


def _proofs(
    wanted: History | Span, point: Checkpoint, row: CheckpointChain, proof: dict[str, Any]
) -> dict[str, Any]:
    proofs = {"checkpoint": point.number, "chain": proof}
    if isinstance(wanted, Span):
        return proofs
    return {**proofs, "target": _target_proof(wanted, row)}


def _target_proof(wanted: History, row: CheckpointChain) -> dict[str, Any] | None:
    heads = _heads_at(row)
    leaves = checkpoints.target_leaves(row, heads.values())
    if checkpoints.targets_root(leaves) != row.targets_root:
        raise NoBundle(_("The audit log contradicts its checkpoint. Run `manage.py verify_audit`."))
    head = heads.get((wanted.kind, wanted.target))
    if head is None:  # all that was recorded about it is of format 1
        return None
    (leaf,) = checkpoints.target_leaves(row, [head])
    return checkpoints.proof(leaf, sorted(one.hash for one in leaves))


def _heads_at(row: CheckpointChain) -> dict[tuple[str, str], TargetHead]:
    """Where the targets' histories stood at the checkpoint: a few may have moved since."""
    heads = {(head.kind, head.target): head for head in TargetHead.objects.filter(chain=row.chain)}
    events = AuditEvent.objects.filter(chain=row.chain)
    moved = events.filter(seq__gt=row.seq).order_by().values_list("target_kind", "target_id")
    for kind, target in set(moved):
        before = events.filter(
            seq__lte=row.seq, target_kind=kind, target_id=target, target_seq__gt=0
        )
        last = before.order_by("-seq").first()
        if last is None:
            heads.pop((kind, target), None)
            continue
        heads[kind, target].seq, heads[kind, target].hash = last.target_seq, last.hash
    return heads


def _finish(members: _Members, wanted: History | Span, used: set[str]) -> None:
    at = clock.now()
    key = ring.current().active(signatures.PURPOSE, at)
    kept = SigningKey.objects.filter(key_id__in=used).values_list("key_id", "public")
    members.add_text("keys.json", _json({**dict(kept), key.id: signatures.public(key)}))
    manifest = _json(
        {
            "v": VERSION,
            "chain": wanted.chain,
            "team": wanted.team,
            "made": chains.time_text(at),
            "key": key.id,
            "members": dict(members.hashes),
            **_scope(wanted),
        }
    )
    members.add_text("manifest.json", manifest)
    signature = signatures.sign(key, b"bundle\x00" + manifest.encode())
    members.add_text("manifest.sig", signature + "\n")
    members.add("verify.py", iter([_VERIFIER.read_bytes()]))


def _scope(wanted: History | Span) -> dict[str, Any]:
    if isinstance(wanted, History):
        return {"scope": "target", "target": {"kind": wanted.kind, "id": wanted.target}}
    return {
        "scope": "span",
        "from": chains.time_text(wanted.since),
        "until": chains.time_text(wanted.until),
    }


def _json(content: dict[str, Any]) -> str:
    return chains.canonical(content) + "\n"
