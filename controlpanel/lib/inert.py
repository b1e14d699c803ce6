"""Words that somebody typed, for a mail: what a mail program would make a link of, it does not."""

import unicodedata
from ipaddress import ip_address
from typing import Final

from controlpanel.lib.text import clean

# A dot between letters makes a domain, a colon a scheme, an at sign an address, and a backslash the
# name of a computer in a Windows network.
_SIGNS: Final = frozenset(".:@\\。")


def inert(text: str, limit: int = 1000) -> str:
    """One line, at most `limit` long before it is marked: `evil.example` as `evil[.]example`.

    Brackets rather than invisible characters: some programs drop those, and link what is left. An
    IP address by itself stays as it is; without a scheme no program links it."""
    line = clean(text, limit)
    if _is_ip_address(line):
        return line
    # Followed by nothing or a space it ends a sentence or is a label.
    following = [*line[1:], " "]
    return "".join(
        f"[{char}]" if _joins(char) and (char == "\\" or not after.isspace()) else char
        for char, after in zip(line, following, strict=False)
    )


def _joins(char: str) -> bool:
    """Also a sign that programs take for one of these, such as the full-width stop."""
    return not _SIGNS.isdisjoint(unicodedata.normalize("NFKC", char))


def _is_ip_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text  # a zone may be any word
