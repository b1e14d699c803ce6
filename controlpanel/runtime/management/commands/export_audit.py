import os
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError

from controlpanel.accounts import access
from controlpanel.accounts.models import Team
from controlpanel.audit.checkpoints import checkpoint_file
from controlpanel.audit.export import bundle, exports
from controlpanel.audit.export.bundle_contents import Span, of_target
from controlpanel.audit.export.exports import Taken, Wish
from controlpanel.audit.log.recorder import AuditUnavailable
from controlpanel.keys.ring import KeysNotReady
from controlpanel.lib import clock, request_id
from controlpanel.lib.scope import Scope
from controlpanel.web.audit import filters as audit_filters


class Command(BaseCommand):
    help = "Write events of a team's audit log into a file: a bundle that proves itself, or lines."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--team", required=True, metavar="SLUG")
        parser.add_argument("--format", default="bundle", choices=sorted(exports.TYPES))
        parser.add_argument(
            "--server", metavar="ID", help="the complete history of this server only"
        )
        parser.add_argument("--since", metavar="TIME", help="from when on, as 2026-01-31 (UTC)")
        parser.add_argument("--until", metavar="TIME", help="until when (now)")
        parser.add_argument(
            "--filters",
            metavar="QUERY",
            help="as they are written on the audit page: actor:bob result:denied",
        )
        parser.add_argument("file", metavar="FILE")

    def handle(self, *_args: Any, **options: Any) -> None:
        team = Team.objects.filter(slug=options["team"]).first()
        if team is None:
            raise CommandError(f"There is no team “{options['team']}”.")
        _refuse_what_does_not_fit(options)
        try:
            with request_id.bound(request_id.new()):
                scope = access.command_scope(team, frozenset({"audit.export"}))
                taken = _written(Path(options["file"]), scope, options)
        except FileExistsError as error:
            raise CommandError(f"{error.filename} exists already, and stays.") from None
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be written ({error.strerror}).") from None
        except (
            bundle.NoBundle,
            AuditUnavailable,
            KeysNotReady,
            checkpoint_file.RolledBack,
        ) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"Wrote {taken.count} events into {options['file']}.")
        if options["format"] == "bundle":
            self.stdout.write(
                "Unpack it and run `python3 verify.py`; that file has the SHA-256 "
                f"{bundle.verifier_hash()}."
            )


def _refuse_what_does_not_fit(options: dict[str, Any]) -> None:
    times = options["since"] or options["until"]
    if options["server"] and (times or options["filters"]):
        raise CommandError(
            "A server's history is complete, or it proves nothing: no times, no filters."
        )
    if options["filters"] and times:
        raise CommandError("Write the times into the filters: after:2026-01-31 before:2026-02-28.")
    if options["format"] != "bundle" and (options["server"] or times):
        raise CommandError("--server and times are for bundles: use --filters for lines.")


def _written(path: Path, scope: Scope, options: dict[str, Any]) -> Taken:
    """Recorded before the file has its name; if that fails, there is none."""
    part = path.with_name(f"{path.name}.part")
    if path.exists():
        raise FileExistsError(17, "exists", str(path))
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            wish, taken = _write(file, scope, options)
            exports.record(scope, wish, taken)
        os.link(part, path)  # unlike rename, refuses a name that is taken
    finally:
        part.unlink()
    return taken


def _write(file: IO[bytes], scope: Scope, options: dict[str, Any]) -> tuple[Wish, Taken]:
    chain, team, form = str(scope.team_id), scope.team_slug, options["format"]
    if options["server"]:
        wanted = of_target(chain, team, "server", options["server"])
        return Wish(form, {}, f"server={options['server']}"), exports.write_bundle(file, wanted)
    if options["since"] or options["until"]:
        since = _time(options["since"]) if options["since"] else datetime(1970, 1, 1, tzinfo=UTC)
        until = _time(options["until"]) if options["until"] else clock.now()
        query = f"after:{since.isoformat()} until:{until.isoformat()}"
        return Wish(form, {}, query), exports.write_bundle(file, Span(chain, team, since, until))
    filters = audit_filters.of_text(options["filters"] or "")
    if filters.problems:
        raise CommandError(" ".join(filters.problems.values()))
    wish = Wish(form, filters.asked, filters.canonical)
    return wish, exports.write(file, scope, wish)


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"“{text}” is not a time: write it as 2026-01-31T08:00.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
