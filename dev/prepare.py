"""Brings the database, the key ring and the demo data to where the panel can start.

What it writes to standard output is for the person who typed `make run`.
"""

import os
import sys
import traceback

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlpanel.settings")


def main() -> int:
    try:
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0, interactive=False)
        call_command("keys", "init")
        call_command("demo")
    except Exception as error:
        traceback.print_exc()
        print(f"The panel cannot start: {error}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
