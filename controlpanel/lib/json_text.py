"""JSON that is changed in places and otherwise stays as it was written.

To decode and encode a document changes what nobody meant to change: `1e400` becomes infinite, and
of twenty decimals fewer are left. Here members are cut out and texts replaced, and no more.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

_STRING: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_SPACE: Final = re.compile(r"[ \t\n\r]*")


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON.")


def _unreadable_if_endless(digits: str) -> float | int:
    """Python reads no more than 4300 digits. What has more is infinite: no column holds it."""
    return int(digits) if len(digits) < 1000 else float("-inf" if digits[0] == "-" else "inf")


_QUICK: Final = json.JSONDecoder(parse_constant=_refuse_constant)
_PATIENT: Final = json.JSONDecoder(
    parse_constant=_refuse_constant, parse_int=_unreadable_if_endless
)


@dataclass(frozen=True, slots=True)
class Part:
    """A member of an object or an item of a list; `start` and `end` of its value in the text."""

    key: str
    value: Any
    start: int
    end: int


def text_of(content: bytes) -> str:
    """Raises ValueError for what is no UTF-8, UTF-16 or UTF-32."""
    return content.decode(json.detect_encoding(content))


def value_of(text: str) -> Any:
    """Raises ValueError or RecursionError. `NaN` and `Infinity` are no JSON; a number with an
    exponent too large for Python, or more than 1000 digits, is infinite."""
    try:
        return _QUICK.decode(text)
    except ValueError:
        return _PATIENT.decode(text)


def members(text: str) -> list[Part]:
    """Those of the outermost object, one written twice twice; `text` is valid JSON."""
    return list(_parts(text, _after_space(text, 0), has_keys=True))


def items(text: str, start: int = 0) -> list[Part]:
    """Those of the list that begins at `start`; `text` is valid JSON."""
    return list(_parts(text, _after_space(text, start), has_keys=False))


def replaced(text: str, changes: Iterable[tuple[Part, str]]) -> str:
    """With other JSON in the place of some values, which do not lie in each other."""
    shown, at = [], 0
    for part, new in sorted(changes, key=lambda change: change[0].start):
        shown += [text[at : part.start], new]
        at = part.end
    return "".join((*shown, text[at:]))


def edited(text: str, cut: Callable[[str, str], bool], rewritten: Callable[[str], str]) -> str:
    """Without each member, however deep, for which `cut(key, first character of its value)` is
    true, and with each text, keys among them, that `rewritten` changes. `text` is valid JSON.
    """
    shown: list[str] = []
    at = 0  # up to here it was dealt with
    seek = 0
    while match := _STRING.search(text, seek):
        seek = match.end()
        plain = _plain(match.group())
        colon = _after_space(text, seek)
        if text.startswith(":", colon):
            start = _after_space(text, colon + 1)
            if cut(plain, text[start]):
                shown.append(text[at : match.start()])
                at = seek = _past(shown, text, start)
                continue
        new = rewritten(plain)
        if new != plain:
            shown += [text[at : match.start()], json.dumps(new)]
            at = seek
    return "".join((*shown, text[at:]))


def _past(shown: list[str], text: str, start: int) -> int:
    """Where to go on after the member whose value begins at `start`, which is cut out. One comma
    beside it goes with it: that behind it, else that before it."""
    end = _after_space(text, _end_of(text, start))
    if text[end] == ",":
        return _after_space(text, end + 1)
    while shown:
        shown[-1] = shown[-1].rstrip(" \t\n\r")
        if shown[-1]:
            shown[-1] = shown[-1].removesuffix(",")
            break
        shown.pop()
    return end


def _parts(text: str, at: int, *, has_keys: bool) -> Iterator[Part]:
    at = _after_space(text, at + 1)
    while text[at] not in "}]":
        key = ""
        if has_keys:
            key, at = _QUICK.raw_decode(text, at)
            at = _after_space(text, _after_space(text, at) + 1)
        value, end = _decoded(text, at)
        yield Part(key, value, at, end)
        at = _after_space(text, end)
        if text[at] == ",":
            at = _after_space(text, at + 1)


def _decoded(text: str, at: int) -> tuple[Any, int]:
    try:
        return _QUICK.raw_decode(text, at)
    except ValueError:
        return _PATIENT.raw_decode(text, at)


def _end_of(text: str, at: int) -> int:
    return _decoded(text, at)[1]


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _plain(written: str) -> str:
    return str(json.loads(written)) if "\\" in written else written[1:-1]
