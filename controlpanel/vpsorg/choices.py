"""What can be chosen for a new server, as the optional endpoints tell it.

Create takes integer ids and a location code, which the published clients' shapes do not carry:
an entry without one is left out, since nobody could choose it.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from controlpanel.vpsorg import read
from controlpanel.vpsorg.wire import Catalogue, CatalogueEntry

_MOST: Final = 1000


def plans(entries: Iterable[Any], *, whole: bool) -> Catalogue:
    return _each((_plan(read.mapping(entry)) for entry in entries), whole=whole)


def locations(entries: Iterable[Any], *, whole: bool) -> Catalogue:
    return _each((_location(read.mapping(entry)) for entry in entries), whole=whole)


def operating_systems(entries: Iterable[Any], *, whole: bool) -> Catalogue:
    """A system comes with its versions inside, which are what is installed."""
    found = (found for entry in entries for found in _systems(read.mapping(entry)))
    return _each(found, whole=whole)


def ssh_keys(entries: Iterable[Any], *, whole: bool) -> Catalogue:
    return _each((_ssh_key(read.mapping(entry)) for entry in entries), whole=whole)


def _each(entries: Iterable[CatalogueEntry | None], *, whole: bool) -> Catalogue:
    """An entry without its id may be one that is known from elsewhere: then nobody can tell what is
    missing."""
    found: dict[str, CatalogueEntry] = {}
    for entry in entries:
        if entry is None or len(found) >= _MOST:
            whole = False
        else:
            found.setdefault(entry.id, entry)
    return Catalogue(tuple(found.values()), whole)


def _plan(entry: dict[str, Any]) -> CatalogueEntry | None:
    found = read.number_ident(entry.get("id"))
    if found is None:
        return None
    codes = [read.text(code, 64) for code in read.sequence(entry.get("locations"))[:200]]
    data = {
        **{name: read.whole(entry.get(name)) for name in _SIZES},
        **{name: read.decimal(entry.get(name)) for name in ("price_monthly", "price_hourly")},
        "available": read.flag(entry.get("available")),
        "locations": [code for code in codes if code] or None,
        "description": read.optional_text(entry.get("description"), 500),
    }
    return CatalogueEntry(found, read.text(entry.get("name")), _told(data))


_SIZES: Final = ("vcpus", "memory", "storage", "bandwidth")


def _location(entry: dict[str, Any]) -> CatalogueEntry | None:
    code = read.text(entry.get("code"), 64)
    if not code or code != entry.get("code"):
        return None
    data = {
        "country_name": read.optional_text(entry.get("country_name"), 120),
        "country_code": read.optional_text(entry.get("country_code"), 8),
        "is_active": read.flag(entry.get("is_active")),
    }
    return CatalogueEntry(code, read.text(entry.get("name")), _told(data))


def _systems(entry: dict[str, Any]) -> Iterator[CatalogueEntry | None]:
    family = read.text(entry.get("name"))
    versions = [read.mapping(version) for version in read.sequence(entry.get("versions"))]
    for version in versions or [entry]:
        found = read.number_ident(version.get("id"))
        if found is None:
            yield None
            continue
        data = _told({"family": family or None}) if versions else {}
        yield CatalogueEntry(found, read.text(version.get("name")), data)


def _ssh_key(entry: dict[str, Any]) -> CatalogueEntry | None:
    found = read.number_ident(entry.get("id"))
    if found is None:
        return None
    fingerprint = read.optional_text(entry.get("fingerprint"), 120)
    return CatalogueEntry(found, read.text(entry.get("name")), _told({"fingerprint": fingerprint}))


def _told(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if value is not None}
