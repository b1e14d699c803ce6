"""Through many events by their numbers."""

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from django.db.models import QuerySet

# So many numbers are asked for at once: no query lasts long, and it can be seen to go on.
STRETCH: Final = 20_000
_CHUNK: Final = 1000

T = TypeVar("T")
# Told which share of the way is behind, from 0 to 1; what it raises ends the iteration.
Progress = Callable[[float], None]


def quietly(_share: float) -> None:
    pass


def iterate(
    rows: "QuerySet[Any, T]", until: int, *, since: int = 1, told: Progress = quietly
) -> Iterator[T]:
    """Oldest first, from number `since` to `until`, both included; in memory a few at a time."""
    for start in range(since, until + 1, STRETCH):
        end = min(start + STRETCH - 1, until)
        some = rows.filter(seq__gte=start, seq__lte=end).order_by("seq")
        yield from some.iterator(chunk_size=_CHUNK)
        told((end - since + 1) / (until - since + 1))
