"""What an audit page's address asks for. All of it is one text, `?q=`: the fields of the form and
the presets only write it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _l

from controlpanel.audit.events import registry
from controlpanel.audit.reading import query_language
from controlpanel.audit.reading.query_language import Part, Query
from controlpanel.lib.text import clean

LABELS: Final[Mapping[str, Promise]] = {
    "actor": _l("Who"),
    "action": _l("Action"),
    "target": _l("Target"),
    "result": _l("Result"),
    "after": _l("From"),
    "before": _l("Before"),
    "via": _l("Way"),
    "address": _l("Address"),
    "request": _l("Request"),
    "reason": _l("Reason"),
    "": _l("Text"),
}
# These have a field in the form, whose name in the address is the key.
FIELDS: Final = ("actor", "action", "target", "result", "after", "before")
# Beside the field: what may stand there, and one example each.
HELP: Final[tuple[tuple[str, Promise], ...]] = (
    ("actor:bob", _l("Who did it: part of the name, or the id")),
    ("action:server.delete", _l("An event, or a group of them such as action:server")),
    ("target:web-01", _l("What it was about: part of the name, or the id")),
    ("result:denied", _l("done, failed, denied, unknown or pending")),
    ("after:2026-01-01", _l("From this moment on, in UTC; with a time like 2026-01-01T14:30")),
    ("before:2026-02-01", _l("Up to this moment, in UTC")),
    ("via:page", _l("page, gateway, worker or command")),
    ("address:192.0.2.7", _l("From this address")),
    ("request:…", _l("Everything of one request")),
    ("reason:maintenance", _l("Part of the reason that somebody gave")),
    (
        '"no clear answer"',
        _l("Any other word stands somewhere in the record; quotes keep several together"),
    ),
)
PRESETS: Final[Mapping[str, Promise]] = {
    "action:server.delete": _l("Deletions"),
    "result:denied": _l("Denied"),
    "action:team": _l("Team changes"),
    "action:token": _l("API tokens"),
    "action:outside": _l("Outside changes"),
    "action:signin": _l("Sign-ins"),
}


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter in force; `without` is the address that drops it."""

    words: str
    without: str


@dataclass(frozen=True, slots=True)
class Preset:
    label: str
    address: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Filters:
    """`text` is as typed; `from_fields`: the address still has the form's fields beside it."""

    text: str
    query: Query
    from_fields: bool = False

    @property
    def any(self) -> bool:
        return bool(self.text)

    @property
    def asked(self) -> Mapping[str, Any]:
        """For `selectors.events(scope, **asked)`."""
        return self.query.asked

    @property
    def problems(self) -> Mapping[str, str]:
        """A sentence for each word that is not understood."""
        return self.query.problems

    @property
    def canonical(self) -> str:
        """Read again it asks for the same; kept with an export."""
        return str(self.query)

    @property
    def given(self) -> Mapping[str, str]:
        """What the form's fields show. A wrong word has no field: it stays in the text."""
        if self.problems:
            return {}
        shown = {key: self.query.value(key) for key in FIELDS}
        shown |= {key: self.asked[key] for key in ("action", "result") if key in self.asked}
        return {key: value for key, value in shown.items() if value}

    @property
    def rest(self) -> str:
        """What has no field of its own, and goes with the form unchanged."""
        if self.problems:
            return self.text
        return query_language.text_of(part for part in self.query.parts if part.key not in FIELDS)

    def chips(self, names: Mapping[str, str] = MappingProxyType({})) -> list[Chip]:
        """`names`: by key, what is shown instead of an id."""
        parts = () if self.problems else self.query.parts
        return [
            Chip(
                f"{LABELS[part.key]}: {names.get(part.key) or _shown(part, self.asked)}",
                _address(query_language.text_of(other for other in parts if other is not part)),
            )
            for part in parts
        ]

    @property
    def presets(self) -> list[Preset]:
        return [
            Preset(str(label), _address(text), text == self.canonical)
            for text, label in PRESETS.items()
        ]

    def address(self, **more: str) -> str:
        """The query that asks for the same, and `more`."""
        return _address(self.text if self.problems else self.canonical, **more)


def address_of(**values: str) -> str:
    """The address of the events with these values of the query's keys, on the audit page."""
    return _address(query_language.text_of(Part(key, value) for key, value in values.items()))


def read(given: QueryDict) -> Filters:
    fields = [(key, clean(given.get(key, ""), query_language.LONGEST)) for key in FIELDS]
    added = [str(Part(key, value)) for key, value in fields if value]
    text = " ".join(
        [*filter(None, [clean(given.get("q", ""), 4 * query_language.LONGEST)]), *added]
    )
    return Filters(text, query_language.parse(text), any(key in given for key in FIELDS))


def of_text(text: str) -> Filters:
    """As somebody writes them into the field."""
    asked = QueryDict(mutable=True)
    asked["q"] = text
    return read(asked)


def _address(text: str, **more: str) -> str:
    wanted = {"q": text, **more}
    return "?" + urlencode({name: value for name, value in wanted.items() if value})


def _shown(part: Part, asked: Mapping[str, Any]) -> str:
    if part.key == "action":
        return action_label(asked["action"])
    if part.key == "result":
        return str(registry.RESULTS[asked["result"]])
    if part.key == "via":
        return str(registry.VIAS[asked["via"]])
    if part.key in {"after", "before"}:
        return f"{asked[part.key]:%Y-%m-%d %H:%M} UTC"
    return part.value


def action_label(name: str) -> str:
    if name in registry.EVENTS:
        return str(registry.EVENTS[name].label)
    return str(registry.GROUPS[name][0]) if name in registry.GROUPS else name
