"""One thing in two spellings: host names, addresses, and text whatever its case."""

import ipaddress
import re
import unicodedata
from typing import Final

_BRACKETED: Final = re.compile(r"\[(?P<inside>[^\[\]]*)\](?::[0-9]{1,5})?")
_WITH_PORT: Final = re.compile(r"(?P<inside>[0-9.]+):[0-9]{1,5}")
# How people write that they mean one address and no network.
_ALONE: Final = {"32": 4, "128": 6}


def folded(text: str) -> str:
    """For comparing and searching without regard to case, on every database alike: "STRASSE" and
    "straße", "ΟΔΟΣ" and "οδος", "İstanbul", "ISTANBUL" and "ıstanbul" are each the same."""
    lower = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return lower.replace("i\u0307", "i").replace("\u0131", "i")


def host_name(text: str) -> str:
    """As DNS compares it: no case, no dot at the end, other letters as punycode."""
    lower = text.strip().rstrip(".").lower()
    try:
        return lower if lower.isascii() else lower.encode("idna").decode()
    except UnicodeError:
        return lower


def address(text: str) -> str | None:
    """The shortest spelling of an IP address; None for what is none. Brackets, a port behind them
    or behind an IPv4 address, and a prefix that means one address alone are left off."""
    shown = text.strip()
    if shown.startswith("[") and shown.endswith("]"):
        shown = shown[1:-1]  # around the prefix as well, perhaps
    shown, slash, prefix = shown.partition("/")
    for pattern in (_BRACKETED, _WITH_PORT):
        match = pattern.fullmatch(shown)
        shown = match["inside"] if match else shown
    try:
        found = ipaddress.ip_address(shown.strip())
    except ValueError:
        return None
    if slash and _ALONE.get(prefix.strip()) != found.version:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)
