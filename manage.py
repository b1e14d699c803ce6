#!/usr/bin/env python
import os
import sys

# They would change what the panel records, past its record.
REFUSED = {
    "account_unsetmultipleprimaryemails": "People change their address themselves, in the panel.",
    "changepassword": "Whoever forgot their password asks for another one on the sign-in page.",
    "createsuperuser": "The first owner comes by `manage.py create_owner`, others by invitation.",
    "flush": "The audit log is append-only: take a new database instead.",
    "loaddata": "Rows that no event tells of are not loaded: restore a whole database instead.",
}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlpanel.settings")
    refusal = REFUSED.get(sys.argv[1]) if len(sys.argv) > 1 else None
    if refusal:
        sys.exit(f"This command does nothing here. {refusal}")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
