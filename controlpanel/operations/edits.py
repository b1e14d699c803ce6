"""What an edit comes to, once the server has been read again: what is mine, what is somebody
else's, and what is left to send."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.translation import gettext as _

from controlpanel.credentials.tokens import clients
from controlpanel.operations.own_changes import OwnChanges
from controlpanel.servers import sync
from controlpanel.servers.models import Server
from controlpanel.servers.same import same
from controlpanel.vpsorg.errors import ApiError, NotFound

FIELDS: Final = ("name", "hostname", "backups_enabled")
# Half of a page's time: the change itself still has to be sent.
READ_SECONDS = clients.PAGE_SECONDS / 2


class CannotRead(Exception):
    """The current values could not be had; the message is a sentence for the person."""


@dataclass(frozen=True, slots=True)
class Edit:
    """`conflicts`: fields that this person and somebody else both changed, as (seen, now)."""

    changes: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict)
    conflicts: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


def compare(
    submitted: Mapping[str, Any], seen: Mapping[str, Any], fresh: Mapping[str, Any]
) -> Edit:
    """`submitted`: the fields that the person gave; `seen`: as they saw them, None where unknown;
    `fresh`: as VPS.org has them now, None where it does not say.

    A field that the person left as they saw it is not theirs: it is never sent.
    """
    changes, before, conflicts = {}, {}, {}
    for name, wanted in submitted.items():
        now = fresh.get(name)
        was = now if seen.get(name) is None else seen[name]
        now = was if now is None else now
        if same(name, wanted, was) or same(name, wanted, now):
            continue
        if not same(name, now, was):
            conflicts[name] = (was, now)
        else:
            changes[name], before[name] = wanted, now
    return Edit(changes, before, conflicts)


def seconds_to_send() -> float:
    """What reading again left of a page's time."""
    return clients.PAGE_SECONDS - READ_SECONDS


def values(server: Server) -> dict[str, Any]:
    return {name: getattr(server, name) for name in FIELDS}


def read_again(server: Server) -> Server:
    """The server as VPS.org has it at this moment. Raises CannotRead."""
    try:
        with clients.page_slot(), clients.sync_client(server.account, READ_SECONDS) as client:
            shown = client.get_server(server.provider_id).server
    except NotFound:
        sync.mark_gone(server.account, server.provider_id, OwnChanges(server.account))
        raise CannotRead(
            _("VPS.org no longer knows this server, so nothing was changed.")
        ) from None
    except (ApiError, clients.NoClient, clients.Busy) as error:
        words = str(error) if isinstance(error, ApiError) else ""
        raise CannotRead(_not_asked(words)) from error
    if shown is None or shown.id != server.provider_id:
        raise CannotRead(_not_asked(""))
    fresh = sync.apply_seen(server.account, shown, detail=True, own=OwnChanges(server.account))
    if fresh is None:
        raise CannotRead(_("This account was disconnected meanwhile, so nothing was changed."))
    return fresh


def _not_asked(words: str) -> str:
    sentence = _("VPS.org could not be asked for the current values, so nothing was changed.")
    return f"{sentence} {words}".strip()
