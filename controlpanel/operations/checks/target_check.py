"""A read of a server just before it is deleted: whether it is still the one that was meant.

Between the read and the DELETE somebody may still put another server in its place: the provider has
no call that does both. All that is known before the read is asked again after it.
"""

from datetime import datetime
from typing import Final

from django.utils.translation import gettext as _

from controlpanel.lib.text import clean
from controlpanel.operations.models import Operation
from controlpanel.servers.identity import is_same_moment
from controlpanel.servers.models import Server
from controlpanel.vpsorg.client import Client
from controlpanel.vpsorg.errors import (
    ApiError,
    Forbidden,
    NeverSent,
    NotFound,
    TooManyRequests,
    Unauthorized,
)
from controlpanel.vpsorg.wire import ServerSeen

# Seconds without which the DELETE would only be begun to be given up.
_ENOUGH: Final = 1.0


class NotShown(NeverSent):
    """The read showed no server, so nothing was sent. `code`: how the read ended."""

    @property
    def note(self) -> str:
        return _(
            "The panel looks at a server before it deletes it, and VPS.org did not show this one, "
            "so the deletion was not sent: %(why)s"
        ) % {"why": _(self.sentence)}


def shown_name(name: str, hostname: str, provider_id: str) -> str:
    """What a page calls a server, and what a person types to confirm."""
    names = (clean(name, 255), clean(hostname, 255))
    return next((one for one in names if one), provider_id)


def meant(server: Server, *, confirmed: bool) -> dict[str, str]:
    """What a read must show, to be kept with the operation. `confirmed`: by a person who typed
    what the page calls it; for a script, what the mirror has."""
    name = server.name
    if confirmed:
        name = shown_name(server.name, server.hostname, server.provider_id)
    created = server.created_at.isoformat() if server.created_at else ""
    return {key: value for key, value in (("name", name), ("created_at", created)) if value}


def fetch(client: Client, operation: Operation) -> ServerSeen:
    """The server by its own address. Raises ApiError, of which none means that anything was sent:
    a refusal of the token, of the pace and of the id as it is, all else as NotShown."""
    try:
        seen = client.get_server(operation.provider_id).server
    except (NotFound, Unauthorized, Forbidden, TooManyRequests, NeverSent):
        raise
    except ApiError as error:
        raise NotShown(error.code, words=error.words) from None
    if seen is None:
        raise NotShown("unreadable")
    if client.seconds_left < _ENOUGH:
        raise NotShown("timeout")
    return seen


def is_another(operation: Operation, seen: ServerSeen) -> bool:
    """Whether the read shows something else than was meant when it was asked for."""
    wanted = operation.before
    by_page = operation.panel_key is None
    name = shown_name(seen.name, seen.hostname, seen.id) if by_page else seen.name
    if wanted.get("name", name) != name:
        return True
    created = wanted.get("created_at")
    if not created:
        return False
    if seen.created_at is None:
        return not by_page
    return not is_same_moment(seen.created_at, datetime.fromisoformat(created))
