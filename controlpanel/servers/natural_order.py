"""The order in which people look for names: web-2 before web-10, whatever the case.

Kept in a column, as bytes, so that both databases sort alike and find a page of it in an index.
"""

import re
from typing import Any, Final

from django.db import models

_DIGITS: Final = re.compile(r"([0-9]+)")
# Of the longest names only the beginning counts; an index takes no longer rows.
MOST_BYTES: Final = 1000


def natural_key(text: str) -> bytes:
    """A number is preceded by how many digits it has, without zeros at its beginning."""
    parts = _DIGITS.split(text.casefold())
    return "".join(map(_part, parts)).encode("utf-8", "replace")[:MOST_BYTES]


def _part(text: str) -> str:
    if not _DIGITS.fullmatch(text):
        return text
    digits = text.lstrip("0") or "0"
    return f"{len(digits):03}{digits}"


class NaturalOrderField(models.BinaryField):  # type: ignore[type-arg]
    """The key of what its object is called, written whenever the object is saved or made in bulk.
    A bulk update writes what stands there: it has to be set with the name."""

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:  # noqa: ARG002 Django's
        key = natural_key(str(model_instance))
        setattr(model_instance, self.attname, key)
        return key
