"""Fills an empty installation with one team, account and panel key, and prints the key."""

import os
import sys

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
    look(account)
    sys.stdout.write(f"\n{key_of(person, account).text}\n")


if __name__ == "__main__":
    main()
