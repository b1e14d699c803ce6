"""The servers list's state: all of it stands in the URL, and every link is made from it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

from django.core.paginator import Page
from django.http import QueryDict
from django.utils.translation import gettext as _

from controlpanel.accounts.models import Account
from controlpanel.lib.scope import Scope
from controlpanel.lib.text import clean
from controlpanel.servers import selectors
from controlpanel.servers.selectors import SORTS, Filters
from controlpanel.web.core import text
from controlpanel.web.servers import badges

PER_PAGE: Final = 50
_FILTERS: Final = ("q", "status", "location", "plan", "system", "account", "label")


@dataclass(frozen=True, slots=True)
class Chip:
    label: str
    value: str
    url: str


@dataclass(frozen=True, slots=True)
class Facet:
    name: str
    label: str
    chosen: str
    options: list[tuple[str, str]]


def read(query: QueryDict) -> Filters:
    """Whatever is typed into the address is bounded; what means nothing finds nothing."""
    values = {name: clean(query.get(name, ""), 100) for name in _FILTERS}
    sort = query.get("sort", "")
    return Filters(**values, sort=sort if sort.removeprefix("-") in SORTS else "name")


def address(base: str, filters: Filters, page: int = 1) -> str:
    values = [(name, getattr(filters, name)) for name in _FILTERS]
    if filters.sort != "name":
        values.append(("sort", filters.sort))
    if page > 1:
        values.append(("page", str(page)))
    query = urlencode([(name, value) for name, value in values if value])
    return f"{base}?{query}" if query else base


def chips(base: str, filters: Filters, facets: list[Facet]) -> list[Chip]:
    """One for each filter that is set, with the address that has all the others."""
    found = []
    if filters.q:
        found.append(Chip(_("Search"), filters.q, address(base, replace(filters, q=""))))
    for facet in facets:
        if facet.chosen:
            url = address(base, replace(filters, **{facet.name: ""}))
            label = dict(facet.options).get(facet.chosen, facet.chosen)
            found.append(Chip(facet.label, label, url))
    return found


def facets(
    scope: Scope, filters: Filters, accounts: list[Account], labelled: list[str]
) -> list[Facet]:
    """What can be chosen, from the catalogue: looking through the servers would take too long."""
    learned = _learned(scope)
    options = {
        "status": [(word, word) for word in badges.STATUSES],
        "location": learned["location"],
        "plan": learned["plan"],
        "system": learned["os"],
        "account": [(str(account.id), text.shown(account.name)) for account in accounts],
        "label": [(label, label) for label in labelled],
    }
    labels = {
        "status": _("Status"),
        "location": _("Location"),
        "plan": _("Plan"),
        "system": _("System"),
        "account": _("Account"),
        "label": _("Label"),
    }
    # Where there is nothing to choose between, the choice stays away.
    needless = {
        name
        for name, fewest in (("account", 2), ("label", 1))
        if len(options[name]) < fewest and not getattr(filters, name)
    }
    return [
        _facet(name, labels[name], getattr(filters, name), options[name])
        for name in options
        if name not in needless
    ]


def sorting(base: str, filters: Filters) -> dict[str, dict[str, str]]:
    """By column: the address that sorts by it (or turns it round), and how it is sorted now."""
    found = {}
    for name in SORTS:
        ascending, descending = filters.sort == name, filters.sort == f"-{name}"
        target = f"-{name}" if ascending else name
        found[name] = {
            "url": address(base, replace(filters, sort=target)),
            "aria": "ascending" if ascending else "descending" if descending else "none",
        }
    return found


def sort_options() -> list[tuple[str, str]]:
    """The first is how it is sorted when nothing is said: it stays out of the address."""
    return [
        ("", _("Sort: name")),
        ("-name", _("Sort: name, Z to A")),
        ("status", _("Sort: status")),
        ("-status", _("Sort: status, Z to A")),
        ("location", _("Sort: location")),
        ("-location", _("Sort: location, Z to A")),
        ("plan", _("Sort: smallest plan")),
        ("-plan", _("Sort: largest plan")),
        ("-created", _("Sort: newest")),
        ("created", _("Sort: oldest")),
    ]


def paging(base: str, filters: Filters, page: Page[Any]) -> Mapping[str, str | int]:
    links: dict[str, str | int] = {
        "first": page.start_index(),
        "last": page.end_index(),
        "total": page.paginator.count,
        "number": page.number,
        "pages": page.paginator.num_pages,
    }
    if page.has_previous():
        links["previous"] = address(base, filters, page.previous_page_number())
    if page.has_next():
        links["next"] = address(base, filters, page.next_page_number())
    return links


def _facet(name: str, label: str, chosen: str, options: list[tuple[str, str]]) -> Facet:
    if chosen and chosen not in dict(options):
        options = [*options, (chosen, chosen)]
    return Facet(name, label, chosen, options)


def _learned(scope: Scope) -> dict[str, list[tuple[str, str]]]:
    """Two accounts may know the same plan: once is enough.

    The catalogue knows what every server of the account has; somebody who is there for some of
    them hears of what those have.
    """
    found: dict[str, dict[str, str]] = {"location": {}, "plan": {}, "os": {}}
    in_use = None if scope.reach.is_all else selectors.in_use(scope)
    known = selectors.choices(scope, *found).values_list("kind", "provider_id", "name")
    for kind, value, name in known:
        if in_use is None or value in in_use[kind]:
            found[kind].setdefault(value, _label(kind, value, text.shown(name)))
    return {kind: list(options.items()) for kind, options in found.items()}


def _label(kind: str, value: str, name: str) -> str:
    """Places are known by their code, so that it stands beside the name."""
    if kind == "location" and name and name != value:
        return f"{name} ({text.shown(value)})"
    return name or text.shown(value)
