"""Every setting the environment can give, in one table.

`make docs` writes `docs/settings.md` from it.

Nothing falls back silently to something unsafe: what is missing and needed is a `SettingsError`
whose sentence says what to do.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class SettingsError(Exception):
    """Start-up is refused; the message is the sentence to show."""


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    default: str
    meaning: str
    # Its value is recorded as a keyed hash only.
    secret: bool = False


SETTINGS = (
    Setting("PORT", "8000", "Port of the web pages on loopback (`make run`)."),
    Setting("SANDBOX_PORT", "9000", "Port of the sandbox provider on loopback (`make run`)."),
    Setting(
        "SANDBOX_PROVISION_SECONDS", "20", "How long a new sandbox server takes to become active."
    ),
    Setting(
        "DATABASE_URL",
        "SQLite in `PANEL_VAR`",
        "PostgreSQL as `postgres://user:password@host:port/name`.",
        secret=True,
    ),
    Setting(
        "DATABASE_URL_FILE", "", "File that holds `DATABASE_URL`; used when that one is not given."
    ),
    Setting(
        "REDIS_URL",
        "an embedded Valkey under `make run`",
        "Redis or Valkey for waking the workers, the cache and the rate limits.",
        secret=True,
    ),
    Setting("REDIS_URL_FILE", "", "File that holds `REDIS_URL`; used when that one is not given."),
    Setting(
        "VPSORG_API_URL",
        "the sandbox under `make run`, else `https://admin.vps.org`",
        "Origin of the VPS.org API, with or without `/api/v1`; plain http only on loopback. "
        "`make run` starts no sandbox when it is given.",
    ),
    Setting(
        "VPSORG_API_TOKEN",
        "",
        "With `make run`: an API token, checked live, then stored for the demo owner, admin and "
        "operator and as the account's sync token.",
        secret=True,
    ),
    Setting("PANEL_VAR", "`var/` in the checkout", "Folder of all state; made with mode 0700."),
    Setting(
        "PANEL_SECRET_KEY_FILE", "`secret_key` in `PANEL_VAR`", "File with Django's secret key."
    ),
    Setting(
        "PANEL_KEYS_FILE",
        "`keys.json` in `PANEL_VAR`",
        "The key ring that seals API tokens and signs the audit log; mode 0600. "
        "Keep a copy apart from the database's backups.",
    ),
    Setting(
        "PANEL_CHECKPOINTS_FILE",
        "`audit/checkpoints.jsonl` in `PANEL_VAR`",
        "Signed checkpoints of the audit log, outside the database; mode 0600. On another disk, or "
        "copied elsewhere, it shows a database that was rolled back.",
    ),
    Setting(
        "PANEL_AUDIT_TAIL_FILE",
        "",
        "File to which a worker writes every audit event of all teams as a JSON line, for a log "
        "shipper; mode 0600. Not given: none is written.",
    ),
    Setting(
        "PANEL_AUDIT_TAIL_MEGABYTES",
        "64",
        "At this size the tail is renamed and a new file begins.",
    ),
    Setting("PANEL_AUDIT_TAIL_KEEP", "5", "So many renamed files of the tail are kept."),
    Setting(
        "PANEL_KEYS", "", "The content of the key ring itself, in place of the file.", secret=True
    ),
    Setting(
        "PANEL_PUBLIC_URL",
        "`http://localhost:PORT`",
        "Address people use. With https, cookies are `__Host-` and Secure, and HSTS is sent.",
    ),
    Setting(
        "PANEL_DEMO",
        "0",
        "1 allows the demo people. Start-up refuses a database that holds them without it.",
    ),
    Setting(
        "PANEL_PROXY_COUNT",
        "0",
        "How many reverse proxies stand in front; their `X-Forwarded-For` entries are believed.",
    ),
    Setting(
        "PANEL_WEB_THREADS",
        "8",
        "Threads of the web process; at most three of four wait for VPS.org at once.",
    ),
    Setting(
        "PANEL_GATEWAY_RATE",
        "50",
        "Requests a second that one panel key may send for long.",
    ),
    Setting(
        "PANEL_GATEWAY_BURST",
        "200",
        "Requests that one panel key may send at once, after it was idle.",
    ),
    Setting(
        "PANEL_PAGES_RATE",
        "50",
        "Requests a second for pages that one signed-in person, or one address that is not signed "
        "in, may send for long.",
    ),
    Setting(
        "PANEL_PAGES_BURST",
        "500",
        "Requests for pages that one of them may send at once, after a pause.",
    ),
    Setting("PANEL_LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING or ERROR."),
    Setting(
        "PANEL_EMAIL_URL",
        "files in `PANEL_VAR`/mail",
        "`smtp://user:password@host:port` or `smtps://…` for outgoing mail.",
        secret=True,
    ),
    Setting(
        "PANEL_HOOK_PRIVATE",
        "0",
        "1 lets the web hooks that teams name lead to addresses that are not public, and to this "
        "machine, there over plain http too. Whoever may set one then reaches into your network.",
    ),
    Setting("PANEL_EMAIL_FROM", "panel@localhost", "Sender of outgoing mail."),
    Setting(
        "PANEL_OIDC_NAME",
        "",
        "Signing in with an OpenID Connect provider: what the button calls it. The next three go "
        "with it: all four, or none.",
    ),
    Setting(
        "PANEL_OIDC_ISSUER",
        "",
        "The provider's issuer, exactly as it names itself; plain http only on loopback.",
    ),
    Setting("PANEL_OIDC_CLIENT_ID", "", "What the provider calls this panel."),
    Setting("PANEL_OIDC_CLIENT_SECRET_FILE", "", "File with the client's secret; mode 0600."),
    Setting("CHROMIUM", "`chromium` on PATH", "Browser used by `make e2e`."),
)
_KNOWN = {setting.name for setting in SETTINGS}


def get(name: str, default: str = "") -> str:
    if name not in _KNOWN:
        raise LookupError(f"{name} is not in the table of settings")
    return os.environ.get(name, "").strip() or default


def get_or_file(name: str, default: str = "") -> str:
    """The variable itself, else the content of the file named by `<name>_FILE`."""
    given = get(name)
    if given:
        return given
    path = get(f"{name}_FILE")
    if not path:
        return default
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError(
            f"{name}_FILE names {path}, which cannot be read ({error.strerror})."
        ) from None


def given() -> dict[str, str]:
    """What the environment gives, files of secrets read."""
    found = {setting.name: get(setting.name) for setting in SETTINGS}
    for name in found:
        if f"{name}_FILE" in found:
            found[name] = get_or_file(name)
    return {name: value for name, value in found.items() if value}


def get_int(name: str, default: int) -> int:
    text = get(name, str(default))
    try:
        return int(text)
    except ValueError:
        raise SettingsError(f"{name} must be a whole number, not {text!r}.") from None


def get_flag(name: str) -> bool:
    text = get(name, "0").lower()
    if text in {"1", "true", "yes", "on"}:
        return True
    if text in {"0", "false", "no", "off"}:
        return False
    raise SettingsError(f"{name} must be 1 or 0, not {text!r}.")


def document() -> str:
    """`docs/settings.md`, written by `make docs`."""
    rows = "\n".join(
        f"| `{setting.name}` | {setting.default or '–'} | {setting.meaning} |"
        for setting in SETTINGS
    )
    return (
        "# Settings\n\nAll settings come from the environment. `make docs` writes this page from "
        "the table in `controlpanel/env.py`.\n\n"
        f"| setting | when not given | meaning |\n| --- | --- | --- |\n{rows}\n"
    )


if __name__ == "__main__":
    sys.stdout.write(document())
