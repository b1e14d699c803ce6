"""Events with all that is needed to believe them, in one zip: `docs/audit-format.md`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from django.utils.translation import gettext as _

from controlpanel.audit import hashing
from controlpanel.audit.checkpoints import checkpoint_file, checkpoints
from controlpanel.audit.events import sentences
from controlpanel.audit.export import bundle_contents, bundle_proofs
from controlpanel.audit.export.bundle_contents import Histories, Span, Wanted
from controlpanel.audit.log import read_only_state
from controlpanel.audit.models import (
    AuditEvent,
    Checkpoint,
    CheckpointChain,
    SigningKey,
)
from controlpanel.audit.reading.batches import Progress, iterate, quietly
from controlpanel.keys import ring, signatures
from controlpanel.lib import clock

VERSION: Final = 2
# So many checkpoints before the one that is proven to, to be compared with a copy of them.
_EARLIER: Final = 100
_VERIFIER: Final = Path(__file__).with_name("bundle_verifier.py")


class NoBundle(Exception):
    """Nothing was written; the message is a sentence that says why."""


class TooSoon(NoBundle):
    """A checkpoint would have to be made, and the last one is younger than a minute."""


@dataclass(slots=True)
class Written:
    """How many events are in it, and the numbers of the first and the last."""

    count: int = 0
    first: int = 0
    last: int = 0


def verifier_hash() -> str:
    return sha256(_VERIFIER.read_bytes()).hexdigest()


def write(
    file: IO[bytes], wanted: Wanted, told: Progress = quietly, at: datetime | None = None
) -> Written:
    """`at`: when somebody asked for it, which makes at most one checkpoint a minute; None: a
    checkpoint is made now. Raises NoBundle, TooSoon."""
    point = _checkpoint(wanted, at)
    found = checkpoints.chain_proof(wanted.chain, point.number)
    if found is None:
        raise NoBundle(_("Nothing was recorded in this chain until then."))
    row, proof = found
    proofs: dict[str, Any] = {"checkpoint": point.number, "chain": proof}
    events, targets = _chosen(wanted, row, told)
    if targets is not None:
        proofs["targets"] = targets
    with ZipFile(file, "w", ZIP_DEFLATED) as archive, TemporaryFile() as report:
        members = _Members(archive)
        report.write(_title(wanted, point, targets).encode())
        written = _write_events(members, report, events)
        report.seek(0)
        members.add("report.txt", iter(lambda: report.read(1 << 16), b""))
        members.add_text("proofs.json", _json(proofs))
        points = list(
            Checkpoint.objects.filter(
                number__gt=point.number - _EARLIER, number__lte=point.number
            ).order_by("number")
        )
        members.add_text(
            "checkpoints.jsonl", "".join(checkpoint_file.line(one) + "\n" for one in points)
        )
        _finish(members, wanted, {one.key_id for one in points})
    return written


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


def _checkpoint(wanted: Wanted, at: datetime | None) -> Checkpoint:
    covering = _covering(wanted, at)
    if covering:
        return covering
    if read_only_state.current():  # nothing is signed over what was changed
        raise NoBundle(
            _(
                "The panel is read-only, and signs nothing until it can record again. Ask for a "
                "time before its last checkpoint, or try again then."
            )
        )
    if at is not None and checkpoints.is_too_soon():
        raise TooSoon(_("The next checkpoint can be made in a minute. Ask for it again then."))
    made = checkpoints.take() or checkpoints.latest()
    if made is None:
        raise NoBundle(_("No checkpoint could be made. Try again in a moment."))
    return made


def _covering(wanted: Wanted, at: datetime | None) -> Checkpoint | None:
    """One that is there already and covers all that is wanted."""
    if isinstance(wanted, Span):
        return checkpoints.first_since(wanted.until)
    last = checkpoints.latest() if at is not None else None
    if at is None or last is None:
        return None
    stood = checkpoints.of_chains(last.number).get(wanted.chain)
    if stood and not _is_news(wanted, stood.seq):
        return last
    return checkpoints.first_since(at)


def _is_news(wanted: Histories, seq: int) -> bool:
    """Whether something was recorded since that may matter; exports of other things do not."""
    since = AuditEvent.objects.filter(chain=wanted.chain, seq__gt=seq)
    others = since.exclude(event="audit.exported")
    return others.exists() or wanted.found.filter(seq__gt=seq).exists()


def _chosen(
    wanted: Wanted, row: CheckpointChain, told: Progress
) -> tuple[Iterable[tuple[AuditEvent, bool]], list[checkpoints.Proof] | None]:
    """The events, each with whether it was asked for, and the proofs of the targets."""
    if isinstance(wanted, Span):
        return ((event, True) for event in _events_of_span(wanted, row, told)), None
    of = bundle_contents.targets(wanted, row.seq)
    runs = bundle_contents.runs(wanted, of, row.seq, lambda share: told(share / 2))
    try:
        proofs = bundle_proofs.of_targets(row, runs)
    except bundle_proofs.Contradiction as error:
        raise NoBundle(str(error)) from None
    events = bundle_contents.events(wanted, of, row.seq, lambda share: told((1 + share) / 2))
    return _marked(wanted, events, row.seq), proofs


def _events_of_span(wanted: Span, row: CheckpointChain, told: Progress) -> Iterator[AuditEvent]:
    events = AuditEvent.objects.filter(chain=row.chain)
    later = events.filter(seq__lte=row.seq, at__gte=wanted.since).order_by("seq").first()
    # The one before shows where the span begins; if nothing was recorded since, the last one.
    return iterate(events, row.seq, since=max(1, later.seq - 1) if later else row.seq, told=told)


def _marked(
    wanted: Histories, events: Iterator[AuditEvent], until: int
) -> Iterator[tuple[AuditEvent, bool]]:
    """Both run side by side, so that neither need be kept."""
    asked = iter(
        iterate(wanted.found.values_list("seq", flat=True), until) if wanted.filters else ()
    )
    next_asked = next(asked, 0)
    for event in events:
        while 0 < next_asked < event.seq:
            next_asked = next(asked, 0)
        yield event, not wanted.filters or event.seq == next_asked


def _write_events(
    members: _Members, report: IO[bytes], events: Iterable[tuple[AuditEvent, bool]]
) -> Written:
    written = Written()

    def lines() -> Iterator[bytes]:
        for event, asked in events:
            written.count, written.last = written.count + 1, event.seq
            written.first = written.first or event.seq
            report.write(_report_line(event, asked=asked).encode())
            line = {
                "asked": asked,
                "seq": event.seq,
                "prev": event.prev_hash,
                "hash": event.hash,
                "canonical": event.canonical,
            }
            yield _json(line).encode()

    members.add("events.jsonl", lines())
    if not written.count:
        raise NoBundle(_("Nothing was recorded about that."))
    return written


def _report_line(event: AuditEvent, *, asked: bool) -> str:
    facts = [
        f"#{event.seq}",
        hashing.time_text(event.at),
        sentences.sentence(event),
        f"[{sentences.result(event)}]",
        _("by %(who)s") % {"who": event.actor_name or event.actor_id},
        _("via %(via)s") % {"via": " ".join((sentences.via(event), event.address)).strip()},
    ]
    if event.reason:
        facts.append(_("reason: %(reason)s") % {"reason": event.reason})
    if not asked:
        facts.append(_("(not asked for: here for the proof)"))
    return "  ".join(facts) + "\n"


def _title(wanted: Wanted, point: Checkpoint, targets: list[checkpoints.Proof] | None) -> str:
    if isinstance(wanted, Span):
        about = _("Everything recorded in the team %(team)s from %(since)s to %(until)s") % {
            "team": wanted.team,
            "since": hashing.time_text(wanted.since),
            "until": hashing.time_text(wanted.until),
        }
    elif wanted.filters:
        about = _(
            "Events of the team %(team)s that fit the filters %(filters)s, with what happened to "
            "the same targets afterwards. Each is proven to be in the log; that no other fits the "
            "filters is not proven."
        ) % {"team": wanted.team, "filters": wanted.filters}
    else:
        about = "\n".join(_about_target(wanted, one) for one in targets or [])
    how = _(
        "As of checkpoint #%(number)s, %(at)s. Run `python3 verify.py` in this folder to check it; "
        "compare the verifier itself with the hash that the panel's documentation shows."
    ) % {"number": point.number, "at": hashing.time_text(point.at)}
    return f"{about}\n{how}\n\n"


def _about_target(wanted: Histories, one: checkpoints.Proof) -> str:
    values = {"kind": one["kind"], "id": one["id"], "team": wanted.team}
    if one["proof"] and not one["gaps"]:
        return _("Everything recorded about %(kind)s %(id)s in the team %(team)s") % values
    return (
        _("What this reader may see of %(kind)s %(id)s in the team %(team)s: not all of it")
        % values
    )


def _finish(members: _Members, wanted: Wanted, used: set[str]) -> None:
    at = clock.now()
    key = ring.current().active(signatures.PURPOSE, at)
    kept = SigningKey.objects.filter(key_id__in=used).values_list("key_id", "public")
    members.add_text("keys.json", _json({**dict(kept), key.id: signatures.public(key)}))
    manifest = _json(
        {
            "v": VERSION,
            "chain": wanted.chain,
            "team": wanted.team,
            "made": hashing.time_text(at),
            "key": key.id,
            "members": dict(members.hashes),
            **_scope(wanted),
        }
    )
    members.add_text("manifest.json", manifest)
    signature = signatures.sign(key, b"bundle\x00" + manifest.encode())
    members.add_text("manifest.sig", signature + "\n")
    members.add("verify.py", iter([_VERIFIER.read_bytes()]))


def _scope(wanted: Wanted) -> dict[str, Any]:
    if isinstance(wanted, Histories):
        return {"scope": "histories", "asked": wanted.filters}
    return {
        "scope": "span",
        "from": hashing.time_text(wanted.since),
        "until": hashing.time_text(wanted.until),
    }


def _json(content: dict[str, Any]) -> str:
    return hashing.canonical(content) + "\n"
