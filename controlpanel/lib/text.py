"""Text from outside is hostile until it is bounded and cleaned."""

import re
import unicodedata

TOKEN_PATTERN = re.compile(r"vp[sp]_[\x21-\x7e]{4,512}")
_REDACTED = "[redacted]"


def clean(value: object, limit: int = 200) -> str:
    """One line without control, bidi or invisible format characters, at most `limit` long."""
    text = str(value)[: limit * 4]
    kept = "".join(
        " " if char in "\t\r\n" else char
        for char in text
        if char in "\t\r\n" or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn"}
    )
    line = re.sub(r"\s+", " ", kept).strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


def redact(text: str, *values: str) -> str:
    """`text` without any of `values` and without anything that has the shape of a token."""
    for value in values:
        if value:
            text = text.replace(value, _REDACTED)
    return TOKEN_PATTERN.sub(_REDACTED, text)


def numbered(base: str, joint: str, taken: set[str]) -> str:
    if base not in taken:
        return base
    number = 2
    while f"{base}{joint}{number}" in taken:
        number += 1
    return f"{base}{joint}{number}"
