"""The ways out: each takes the text that was queued for it, and delivers it or says why not."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final


class Unreachable(Exception):
    """Nothing can be delivered this way at the moment. `code`: a short word for the log."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Refused(Exception):
    """This message was not taken; others may be.

    `code`: a short word for the log, never content. `for_good`: the other side says that trying
    again is of no use.
    """

    def __init__(self, code: str, *, for_good: bool) -> None:
        super().__init__(code)
        self.code, self.for_good = code, for_good


@dataclass(frozen=True, slots=True)
class Channel:
    """`deliver(body)` returns when the other side has taken the message, within a deadline of its
    own. Raises Unreachable or Refused."""

    name: str
    deliver: Callable[[str], None]


_channels: Final[dict[str, Channel]] = {}


def register(channel: Channel) -> None:
    _channels[channel.name] = channel


def get(name: str) -> Channel:
    """Raises Refused for one that this process does not know."""
    found = _channels.get(name)
    if found is None:
        raise Refused("unknown_channel", for_good=False)
    return found
