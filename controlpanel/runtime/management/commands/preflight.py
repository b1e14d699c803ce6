from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlpanel.runtime import readiness


class Command(BaseCommand):
    help = "Says whether the panel may start: exit 0, or exit 1 and one sentence."

    def handle(self, *_args: Any, verbosity: int, **_options: Any) -> None:
        try:
            readiness.refuse_unless_ready()
        except readiness.NotReady as error:
            raise CommandError(str(error)) from None
        if verbosity:
            self.stdout.write("The panel may start.")
