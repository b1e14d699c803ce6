"""Fills an empty installation with one team, account and panel key, and prints the key.

SEED_TEAMS: "slug=API token" of each. SEED_ROLE: of their only members. SEED_SERVERS: how many each
has, where the provider is not to be asked.
"""

import os
import sys
from itertools import islice
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlpanel.settings")


def main() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    call_command("keys", "init", verbosity=0)
    from tests.people import OWNER_TOKEN

    role = os.environ.get("SEED_ROLE", "operator")
    for pair in os.environ.get("SEED_TEAMS", f"acme={OWNER_TOKEN}").split():
        slug, _sign, token = pair.partition("=")
        sys.stdout.write(f"\n{_team(slug, token, role)}\n")


def _team(slug: str, token: str, role: str) -> str:
    """The panel key of its only member."""
    from django.conf import settings

    from controlpanel.accounts.models import Account, Team
    from controlpanel.lib import clock
    from controlpanel.servers.models import AccountSync
    from tests.gateway.asking import key_of
    from tests.people import join, keep_token, look

    team = Team.objects.create(slug=slug, name=slug.title())
    person = join(team, f"bob.{slug}", role)
    account = Account.objects.create(team=team, name=team.name, origin=settings.VPSORG_API_ORIGIN)
    keep_token(person.user, account, token, is_sync=True)
    AccountSync.objects.create(account=account, ok_at=clock.now())
    if many := int(os.environ.get("SEED_SERVERS", "0")):
        _fill(account, many)
    else:
        look(account)
    return key_of(person, account).text


def _fill(account: Any, many: int) -> None:
    from controlpanel.servers.models import Server

    rows = (
        Server(
            account=account,
            provider_id=str(20_000 + number),
            name=f"server-{number}",
            hostname=f"server-{number}.example.com",
            status="active",
        )
        for number in range(many)
    )
    for _batch in range(0, many, 10_000):
        Server.objects.bulk_create(islice(rows, 10_000), batch_size=1000)


if __name__ == "__main__":
    main()
