"""Searching servers for a text: names whatever their case, addresses in any spelling.

SQLite folds the case of ASCII only and PostgreSQL by its collation, and neither knows that two
spellings are one address. What the database cannot compare is compared here, so that both find the
same: names with other letters than ASCII, which are few, and IPv6 addresses where one is typed.
"""

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from django.db.models import Q, QuerySet

from controlpanel.lib import spelling
from controlpanel.servers.models import Server

_NOT_ASCII: Final = r"[^ -~]"


def matching(text: str, among: QuerySet[Server]) -> Q:
    """`among`: those that may be found; read only where the database cannot compare."""
    found = Q(name__icontains=text) | Q(hostname__icontains=text) | Q(provider_id=text)
    found |= Q(ip_address__icontains=text.strip())
    plain = spelling.folded(text)
    if plain.isascii():
        found |= Q(name__icontains=plain)
        found |= Q(hostname__icontains=plain.rstrip(".") or plain)  # pasted with its last dot
    more = {*_by_name(text, among)}
    whole = spelling.address(text)
    if whole is not None:
        found |= Q(ip_address=whole)
    # Many a word, "db" for one, stands in half of all IPv6 addresses.
    if ":" in text:
        more |= {*_by_ipv6(text, whole, among)}
    return found | Q(pk__in=more) if more else found


def _by_name(text: str, among: QuerySet[Server]) -> Iterator[UUID]:
    wanted = spelling.folded(text)
    others = Q(name__regex=_NOT_ASCII) | Q(hostname__regex=_NOT_ASCII)
    rows = among.filter(others).order_by().values_list("pk", "name", "hostname")
    for key, name, hostname in rows.iterator():
        if wanted in spelling.folded(name) or wanted in spelling.folded(hostname):
            yield key


def _by_ipv6(text: str, whole: str | None, among: QuerySet[Server]) -> Iterator[UUID]:
    rows = among.exclude(ipv6_address=None).order_by().values_list("pk", "ipv6_address")
    for key, address in rows.iterator():
        known = address or ""
        if spelling.address(known) == whole if whole else spelling.part_of_ipv6(text, known):
            yield key
