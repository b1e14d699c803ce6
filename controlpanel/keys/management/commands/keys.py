from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from controlpanel.keys import startup


class Command(BaseCommand):
    help = "The key ring that seals API tokens and signs the audit log."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("init", help="make the ring if there is none; never overwrites one")

    def handle(self, *_args: Any, action: str, verbosity: int, **_options: Any) -> None:
        if action == "init":
            self._init(verbosity)

    def _init(self, verbosity: int) -> None:
        try:
            made = startup.init()
        except startup.KeysNotReady as error:
            raise CommandError(str(error)) from None
        if made and verbosity:
            self.stdout.write(
                f"Made the key ring {settings.PANEL_KEYS_FILE}. Keep a copy of it apart from the "
                "database's backups: without it, stored API tokens cannot be read."
            )
