"""Fills an empty installation with one team, account and panel key, and prints the key."""

import os
import sys
from itertools import islice
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlpanel.settings")


def main() -> None:
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    call_command("keys", "init", verbosity=0)
    from controlpanel.accounts.models import Account, Team
    from controlpanel.lib import clock
    from controlpanel.servers.models import AccountSync
    from tests.gateway.asking import key_of
    from tests.people import OWNER_TOKEN, join, keep_token, look

    team = Team.objects.create(slug="acme", name="Acme")
    person = join(team, "bob", "operator")
    account = Account.objects.create(team=team, name="Acme", origin=settings.VPSORG_API_ORIGIN)
    keep_token(person.user, account, OWNER_TOKEN, is_sync=True)
    AccountSync.objects.create(account=account, ok_at=clock.now())
    if many := int(os.environ.get("SEED_SERVERS", "0")):
        _fill(account, many)
    else:
        look(account)
    sys.stdout.write(f"\n{key_of(person, account).text}\n")


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
