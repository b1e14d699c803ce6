"""The text in which events are asked for: `actor:bob result:denied "lost answer"`.

It is read strictly: a word that is not understood must not look as if it had found nothing, or
everything. What is left out of the text is not asked for; everything in it must hold.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from ipaddress import ip_address
from typing import Any, Final

from django.utils.translation import gettext as _

from controlpanel.audit.events import registry
from controlpanel.lib.text import clean

LONGEST: Final = 500
KEYS: Final = (
    "actor",
    "action",
    "target",
    "result",
    "after",
    "before",
    "via",
    "address",
    "request",
    "reason",
)
# A target named exactly: "server/12345", as the links to its timeline do.
KINDS: Final = frozenset(
    {
        "server",
        "user",
        "team",
        "account",
        "credential",
        "invitation",
        "role",
        "operation",
        "panel_key",
    }
)
# The words of the pages are understood beside those of the record.
_RESULTS: Final = {"done": "success", "failed": "failure"}
_VIAS: Final = {"key": "gateway"}
_WORD: Final = re.compile(
    r"(?>(?:(?P<key>[A-Za-z_]+):)?)"
    r'(?:"(?P<quoted>(?:[^"\\]|\\.)*)"(?=\s|$)|(?P<plain>(?!")\S*))'
)
_KEYED: Final = re.compile(r"[A-Za-z_]+:")


@dataclass(frozen=True, slots=True)
class Part:
    """One word of the query; without a key it is looked for everywhere in the record."""

    key: str
    value: str

    def __str__(self) -> str:
        """As it is written so that it is read as the same again."""
        return f"{self.key}:{_quoted(self.value)}" if self.key else _quoted(self.value)


@dataclass(frozen=True, slots=True)
class Query:
    """`asked`: what `selectors.events` takes; `problems`: a sentence for each wrong word."""

    parts: tuple[Part, ...] = ()
    asked: Mapping[str, Any] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return text_of(self.parts)

    def value(self, key: str) -> str:
        return next((part.value for part in self.parts if part.key == key), "")


def text_of(parts: Iterable[Part]) -> str:
    return " ".join(map(str, parts))


def parse(text: str) -> Query:
    text = clean(text, 4 * LONGEST)
    if len(text) > LONGEST:
        problem = _("This is longer than %(n)d characters.") % {"n": LONGEST}
        return Query((), {}, {f"{text[:40]}…": problem})
    reading = _Reading()
    for word in words(text):
        try:
            reading.take(word)
        except ValueError as error:
            reading.problems[word] = str(error)
    if not reading.problems:
        reading.compare_times()
    return Query(tuple(reading.parts), reading.asked, reading.problems)


class _Reading:
    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.asked: dict[str, Any] = {}
        self.problems: dict[str, str] = {}

    def take(self, word: str) -> None:
        part = _part(word)
        if part.key and any(part.key == other.key for other in self.parts):
            raise ValueError(
                _("“%(key)s:” stands there twice. Leave one of them out.") % {"key": part.key}
            )
        if part.key:
            self.asked |= _READERS[part.key](part.value)
        else:
            self.asked["words"] = (*self.asked.get("words", ()), part.value)
        self.parts.append(part)

    def compare_times(self) -> None:
        after, before = self.asked.get("after"), self.asked.get("before")
        if after and before and after >= before:
            word = next(str(part) for part in self.parts if part.key == "before")
            self.problems[word] = _("“before:” must be later than “after:”.")


def words(text: str) -> Iterator[str]:
    """Each as it is written; a quotation that is not closed goes on to the end."""
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        found = _WORD.match(text, place)
        end = found.end() if found else len(text)
        yield text[place:end]
        place = end


def _part(word: str) -> Part:
    found = _WORD.fullmatch(word)
    if found is None:
        raise ValueError(_("Its quotation mark is not closed, or something stands right after it."))
    key = (found["key"] or "").lower()
    if key and key not in KEYS:
        raise ValueError(_unknown_key(key))
    quoted = found["quoted"]
    value = found["plain"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
    if not value.strip():
        raise ValueError(_nothing_after(key))
    return Part(key, value)


def _nothing_after(key: str) -> str:
    if key:
        return _("Write what you look for right after “%(key)s:”.") % {"key": key}
    return _("There is nothing between the quotation marks.")


def _unknown_key(key: str) -> str:
    close = get_close_matches(key, KEYS, 1)
    known = ", ".join(f"{name}:" for name in KEYS)
    start = _("Did you mean “%(key)s:”? ") % {"key": close[0]} if close else ""
    return start + _(
        "Before a colon stands one of %(known)s. To look for it as text, put it in quotation marks."
    ) % {"known": known}


def _quoted(value: str) -> str:
    if value and not re.search(r'\s|^"', value) and not _KEYED.match(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _action(text: str) -> dict[str, Any]:
    name = text.lower()
    if registry.named(name):
        return {"action": name}
    known = sorted({*registry.GROUPS, *registry.EVENTS})
    close = get_close_matches(name, known, 1)
    hint = close[0] if close else "server.delete"
    groups = ", ".join(registry.GROUPS)
    raise ValueError(
        _("No event is called that. Write one of %(groups)s, or one event, like %(hint)s.")
        % {"groups": groups, "hint": hint}
    )


def _result(text: str) -> dict[str, Any]:
    result = _RESULTS.get(text.lower(), text.lower())
    if result in registry.RESULTS:
        return {"result": result}
    words = ", ".join(result_words())
    raise ValueError(_("A result is one of: %(words)s.") % {"words": words})


def result_words() -> list[str]:
    spoken = {name: word for word, name in _RESULTS.items()}
    return [spoken.get(name, name) for name in registry.RESULTS]


def _via(text: str) -> dict[str, Any]:
    via = _VIAS.get(text.lower(), text.lower())
    if via in registry.VIAS:
        return {"via": via}
    words = ", ".join(registry.VIAS)
    raise ValueError(_("The way is one of: %(words)s.") % {"words": words})


def _address(text: str) -> dict[str, Any]:
    try:
        return {"address": str(ip_address(text))}
    except ValueError:
        raise ValueError(_("Write a whole address, like 192.0.2.7 or 2001:db8::7.")) from None


def _time(key: str) -> Callable[[str], dict[str, Any]]:
    """A date is its first moment, in UTC."""

    def read(text: str) -> dict[str, Any]:
        try:
            found = datetime.fromisoformat(text)
            moment = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            raise ValueError(
                _("Write a date like 2026-01-31, or with a time (UTC) like 2026-01-31T14:30.")
            ) from None
        return {key: moment}

    return read


def _target(text: str) -> dict[str, Any]:
    kind, sign, target_id = text.partition("/")
    if sign and kind in KINDS and target_id:
        return {"history": (kind, target_id)}
    return {"target": text}


def _as_it_is(key: str) -> Callable[[str], dict[str, Any]]:
    return lambda text: {key: text}


_READERS: Final[Mapping[str, Callable[[str], dict[str, Any]]]] = {
    "actor": _as_it_is("actor"),
    "action": _action,
    "target": _target,
    "result": _result,
    "after": _time("after"),
    "before": _time("before"),
    "via": _via,
    "address": _address,
    "request": _as_it_is("request"),
    "reason": _as_it_is("reason"),
}
