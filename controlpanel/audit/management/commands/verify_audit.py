import getpass
import sys
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils.translation import ngettext

from controlpanel.audit.models import SigningKey
from controlpanel.audit.tables import differences
from controlpanel.audit.verification import worker
from controlpanel.audit.verification.checkpoint_check import Checked
from controlpanel.audit.verification.full_check import Report, verify
from controlpanel.keys.ring import KeysNotReady
from controlpanel.lib import request_id


class Command(BaseCommand):
    help = (
        "Check all audit chains, the targets' histories, the checkpoints and their file, that the "
        "database keeps them append-only, and that the rows beside the log are as it says (exit 0 "
        "or 1)."
    )

    def handle(self, **_options: Any) -> None:
        try:
            report = verify()
        except KeysNotReady as error:
            raise CommandError(str(error)) from None
        self._note(report)
        different = self._compare()
        events = ngettext("%d event", "%d events", report.events) % report.events
        chains = ngettext("%d chain", "%d chains", report.chains) % report.chains
        if report.wrong:
            self.stderr.write(f"{report.wrong.sentence} [{report.wrong.kind}]")
            self.stderr.write(f"Before that place, {chains} and {events} were in order.")
            sys.exit(1)
        if different:
            sys.exit(1)
        self.stdout.write(
            f"The audit log is in order: {events} in {chains}, and the database keeps it "
            f"append-only. The rows beside it are as it says. {_checkpoints(report.checkpoints)}"
        )
        self._tell_gaps(report)
        for key in SigningKey.objects.order_by("key_id"):
            self.stdout.write(f"Public key {key.key_id}, to compare with bundles: {key.public}")

    def _note(self, report: Report) -> None:
        """On record, with who; and the pages say it. What was found counts even if that fails."""
        try:
            with request_id.bound(request_id.new()):
                worker.take(report, getpass.getuser())
        except (DatabaseError, KeysNotReady, OSError, KeyError) as error:
            self.stderr.write(f"This run is not on record ({type(error).__name__}).")

    def _compare(self) -> bool:
        """Names each row beside the log that differs from it."""
        with request_id.bound(request_id.new()):
            found = differences.check_all()
        for one in found:
            self.stderr.write(f"Team {one.chain}: {differences.sentence(one)} [{one.table}]")
        if found:
            self.stderr.write(
                "Whoever these are about holds no rights until an owner confirms them on the page "
                "“Rows that differ”, or you do with `manage.py confirm_tables`."
            )
        return bool(found)

    def _tell_gaps(self, report: Report) -> None:
        for gap in report.checkpoints.gaps:
            self.stdout.write(
                f"No checkpoint was made for {_length(gap.length)} after "
                f"{gap.after:%Y-%m-%d %H:%M} UTC: the panel's workers did not run."
            )


def _checkpoints(checked: Checked) -> str:
    if not checked.at:
        return (
            "There is no checkpoint yet: what is not checked is a database rolled back as a whole."
        )
    return (
        f"It agrees with {checked.number} signed "
        f"{ngettext('checkpoint', 'checkpoints', checked.number)}, also in the file outside the "
        "database. What is not checked: a rollback of what came after the last one, "
        f"{checked.at:%Y-%m-%d %H:%M:%S} UTC."
    )


def _length(length: timedelta) -> str:
    hours, minutes = divmod(int(length.total_seconds()) // 60, 60)
    return f"{hours} h {minutes} min"
