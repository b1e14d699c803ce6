import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import ngettext

from controlpanel.audit.verify import verify
from controlpanel.keys.ring import KeysNotReady


class Command(BaseCommand):
    help = "Check all audit chains and that the database keeps them append-only (exit 0 or 1)."

    def handle(self, **_options: Any) -> None:
        try:
            report = verify()
        except KeysNotReady as error:
            raise CommandError(str(error)) from None
        events = ngettext("%d event", "%d events", report.events) % report.events
        chains = ngettext("%d chain", "%d chains", report.chains) % report.chains
        if report.wrong:
            self.stderr.write(f"{report.wrong.sentence} [{report.wrong.kind}]")
            self.stderr.write(f"Before that place, {chains} and {events} were in order.")
            sys.exit(1)
        self.stdout.write(
            f"The audit log is in order: {events} in {chains}, and the database keeps it "
            "append-only. What is not checked here: a database rolled back as a whole."
        )
