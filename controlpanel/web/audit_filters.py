"""What an audit page's address asks for, read strictly: a filter that is not understood must not
look as if it had found nothing, or everything."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from controlpanel.audit import events
from controlpanel.lib.text import clean

_LONGEST = 200
LABELS: Final[Mapping[str, Promise]] = {
    "q": _l("Text"),
    "actor": _l("Who"),
    "action": _l("Action"),
    "target": _l("Target"),
    "result": _l("Result"),
    "after": _l("From"),
    "before": _l("Before"),
}
# The part before the dot asks for all of them.
GROUPS: Final[Mapping[str, Promise]] = {
    "server": _l("Servers: all changes"),
    "token": _l("API tokens: everything"),
    "account": _l("Accounts: everything"),
}
# The words of the page are understood beside those of the record.
_RESULT_WORDS: Final = {"done": "success", "failed": "failure"}


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter in force; `without` is the address that drops it."""

    words: str
    without: str


@dataclass(frozen=True, slots=True)
class Filters:
    """`given` is as typed, `asked` what the selector takes, `problems` a sentence by field."""

    given: Mapping[str, str]
    asked: Mapping[str, Any] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def any(self) -> bool:
        return bool(self.given)

    @property
    def chips(self) -> list[Chip]:
        return [
            Chip(f"{LABELS[name]}: {_shown(name, value)}", self._without(name))
            for name, value in self.given.items()
        ]

    def address(self, **more: str) -> str:
        """The query that asks for the same, and `more`."""
        return "?" + urlencode({**self.given, **{k: v for k, v in more.items() if v}})

    def _without(self, name: str) -> str:
        return "?" + urlencode({k: v for k, v in self.given.items() if k != name})


def read(query: QueryDict) -> Filters:
    given = {name: clean(query.get(name, ""), _LONGEST) for name in LABELS}
    given = {name: value for name, value in given.items() if value}
    asked: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name, value in given.items():
        try:
            asked[name] = _READERS[name](value) if name in _READERS else value
        except ValueError as error:
            problems[name] = str(error)
    if "after" in asked and "before" in asked and asked["after"] >= asked["before"]:
        problems["before"] = _("This must be later than “From”.")
    return Filters(given, asked, problems)


def _action(text: str) -> str:
    if text in GROUPS or text in events.EVENTS:
        return text
    raise ValueError(_("No event is called that. Choose one from the list."))


def _result(text: str) -> str:
    result = _RESULT_WORDS.get(text.lower(), text.lower())
    if result in events.RESULTS:
        return result
    words = ", ".join(str(word) for word in events.RESULTS.values())
    raise ValueError(_("A result is one of: %(words)s.") % {"words": words})


def _time(text: str) -> datetime:
    """A date is its first moment, in UTC."""
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            _("Write a date like 2026-01-31, or with a time (UTC) like 2026-01-31T14:30.")
        ) from None


_READERS: Final = {"action": _action, "result": _result, "after": _time, "before": _time}


def _shown(name: str, value: str) -> str:
    if name == "action" and (value in GROUPS or value in events.EVENTS):
        return str(GROUPS[value]) if value in GROUPS else str(events.EVENTS[value].label)
    if name == "result":
        return str(events.RESULTS.get(_RESULT_WORDS.get(value.lower(), value.lower()), value))
    return value
