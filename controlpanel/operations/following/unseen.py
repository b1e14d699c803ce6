"""When a change that VPS.org accepted is said to be not seen, and what was seen instead.

A create is not among them: VPS.org gave its server an id, and while that answers the server is
there and is billed, whatever its status says. Nor is a reboot, of which nothing need be seen.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils.translation import gettext as _

from controlpanel.lib import clock
from controlpanel.lib.text import clean
from controlpanel.operations import sightings
from controlpanel.operations.models import Operation
from controlpanel.servers.same import same
from controlpanel.vpsorg.wire import ServerSeen

# Since the answer; for all but an update, since the last word that it is under way as well.
_AFTER: Final[Mapping[str, timedelta]] = {
    "update": timedelta(minutes=2),
    "start": timedelta(minutes=10),
    "stop": timedelta(minutes=10),
    "delete": timedelta(minutes=10),
}
_MOST: Final = 120


def is_overdue(operation: Operation) -> bool:
    after = _AFTER.get(operation.kind)
    return after is not None and clock.now() - _since(operation) > after


def is_under_way(operation: Operation, server: ServerSeen) -> bool:
    return server.status in sightings.UNDER_WAY.get(operation.kind, ())


def instead(operation: Operation, server: ServerSeen | None) -> str:
    """A sentence; `server` is None where VPS.org answered that there is none."""
    if server is None:
        return _("VPS.org accepted it, and now it knows no server of this id.")
    if operation.kind != "update":
        status = clean(server.status, 64)
        if not status:
            return _("VPS.org accepted it, and the server is there. Its status is not told.")
        return _("VPS.org accepted it, and shows the server as “%(status)s”.") % {"status": status}
    return _("VPS.org accepted it, and still shows %(values)s.") % {
        "values": ", ".join(_values(operation.body, server))
    }


def _since(operation: Operation) -> datetime:
    answered = operation.answered_at or operation.sending_at or operation.requested_at
    signs = [] if operation.kind == "update" else sightings.signs(operation)
    return max([answered, *(one.until for one in signs)])


def _values(body: Mapping[str, Any], server: ServerSeen) -> Iterator[str]:
    for name, wanted in body.items():
        value = getattr(server, name, None)
        if not same(name, value, wanted):
            shown = _("not known") if value in (None, "") else clean(value, _MOST)
            yield f"{name}: {shown}"
