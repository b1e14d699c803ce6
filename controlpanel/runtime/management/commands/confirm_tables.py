from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlpanel.accounts import access
from controlpanel.accounts.models import Team
from controlpanel.audit.log.recorder import AuditUnavailable
from controlpanel.audit.tables import differences
from controlpanel.audit.tables.differences import NotConfirmed
from controlpanel.keys.ring import KeysNotReady
from controlpanel.lib import request_id
from controlpanel.lib.text import clean


class Command(BaseCommand):
    help = (
        "Lists the rows of a team that are not as its audit log says; with --reason, confirms them "
        "as they are, so that they grant again what they grant."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--team", required=True, help="the team's name in addresses")
        parser.add_argument("--reason", default="", help="what you found, for the audit log")

    def handle(self, *_args: Any, team: str, reason: str, **_options: Any) -> None:
        found_team = Team.objects.filter(slug=team).first()
        if found_team is None:
            raise CommandError(
                f"There is no team “{clean(team)}”. Its address names it: /teams/SLUG/."
            )
        with request_id.bound(request_id.new()):
            found = differences.of_chain(found_team.chain)
            for one in found:
                self.stdout.write(differences.sentence(one))
            if not found:
                self.stdout.write("Every row is as the audit log says: nothing was done.")
                return
            if not reason.strip():
                self.stdout.write("Nothing was confirmed: say why with --reason.")
                return
            scope = access.command_scope(found_team, frozenset())
            those = [(one.table, one.key, one.found) for one in found]
            try:
                count = differences.confirm(scope, those, reason)
            except (NotConfirmed, AuditUnavailable, KeysNotReady) as error:
                raise CommandError(str(error)) from None
        self.stdout.write(f"Confirmed as they are, and on the record: {count}.")
