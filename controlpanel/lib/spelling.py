"""One thing in two spellings: host names, addresses, and text whatever its case."""

import ipaddress
import re
import unicodedata
from typing import Final

_DOTS: Final = re.compile("[\u3002\uff0e\uff61]")
_BRACKETED: Final = re.compile(r"\[(?P<inside>[^\[\]]*)\](?::[0-9]{1,5})?")
_WITH_PORT: Final = re.compile(r"(?P<inside>[0-9.]+):[0-9]{1,5}")
# Before another digit, at the beginning of a group.
_ZEROS: Final = re.compile(r"(?<![0-9a-f])0+(?=[0-9a-f])")
# How people write that they mean one address and no network.
_ALONE: Final = {"32": 4, "128": 6}


def folded(text: str) -> str:
    """For comparing and searching without regard to case, on every database alike: "STRASSE" and
    "straße", "ΟΔΟΣ" and "οδος", "İstanbul", "ISTANBUL" and "ıstanbul" are each the same."""
    lower = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return lower.replace("i\u0307", "i").replace("\u0131", "i")


def host_name(text: str) -> str:
    """For comparing as DNS does: no case, no dot at the end. Other letters than ASCII are the same
    as their punycode, be it of the older rules of IDNA ("ß" as "ss") or of the newer."""
    plain = _DOTS.sub(".", unicodedata.normalize("NFKC", text.strip()))
    shown = "".join(char for char in plain if unicodedata.category(char) != "Cf")
    return ".".join(_label(one) for one in shown.rstrip(".").split("."))


def _label(text: str) -> str:
    lower = text.lower()
    if lower.startswith("xn--") and lower.isascii():
        try:
            lower = lower[4:].encode().decode("punycode")
        except UnicodeError:
            return lower
    return unicodedata.normalize("NFKC", lower.casefold())


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


def part_of_ipv6(part: str, whole: str) -> bool:
    """Whether a part that somebody typed stands in an IPv6 address, in one of its spellings."""
    try:
        found = ipaddress.IPv6Address(whole)
    except ValueError:
        return False
    wanted = part.strip().strip("[]").lower()
    without_zeros = _ZEROS.sub("", wanted)
    groups = ":".join(_ZEROS.sub("", one) for one in found.exploded.split(":"))
    shown = (str(found), found.exploded, groups, whole.lower())
    return any(wanted in one or without_zeros in one for one in shown)
