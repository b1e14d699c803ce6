from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from controlpanel.audit.reading import text_index


class Command(BaseCommand):
    help = "Take up new audit events into the index for text searches, as a worker does by itself."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--anew", action="store_true", help="make the whole index again")

    def handle(self, *_arguments: Any, anew: bool, **_options: Any) -> None:
        if anew:
            text_index.clear()
        count = 0
        while taken := text_index.index():
            count += taken
        self.stdout.write(f"{count} events were taken up into the index.")
