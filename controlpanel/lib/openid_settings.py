"""The OpenID Connect provider that people may sign in with, as the settings name it."""

import ipaddress
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from controlpanel.lib.secret import Secret
from controlpanel.lib.text import clean

_NAMES: Final = (
    "PANEL_OIDC_NAME",
    "PANEL_OIDC_ISSUER",
    "PANEL_OIDC_CLIENT_ID",
    "PANEL_OIDC_CLIENT_SECRET_FILE",
)


@dataclass(frozen=True, slots=True)
class OpenID:
    name: str  # what the button says
    issuer: str
    client_id: str
    client_secret: Secret


def from_settings(given: Mapping[str, str]) -> OpenID | None:
    """None when none of the four is given; ValueError with a whole sentence for half of them."""
    missing = [name for name in _NAMES if not given.get(name)]
    if len(missing) == len(_NAMES):
        return None
    if missing:
        raise ValueError(
            f"Signing in with OpenID Connect also needs {', '.join(missing)}. "
            "Give all four settings, or none."
        )
    name = clean(given["PANEL_OIDC_NAME"], 60)
    if not name:
        raise ValueError("PANEL_OIDC_NAME has no visible character.")
    issuer = given["PANEL_OIDC_ISSUER"]
    if not is_safe(issuer) or urlsplit(issuer).query or urlsplit(issuer).fragment:
        raise ValueError(
            "PANEL_OIDC_ISSUER must be an https:// address; plain http is only for this machine "
            "itself (localhost)."
        )
    secret = _secret(Path(given["PANEL_OIDC_CLIENT_SECRET_FILE"]))
    return OpenID(name, issuer, given["PANEL_OIDC_CLIENT_ID"], secret)


def is_safe(url: object) -> bool:
    """https, or http on loopback; no user name in it, nothing invisible."""
    if not isinstance(url, str) or not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or "@" in parts.netloc or "\\" in url:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _secret(path: Path) -> Secret:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(
            f"PANEL_OIDC_CLIENT_SECRET_FILE names {path}, which cannot be read "
            f"({type(error).__name__})."
        ) from None
    if mode & 0o077:
        raise ValueError(f"Others can read {path}, which holds a secret. Run `chmod 600 {path}`.")
    if not text:
        raise ValueError(f"The client secret file {path} is empty.")
    return Secret(text)
