"""What somebody did at VPS.org without the panel, told from what the panel did itself.

It is found where the mirror changes, and recorded in the same transaction: a change that cannot
be recorded does not come into the mirror either, and is found again by the next poll.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from controlpanel.accounts.models import Account
from controlpanel.audit.log.recorder import Target, record
from controlpanel.lib import request_id
from controlpanel.lib.scope import Actor, Origin
from controlpanel.servers import labels
from controlpanel.servers.models import OutsideChange, Server
from controlpanel.servers.same import same

PROVIDER: Final = Actor(kind="provider", id="vps.org", name="VPS.org")
WORDS: Final[Mapping[str, str]] = {
    "name": "name",
    "hostname": "hostname",
    "status": "status",
    "ip_address": "IPv4 address",
    "ipv6_address": "IPv6 address",
    "location": "location",
    "plan_id": "plan",
    "plan_name": "plan",
    "os_id": "system",
    "os_name": "system",
    "backups_enabled": "backups",
}
# A name that VPS.org gives to a plan or system is its own: the id tells whether it was changed.
_NAMED: Final = {"plan_name": "plan_id", "os_name": "os_id"}
# What a server may be without. Of all else, none only means that it is not told.
_MAY_BE_NONE: Final = {"hostname", "ip_address", "ipv6_address"}
# Where a status goes by itself: whoever began it is on record already.
_BY_ITSELF: Final[Mapping[str, frozenset[str]]] = {
    "provisioning": frozenset({"active", "starting", "rebooting"}),
    "starting": frozenset({"active"}),
    "stopping": frozenset({"stopped"}),
    "rebooting": frozenset({"active"}),
    "restoring": frozenset({"active", "stopped", "starting"}),
}


class Own(Protocol):
    """What the panel itself asked for lately in an account; whatever follows from it is nobody
    else's."""

    def in_flight(self) -> frozenset[str]:
        """Servers that are being created or deleted: their absence from a list says nothing."""

    def made(self, provider_ids: Collection[str]) -> frozenset[str]:
        """Those that the panel created."""

    def may_have_made(self, name: str) -> bool:
        """A create of this name runs and its server is not known yet."""

    def deletes(self, provider_id: str) -> bool: ...

    def explains(self, provider_id: str, name: str, after: object) -> bool:
        """Whether a field changes like this because of what the panel asked for."""

    def ended_lately(self, provider_id: str) -> bool:
        """A list may still show it as it was before."""


@dataclass(frozen=True, slots=True)
class Change:
    """`kind`: "appeared", "vanished" or "changed"; of the fields only those that differ."""

    kind: str
    server: Server
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


def differences(
    server: Server, values: Mapping[str, Any], own: Own
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of the fields that `values` changes, those that somebody else changed: before and after.

    What was not known before was learned, not changed.
    """
    before, after = {}, {}
    for name in WORDS.keys() & values.keys():
        was, now = getattr(server, name), values[name]
        if was in (None, "") or same(name, was, now) or _is_just_a_name(server, name, values):
            continue
        if now in (None, "") and name not in _MAY_BE_NONE:
            continue
        if name == "status" and now in _BY_ITSELF.get(was, ()):
            continue
        if not own.explains(server.provider_id, name, now):
            before[name], after[name] = was, now
    return before, after


def appeared(server: Server) -> Change:
    return Change("appeared", server, after=_known(server))


def vanished(server: Server) -> Change:
    return Change("vanished", server, before=_known(server))


def write(account: Account, changes: Iterable[Change]) -> None:
    """Last in its transaction: from here on the chain's head is held."""
    changes = list(changes)
    if not changes:
        return
    of_servers = labels.on(change.server for change in changes)
    rows = []
    for change in changes:
        server, theirs = change.server, of_servers.get(change.server.id, [])
        event = record(
            _EVENTS[change.kind],
            chain=str(account.team_id),
            actor=PROVIDER,
            origin=_origin(),
            target=Target("server", server.provider_id, str(server)),
            result="success",
            labels=theirs,
            data=_data(account, change),
        )
        rows.append(
            OutsideChange(
                team_id=account.team_id,
                account=account,
                provider_id=server.provider_id,
                server_name=str(server),
                labels=labels.to_text(theirs),
                kind=change.kind,
                before=dict(change.before),
                after=dict(change.after),
                event_seq=event.seq,
                seen_at=event.at,
            )
        )
    OutsideChange.objects.bulk_create(rows)


def record_trust(account: Account, event: str, **data: str | int) -> None:
    """ "provider.suspicious" or "provider.trusted_again"."""
    record(
        event,
        chain=str(account.team_id),
        actor=PROVIDER,
        origin=_origin(),
        target=Target("account", str(account.id), account.name),
        result="success",
        data=data,
    )


_EVENTS: Final = {
    "appeared": "outside.appeared",
    "vanished": "outside.vanished",
    "changed": "outside.changed",
}


def _data(account: Account, change: Change) -> dict[str, Any]:
    data: dict[str, Any] = {"account": account.name}
    if change.kind == "changed":
        data["fields"] = fields(change.after)
    if change.before:
        data["before"] = dict(change.before)
    if change.after:
        data["after"] = dict(change.after)
    return data


def fields(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(WORDS[name] for name in WORDS if name in set(names)))


def _known(server: Server) -> dict[str, Any]:
    values = {name: getattr(server, name) for name in WORDS}
    return {name: value for name, value in values.items() if value not in (None, "")}


def _is_just_a_name(server: Server, name: str, values: Mapping[str, Any]) -> bool:
    told = _NAMED.get(name)
    if told is None or not getattr(server, told):
        return False
    return bool(values.get(told, getattr(server, told)) == getattr(server, told))


def _origin() -> Origin:
    return Origin(via="worker", request_id=request_id.current())
