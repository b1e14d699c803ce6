"""The states of an operation, and every move that is allowed."""

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

KINDS: Final = ("create", "update", "delete", "start", "stop", "reboot")

PERMISSIONS: Final[Mapping[str, str]] = {
    "create": "servers.create",
    "update": "servers.edit",
    "delete": "servers.delete",
    "start": "servers.start",
    "stop": "servers.stop",
    "reboot": "servers.reboot",
}


# The status of a server after which a power action is done.
FINAL: Final = {"start": "active", "stop": "stopped", "reboot": "active"}
# After this the receipt says that it takes unusually long. It is not failed: nobody knows that.
STUCK: Final = timedelta(minutes=30)


class State(Enum):
    REQUESTED = "requested"
    SENDING = "sending"
    ACCEPTED = "accepted"
    OBSERVED = "observed"
    UNKNOWN = "unknown"
    FAILED = "failed"
    CANCELLED = "cancelled"
    NOT_SEEN = "not_seen"
    CLOSED = "closed"

    @property
    def is_open(self) -> bool:
        return bool(MOVES[self])


MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.REQUESTED: frozenset({State.SENDING, State.CANCELLED}),
    State.SENDING: frozenset({State.ACCEPTED, State.FAILED, State.UNKNOWN, State.CANCELLED}),
    State.ACCEPTED: frozenset({State.OBSERVED, State.NOT_SEEN, State.CLOSED}),
    State.UNKNOWN: frozenset(
        {State.ACCEPTED, State.OBSERVED, State.NOT_SEEN, State.FAILED, State.CLOSED}
    ),
    State.OBSERVED: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
    State.NOT_SEEN: frozenset(),
    State.CLOSED: frozenset(),
}

# On its way: what VPS.org says to it nobody has heard yet.
UNANSWERED: Final = (State.REQUESTED.value, State.SENDING.value)
# Ended without being done: rows say so until somebody has taken notice.
UNDONE: Final = (State.FAILED.value, State.NOT_SEEN.value)
OPEN: Final = tuple(state.value for state in State if MOVES[state])

LABELS: Final[Mapping[State, Promise]] = {
    State.REQUESTED: _("requested"),
    State.SENDING: _("sending"),
    State.ACCEPTED: _("accepted"),
    State.OBSERVED: _("observed"),
    State.UNKNOWN: _("unknown"),
    State.FAILED: _("failed"),
    State.CANCELLED: _("cancelled"),
    State.NOT_SEEN: _("not seen"),
    State.CLOSED: _("closed"),
}


class IllegalMove(Exception):
    pass


def check(old: State, new: State) -> None:
    if new not in MOVES[old]:
        raise IllegalMove(f"An operation cannot go from {old.value} to {new.value}.")
