"""Colours of teams and accounts. Never alone: always beside a name."""

from collections.abc import Iterable, Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# The scales of the style sheets, in the order in which they are given out.
COLOURS: Final[Mapping[str, Promise]] = {
    "indigo": _("indigo"),
    "amber": _("amber"),
    "green": _("green"),
    "red": _("red"),
    "blue": _("blue"),
    "slate": _("grey"),
}


def next_unused(taken: Iterable[str]) -> str:
    """The first that nobody has yet; once all are taken, the one with the fewest."""
    used = list(taken)
    return min(COLOURS, key=used.count)
