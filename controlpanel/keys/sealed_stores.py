"""Who keeps values that a key of the ring made: all that `keys` knows of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Sealed:
    """A stored value: `text` is what `cipher.seal` gave for `context`."""

    id: str
    text: str
    context: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Vault:
    """Sealed values of one purpose, so that they can be sealed again.

    `page(after, limit)`: those that follow the id `after` ("": from the first on), in order.
    `swap(value, text)`: stores `text` if `value.text` still stands there; False if it does not.
    """

    purpose: str
    page: Callable[[str, int], Sequence[Sealed]]
    swap: Callable[[Sealed, str], bool]


@dataclass(frozen=True, slots=True)
class Holder:
    """`name`: what it keeps, as a sentence names it.

    `usage`: how many values need each key, by the key's id; it may take a while.
    `needed`: ids of the keys without which the panel cannot go on, asked at every start.
    """

    name: str
    usage: Callable[[], Mapping[str, int]]
    needed: Callable[[], Iterable[str]] = tuple
    vault: Vault | None = None


_holders: Final[dict[str, Holder]] = {}


def register(holder: Holder) -> None:
    _holders[holder.name] = holder


def registered() -> tuple[Holder, ...]:
    return tuple(_holders.values())
