"""Single values out of an answer. Whatever arrives is hostile: each is checked, bounded, cleaned,
and becomes None when it is not what it should be."""

import ipaddress
import json
import math
import re
from datetime import UTC, datetime
from typing import Any, Final

from controlpanel.lib.secret import Secret
from controlpanel.lib.text import clean, redact

_MOST: Final = 2**31 - 1  # what an integer column holds
_DEEPEST: Final = 20
_REDACTED: Final = "[redacted]"
# Dots and dashes only inside: no id can be "..", and none needs quoting in a path.
ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NUMBER_ID: Final = re.compile(r"[0-9]{1,18}")
_NAMES: Final = "pass_?w|pass_?phrase|root_?pass|secret|private_?key"
_SECRET_KEY: Final = re.compile(_NAMES, re.IGNORECASE)
# In lower case: such a name, or how a token begins. Each has one of the parts, and to look for them
# is ten times as quick.
_SECRET: Final = re.compile(f"{_NAMES}|vps_|vpp_".encode())
_PARTS: Final = (b"pass", b"secret", b"private", b"vps_", b"vpp_")
# Mentions of more passwords than this are not looked for, so that nobody can make it take long.
_MOST_PASSWORDS: Final = 50


class Unreadable(Exception):
    """The answer is not what its call answers."""


def tree(content: bytes, token: Secret) -> Any:
    """The JSON in an answer, without passwords and without the token wherever it is echoed.

    SECURITY: create and detail may carry the initial root password. It is dropped here, before
    anything else sees the answer, together with every other mention of it. Raises Unreadable.
    """
    try:
        value = json.loads(content, parse_constant=lambda _word: None)
        hidden = [*list(_passwords(value))[:_MOST_PASSWORDS], token.reveal()]
        return _without(value, sorted(hidden, key=len, reverse=True))
    except (ValueError, RecursionError):
        pass
    # Raised out here: the error of json carries the whole answer.
    raise Unreadable


def passable(content: bytes, token: Secret) -> bytes:
    """The JSON in an answer for somebody else's eyes: as received, unless it has to lose a password
    or the token, or what has the shape of one: it may be anybody's. Raises Unreadable.
    """
    # What is escaped could be a secret's name, or a token, written in another way.
    plain = b"\\" not in content and token.reveal().encode() not in content
    if plain and not _may_hold_a_secret(content) and _is_json(content):
        return content
    return json.dumps(_without_tokens(tree(content, token))).encode()


def _without_tokens(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [_without_tokens(item) for item in value]
    if isinstance(value, dict):
        return {redact(key): _without_tokens(item) for key, item in value.items()}
    return value


def _may_hold_a_secret(content: bytes) -> bool:
    lower = content.lower()
    return any(part in lower for part in _PARTS) and bool(_SECRET.search(lower))


def _is_json(content: bytes) -> bool:
    try:
        _STRICT.decode(content.decode())
    except (ValueError, RecursionError):
        return False
    return True


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON.")


_STRICT: Final = json.JSONDecoder(parse_constant=_refuse_constant)


def _passwords(value: Any) -> set[str]:
    if isinstance(value, list):
        return {found for item in value for found in _passwords(item)}
    if not isinstance(value, dict):
        return set()
    found = set()
    for key, item in value.items():
        if _SECRET_KEY.search(key):
            found |= {text for text in _strings(item) if len(text) >= 6}
        else:
            found |= _passwords(item)
    return found


def _strings(value: Any) -> set[str]:
    if isinstance(value, str):
        return {value}
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {found for item in inner for found in _strings(item)}


def _without(value: Any, hidden: list[str], depth: int = _DEEPEST) -> Any:
    if depth == 0:
        raise ValueError("Nested too deeply.")
    if isinstance(value, str):
        for secret in hidden:
            value = value.replace(secret, _REDACTED)
        return value
    if isinstance(value, list):
        return [_without(item, hidden, depth - 1) for item in value]
    if isinstance(value, dict):
        return {
            _without(key, hidden): _without(item, hidden, depth - 1)
            for key, item in value.items()
            if not _SECRET_KEY.search(key)
        }
    return value


def text(value: Any, limit: int = 255) -> str:
    """Empty for anything but text and numbers."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    return clean(value, limit)


def optional_text(value: Any, limit: int = 255) -> str | None:
    return text(value, limit) or None


def ident(value: Any) -> str | None:
    """An opaque id: integers as documented, or text that is harmless in a path."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    shown = str(value)
    return shown if ID.fullmatch(shown) else None


def number_ident(value: Any) -> str | None:
    """An id that create takes, which documents integers only."""
    shown = ident(value)
    return shown if shown is not None and _NUMBER_ID.fullmatch(shown) else None


def whole(value: Any) -> int | None:
    """Not negative, and no more than a database column holds."""
    number = decimal(value)
    return None if number is None or not number.is_integer() or number > _MOST else int(number)


def decimal(value: Any) -> float | None:
    """Not negative, finite."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if 0 <= number <= 1e15 else None


def flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def moment(value: Any) -> datetime | None:
    """Aware, UTC; a time without a zone is taken as UTC (guess)."""
    if not isinstance(value, str) or len(value) > 64:
        return None
    try:
        at = datetime.fromisoformat(value.strip())
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def address(value: Any) -> str | None:
    """An IP address in the provider's own spelling."""
    if not isinstance(value, str) or len(value) > 45 or "%" in value:
        return None
    shown = value.strip()
    try:
        ipaddress.ip_address(shown)
    except ValueError:
        return None
    return shown


def mapping(value: Any) -> dict[str, Any]:
    """Empty for anything else, so that reading on finds nothing."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
