"""What may be typed next in the audit page's query: keys, and values this person may see."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.utils.translation import gettext as _

from controlpanel.audit.events import registry
from controlpanel.audit.reading import query_language, selectors
from controlpanel.audit.reading.query_language import Part
from controlpanel.lib import clock
from controlpanel.lib.scope import Scope
from controlpanel.lib.text import clean
from controlpanel.web.audit.filters import HELP, action_label

MOST: Final = 8
_COLUMNS: Final[Mapping[str, str]] = {
    "actor": "actor_name",
    "target": "target_name",
    "address": "address",
}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`text` is the whole field up to the caret once `word` is taken."""

    word: str
    meaning: str
    text: str


def suggestions(scope: Scope, typed: str) -> list[Suggestion]:
    ends = " " if typed.endswith(" ") else ""
    typed = clean(typed, query_language.LONGEST) + ends
    word = next(reversed([*query_language.words(typed)]), "")
    if not typed.endswith(word):  # the caret stands after a space
        word = ""
    head = typed.removesuffix(word) if word else typed
    key, sign, value = word.partition(":")
    if not sign:
        used = {part.key for part in query_language.parse(head).parts}
        found = _keys(word, used)
        return [Suggestion(f"{name}:", meaning, f"{head}{name}:") for name, meaning in found]
    if key.lower() not in query_language.KEYS:
        return []
    values = _matching(_values(scope, key.lower(), value), value)
    return [
        Suggestion(str(part), meaning, f"{head}{part} ")
        for part, meaning in ((Part(key.lower(), name), meaning) for name, meaning in values)
    ]


def _keys(word: str, used: set[str]) -> Iterator[tuple[str, str]]:
    for key in query_language.KEYS:
        if key.startswith(word.lower()) and key not in used:
            yield key, next(str(words) for example, words in HELP if example.startswith(f"{key}:"))


def _values(scope: Scope, key: str, typed: str) -> Iterable[tuple[str, str]]:
    if key in _COLUMNS:
        part = typed.lstrip('"')
        return [(name, "") for name in selectors.in_use(scope, _COLUMNS[key], part, 4 * MOST)]
    return _FIXED[key]() if key in _FIXED else ()


def _matching(values: Iterable[tuple[str, str]], typed: str) -> list[tuple[str, str]]:
    """By what they begin with first, then those that have it somewhere."""
    part = typed.lstrip('"').casefold()
    having = [one for one in values if part in one[0].casefold() or part in one[1].casefold()]
    return sorted(having, key=lambda one: not one[0].casefold().startswith(part))[:MOST]


def _actions() -> Iterator[tuple[str, str]]:
    for name in dict.fromkeys([*registry.GROUPS, *registry.EVENTS]):
        yield name, action_label(name)


def _results() -> Iterator[tuple[str, str]]:
    for name in query_language.result_words():
        yield name, ""


def _vias() -> Iterator[tuple[str, str]]:
    for name, word in registry.VIAS.items():
        yield name, str(word)


def _dates() -> Iterator[tuple[str, str]]:
    today = clock.now().date()
    for days, meaning in ((0, _("today")), (1, _("yesterday")), (7, _("7 days ago"))):
        yield f"{today - timedelta(days=days)}", meaning
    yield f"{today.replace(day=1)}", _("the first of this month")


_FIXED: Final[Mapping[str, Callable[[], Iterable[tuple[str, str]]]]] = {
    "action": _actions,
    "result": _results,
    "via": _vias,
    "after": _dates,
    "before": _dates,
}
