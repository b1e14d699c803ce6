"""Whether VPS.org takes what was typed as a server's name or hostname."""

import re

from django.utils.translation import gettext as _

_NAME = re.compile(r"[A-Za-z0-9-]{1,255}")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOSTNAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")


def name_problem(name: str) -> str:
    """Documented: letters, digits and hyphens."""
    if not name:
        return _("Enter a name.")
    if not _NAME.fullmatch(name):
        return _("Use letters (a to z), digits and hyphens only, at most 255 of them.")
    return ""


def hostname_problem(hostname: str) -> str:
    """Documented: a fully qualified domain name."""
    if len(hostname) > 253 or not _HOSTNAME.fullmatch(hostname):
        return _("Enter a full hostname with its domain, such as web01.example.com.")
    return ""
