"""The one way an operation changes state: compare-and-set, exactly one row."""

from typing import Any

from controlpanel.lib import clock
from controlpanel.operations.models import Operation
from controlpanel.operations.states import MOVES, State, check

_STAMPS = {
    State.SENDING: "sending_at",
    State.ACCEPTED: "answered_at",
    State.FAILED: "answered_at",
    State.UNKNOWN: "answered_at",
    State.OBSERVED: "observed_at",
}


def can_move(operation: Operation, new: State) -> bool:
    return new in MOVES[State(operation.state)]


def move(operation: Operation, new: State, **fields: Any) -> bool:
    """Moves the row if it still stands where `operation` says; False if somebody was faster.

    Raises IllegalMove for a move that the table does not have.
    """
    old = State(operation.state)
    check(old, new)
    now = clock.now()
    stamp = _STAMPS.get(new)
    if stamp and getattr(operation, stamp) is None:
        fields.setdefault(stamp, now)
    if not new.is_open:
        fields.setdefault("ended_at", now)
        fields.setdefault("next_poll_at", None)
    fields["state"] = new.value
    if Operation.objects.filter(id=operation.id, state=old.value).update(**fields) != 1:
        return False
    for name, value in fields.items():
        setattr(operation, name, value)
    return True
