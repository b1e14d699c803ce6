"""Time that goes by after something went wrong, and what it must lead to."""

from datetime import timedelta

from controlpanel.accounts.models import Account
from controlpanel.lib import clock
from controlpanel.operations import sweeper
from controlpanel.operations.models import Operation
from controlpanel.sandbox.server import Sandbox
from tests.people import look


def passes(sandbox: Sandbox, seconds: float) -> None:
    clock.shift(timedelta(seconds=seconds))
    sandbox.advance(seconds)


def settle(sandbox: Sandbox, account: Account) -> None:
    """Workers do what they do until nothing more is to be expected."""
    for seconds in (10, 25, 110, 600, 60):
        passes(sandbox, seconds)
        sweeper.sweep()
        look(account)


def was_applied(sandbox: Sandbox) -> bool:
    calls = sandbox.changes()
    assert len(calls) <= 1, calls
    return bool(calls) and calls[0].applied


def truth(operation: Operation, sandbox: Sandbox) -> str:
    """Where an operation without a usable answer has to end: where VPS.org stands."""
    if operation.kind == "reboot":
        return "unknown"  # nobody can see it; a person closes it
    return "observed" if was_applied(sandbox) else "not_seen"
