"""The panel's own settings on throw-away state: every test process has a folder of its own."""

import atexit
import os
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import Any

_VAR = Path(tempfile.mkdtemp(prefix="panel-test-"))
_OWNER = os.getpid()


def _remove() -> None:
    if os.getpid() == _OWNER:  # not in a process that a test forked
        shutil.rmtree(_VAR, ignore_errors=True)


atexit.register(_remove)
(_VAR / "secret_key").write_text(secrets.token_urlsafe(50), encoding="utf-8")
for _name in (
    "DATABASE_URL", "DATABASE_URL_FILE", "REDIS_URL", "REDIS_URL_FILE", "VPSORG_API_TOKEN",
    "PANEL_PUBLIC_URL", "PANEL_PROXY_COUNT", "PANEL_EMAIL_URL", "PANEL_KEYS", "PORT",
    "PANEL_AUDIT_TAIL_FILE",
    # The tests may run below make; what they start does not.
    "MAKELEVEL", "MAKEFLAGS", "MFLAGS",
    "PANEL_OIDC_NAME", "PANEL_OIDC_ISSUER", "PANEL_OIDC_CLIENT_ID", "PANEL_OIDC_CLIENT_SECRET_FILE",
):  # fmt: skip
    os.environ.pop(_name, None)
os.environ.update(
    PANEL_VAR=str(_VAR),
    PANEL_SECRET_KEY_FILE=str(_VAR / "secret_key"),
    PANEL_KEYS_FILE=str(_VAR / "keys.json"),
    PANEL_DEMO="1",
    # Nobody listens there: a test that forgets the sandbox fails, and never leaves the machine.
    VPSORG_API_URL="http://127.0.0.1:9",
)
if "TEST_DATABASE_URL" in os.environ:
    os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]

from controlpanel.keys import ring  # noqa: E402
from controlpanel.settings import *  # noqa: E402, F403
from controlpanel.settings import DATABASES  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# No test but those about it comes near it, however many requests one process sends.
PANEL_PAGES_BURST = 1_000_000
PANEL_MAIL_TRANSPORT = "django.core.mail.backends.locmem.EmailBackend"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
# Every client looks through all static files otherwise, and most tests ask for none.
WHITENOISE_AUTOREFRESH = True
_database: dict[str, Any] = DATABASES["default"]
if _database["ENGINE"].endswith("sqlite3"):
    # A file, as in use: the in-memory kind locks in other ways. Its safety is not needed here.
    _database["TEST"] = {"NAME": str(_VAR / "test.sqlite3")}
    _options = _database["OPTIONS"]
    _options["init_command"] = _options["init_command"].replace(
        "synchronous=NORMAL", "synchronous=OFF"
    )
ring.create(_VAR / "keys.json", ring.new())
