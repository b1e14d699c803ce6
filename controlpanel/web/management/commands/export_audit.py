from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlpanel.accounts.models import Team
from controlpanel.audit import bundle, ledger
from controlpanel.audit.recorder import AuditUnavailable, Target, record_now
from controlpanel.keys.ring import KeysNotReady
from controlpanel.lib import clock, request_id
from controlpanel.lib.scope import Actor, Origin


class Command(BaseCommand):
    help = "Write a bundle of audit events that proves itself, and its verifier, into a zip file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--team", required=True, metavar="SLUG")
        parser.add_argument(
            "--server", metavar="ID", help="the complete history of this server only"
        )
        parser.add_argument("--since", metavar="TIME", help="from when on, as 2026-01-31 (UTC)")
        parser.add_argument("--until", metavar="TIME", help="until when (now)")
        parser.add_argument("file", metavar="FILE")

    def handle(self, *_args: Any, **options: Any) -> None:
        team = Team.objects.filter(slug=options["team"]).first()
        if team is None:
            raise CommandError(f"There is no team “{options['team']}”.")
        wanted = _wanted(team, options)
        try:
            with request_id.bound(request_id.new()):
                _record(team, wanted)
                count = _write(Path(options["file"]), wanted)
        except FileExistsError:
            raise CommandError(f"{options['file']} exists already, and stays.") from None
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be written ({error.strerror}).") from None
        except (bundle.NoBundle, AuditUnavailable, KeysNotReady, ledger.RolledBack) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(
            f"Wrote {count} events into {options['file']}. Unpack it and run `python3 verify.py`; "
            f"that file has the SHA-256 {bundle.verifier_hash()}."
        )


def _wanted(team: Team, options: dict[str, Any]) -> bundle.History | bundle.Span:
    if options["server"]:
        if options["since"] or options["until"]:
            raise CommandError("A server's history is complete, or it proves nothing: no times.")
        return bundle.History(str(team.id), team.slug, "server", options["server"])
    since = _time(options["since"]) if options["since"] else datetime(1970, 1, 1, tzinfo=UTC)
    until = _time(options["until"]) if options["until"] else clock.now()
    return bundle.Span(str(team.id), team.slug, since, until)


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"“{text}” is not a time: write it as 2026-01-31T08:00.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _record(team: Team, wanted: bundle.History | bundle.Span) -> None:
    what = f"server {wanted.target}" if isinstance(wanted, bundle.History) else "a span of time"
    record_now(
        "audit.exported",
        chain=str(team.id),
        actor=Actor(kind="command", id="command", name="command line"),
        origin=Origin(via="command", request_id=request_id.current()),
        target=Target("audit", "", "audit log"),
        result="success",
        data={"format": "bundle", "what": what},
    )


def _write(path: Path, wanted: bundle.History | bundle.Span) -> int:
    with path.open("xb") as file:
        try:
            return bundle.write(file, wanted)
        except BaseException:
            path.unlink()
            raise
