"""What the provider says in a refusal. Its form is not documented: anything is expected."""

import math
import re
from collections.abc import Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Any, Final

from controlpanel.lib import clock
from controlpanel.lib.secret import Secret
from controlpanel.lib.text import clean, redact
from controlpanel.vpsorg import read

MOST_WORDS: Final = 300
# Seconds that a provider may ask to be left alone for, and those taken where it asks for more.
LONGEST_WAIT: Final = 24 * 60 * 60
UNREADABLE_WAIT: Final = 300
_MOST_FIELDS: Final = 20
_MOST_MESSAGES: Final = 5
_GENERAL: Final = ("detail", "message", "error", "non_field_errors", "errors")
# Beside the words: neither complaints nor fields.
_OTHER: Final = {"code", "status", "status_code", "success", "type", "request_id", "timestamp"}
_WEEKDAY: Final = len("Wednesday,")
_TIME: Final = re.compile(r"[0-9]:[0-9]{2}:[0-9]{2}")
_FIELD: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def of_refusal(content: bytes, token: Secret) -> tuple[str, dict[str, list[str]]]:
    """The provider's words and its complaints by field, redacted, bounded and cleaned."""
    try:
        said = read.tree(content, token)
    except read.Unreadable:
        return _plain(content, token), {}
    fields = _fields(said, token)
    general = [*_general(said)]
    if not general:
        general = [f"{name}: {one}" for name, messages in fields.items() for one in messages]
    return cleaned(" ".join(general[:_MOST_MESSAGES]), token), fields


def of_failure(said: Any, token: Secret) -> str:
    """The words of a failure that came with a success code; its fields are a server's, perhaps."""
    return cleaned(" ".join(islice(_general(said), _MOST_MESSAGES)), token)


def cleaned(value: str, token: Secret) -> str:
    # Redacted on both sides of cleaning: what is invisible may stand inside a token.
    seen = clean(redact(value, token.reveal()), 2 * MOST_WORDS)
    return clean(redact(seen, token.reveal()), MOST_WORDS)


def retry_after(value: str) -> int | None:
    """Whole seconds, from 1 to 86,400, from a header that gives seconds or a date.

    300 for one that cannot be read or is longer than a day; None where there is none.
    """
    shown = value.strip()
    if not shown:
        return None
    seconds = _seconds(shown)
    if seconds is None or seconds > LONGEST_WAIT:
        return UNREADABLE_WAIT
    return max(1, math.ceil(seconds))


def _seconds(shown: str) -> float | None:
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", shown, re.ASCII):
        return float(shown)
    # The only comma is behind a weekday: else they are several headers, of which none counts.
    if "," in shown[_WEEKDAY:] or len(_TIME.findall(shown)) != 1:
        return None
    try:
        at = parsedate_to_datetime(shown)
        aware = at if at.tzinfo else at.replace(tzinfo=UTC)
        return (aware - clock.now()).total_seconds()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _plain(content: bytes, token: Secret) -> str:
    """Plain text as it is. Of a page nothing: its text is about itself. Nor of what was to be JSON:
    its members cannot be told apart, and one may hold a secret."""
    shown = content.decode("utf-8", "replace").replace("\ufffd", "").strip(" \t\r\n\ufeff\0")
    return "" if shown.startswith(("<", "{", "[")) else cleaned(shown, token)


def _general(said: Any) -> Iterator[str]:
    if not isinstance(said, dict):
        yield from _messages(said)
        return
    for name in _GENERAL:
        found = said.get(name)
        yield from _general(found) if isinstance(found, dict) else _messages(found)


def _fields(said: Any, token: Secret) -> dict[str, list[str]]:
    """`{"field": ["…"]}`, also inside `errors`, `error` or `detail`."""
    top = read.mapping(said)
    inner = [read.mapping(top.get(name)) for name in ("errors", "error", "detail")]
    named = (item for source in (top, *inner) for item in source.items() if _is_field(item[0]))
    fields: dict[str, list[str]] = {}
    for name, value in islice(named, _MOST_FIELDS):
        few = islice(_messages(value), _MOST_MESSAGES)
        messages = [shown for one in few if (shown := cleaned(one, token))]
        if messages:
            fields.setdefault(cleaned(name, token), messages)
    return fields


def _is_field(name: str) -> bool:
    return name not in _OTHER and name not in _GENERAL and _FIELD.fullmatch(name) is not None


def _messages(value: Any, depth: int = 3) -> Iterator[str]:
    """The texts in a text, a list, or an object that is not nested far."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict) and depth:
        for one in value.values() if isinstance(value, dict) else value:
            yield from _messages(one, depth - 1)
