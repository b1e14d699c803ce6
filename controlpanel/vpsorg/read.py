"""Single values out of an answer. Whatever arrives is hostile: each is checked, bounded, cleaned,
and becomes None when it is not what it should be."""

import ipaddress
import math
import re
from datetime import UTC, datetime
from typing import Any, Final

from controlpanel.lib import json_text
from controlpanel.lib.secret import Secret
from controlpanel.lib.text import clean
from controlpanel.vpsorg.redaction import may_need, redacted

_MOST: Final = 2**31 - 1  # what an integer column holds
_DEEPEST: Final = 20
# Dots and dashes only inside: no id can be "..", and none needs quoting in a path.
ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?", re.ASCII)
_LONGEST_NUMBER: Final = 64
_NUMBER_ID: Final = re.compile(r"[0-9]{1,18}")


class Unreadable(Exception):
    """The answer is not what its call answers."""


def tree(content: bytes, token: Secret) -> Any:
    """The JSON in an answer, without secrets and without the token wherever it is echoed. Raises
    Unreadable."""
    try:
        value = json_text.value_of(_without_secrets(content, token))
        _check_depth(value)
    except (ValueError, RecursionError):
        pass
    else:
        return value
    # Raised out here: the error of json carries the whole answer.
    raise Unreadable


def passable(content: bytes, token: Secret) -> bytes:
    """The JSON in an answer for somebody else's eyes: as received, but for secrets and for what has
    the shape of a token: it may be anybody's. Raises Unreadable."""
    try:
        shown = _without_secrets(content, token)
    except (ValueError, RecursionError):
        pass
    else:
        return shown.encode()
    raise Unreadable


def _without_secrets(content: bytes, token: Secret) -> str:
    text = json_text.text_of(content)
    json_text.value_of(text)  # refuses what is none
    return redacted(text, token) if may_need(text, token) else text


def _check_depth(value: Any, left: int = _DEEPEST) -> None:
    if not isinstance(value, dict | list):
        return
    if left == 0:
        raise ValueError("Nested too deeply.")
    for inner in value.values() if isinstance(value, dict) else value:
        _check_depth(inner, left - 1)


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
    """Not negative, finite. Also written as text, as many an API does with decimals."""
    if (
        isinstance(value, str)
        and len(value) <= _LONGEST_NUMBER
        and _NUMBER.fullmatch(value.strip())
    ):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return abs(number) if 0 <= number <= 1e15 else None  # -0.0 is 0


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
