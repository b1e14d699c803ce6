from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlpanel.audit.log import read_only
from controlpanel.audit.log.recorder import AuditUnavailable
from controlpanel.audit.verification.full_check import verify
from controlpanel.keys.ring import KeysNotReady
from controlpanel.lib import request_id


class Command(BaseCommand):
    help = (
        "Opens a panel again that is read-only because its audit log was changed, once the log is "
        "in order."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reason", required=True, help="what you found, for the audit log")

    def handle(self, *_args: Any, reason: str, **_options: Any) -> None:
        with request_id.bound(request_id.new()):
            try:
                read_only.read_back()
                found = read_only.waiting_for_a_person()
                if found is None:
                    self.stdout.write("Nobody has to open the panel: nothing was done.")
                    return
                report = verify()
                if report.wrong:
                    raise CommandError(
                        f"The audit log is not in order, so the panel stays read-only: "
                        f"{report.wrong.sentence} [{report.wrong.kind}]"
                    )
                read_only.reopen(found, reason)
            except (AuditUnavailable, KeysNotReady) as error:
                raise CommandError(str(error)) from None
        self.stdout.write("The panel is open again, and that is on the record.")
