from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from controlpanel.keys import readiness, ring, rotation
from controlpanel.lib import request_id

_STATES: Final = {
    "added": "added, not promoted",
    "waiting": "promoted, in force from {since}",
    "in_force": "in force since {since}",
    "out_of_force": "out of force since {until}",
    "retired": "retired",
    "missing": "missing from the ring",
}


class Command(BaseCommand):
    help = "The key ring that seals API tokens and signs the audit log."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("init", help="make the ring if there is none, or a key of a new kind")
        actions.add_parser("status", help="each key: whether it is in force, and what needs it")
        add = actions.add_parser("add", help="add a key, which is not in force yet")
        add.add_argument("purpose", choices=ring.PURPOSES)
        promote = actions.add_parser("promote", help="put an added key in force")
        promote.add_argument("key", metavar="KEY")
        promote.add_argument(
            "--in",
            dest="seconds",
            type=int,
            default=10,
            help="seconds from now, in which every process learns of it (10)",
        )
        actions.add_parser("rewrap", help="seal stored values anew with the key in force")
        retire = actions.add_parser("retire", help="take a key out that nothing stored needs")
        retire.add_argument("key", metavar="KEY")

    def handle(self, *_args: Any, action: str, **options: Any) -> None:
        run = {
            "init": self._init,
            "status": self._status,
            "add": self._add,
            "promote": self._promote,
            "rewrap": self._rewrap,
            "retire": self._retire,
        }[action]
        try:
            with request_id.bound(request_id.new()):
                run(options)
        except (readiness.KeysNotReady, rotation.NotNow) as error:
            raise CommandError(str(error)) from None
        except DatabaseError as error:
            raise CommandError(
                f"The database cannot be used ({type(error).__name__}). Run `manage.py preflight` "
                "to see why."
            ) from error

    def _init(self, options: dict[str, Any]) -> None:
        if readiness.init() and options["verbosity"]:
            self.stdout.write(
                f"Made the key ring {settings.PANEL_KEYS_FILE}. Keep a copy of it apart from the "
                "database's backups: without it, stored API tokens cannot be read."
            )

    def _status(self, _options: dict[str, Any]) -> None:
        lines = [(found.key_id, _state(found), _needed(found)) for found in rotation.status()]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            self.stdout.write("  ".join(cells).rstrip())

    def _add(self, options: dict[str, Any]) -> None:
        key = rotation.add(options["purpose"])
        self.stdout.write(
            f"Added {key.id}. Copy the ring to its backup, and to every machine that runs the "
            f"panel, then run `manage.py keys promote {key.id}`."
        )

    def _promote(self, options: dict[str, Any]) -> None:
        since = rotation.promote(options["key"], timedelta(seconds=options["seconds"]))
        self.stdout.write(f"{options['key']} is in force from {_time(since)} on.")

    def _rewrap(self, _options: dict[str, Any]) -> None:
        unreadable = 0
        for result in rotation.rewrap():
            self.stdout.write(
                f"{result.holder}: {result.done} sealed anew with {result.key_id}, "
                f"{result.replaced} replaced meanwhile, {len(result.unreadable)} unreadable."
            )
            for value in result.unreadable:
                self.stderr.write(f"{value} cannot be read, and was left as it is.")
            unreadable += len(result.unreadable)
        if unreadable:
            raise CommandError(
                "Those values stay with the key they name, if any: whoever they belong to must "
                "enter them again."
            )

    def _retire(self, options: dict[str, Any]) -> None:
        rotation.retire(options["key"])
        self.stdout.write(
            f"Retired {options['key']}. Backups of the database from before still need it: keep "
            "the ring's old copy as long as you keep those."
        )


def _state(found: rotation.Status) -> str:
    return _STATES[found.state].format(since=_time(found.since), until=_time(found.until))


def _needed(found: rotation.Status) -> str:
    listed = (f"{count} ({name})" for name, count in found.needed.items())
    return f"needed by {', '.join(listed)}" if found.needed else "not needed"


def _time(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC") if moment else ""
