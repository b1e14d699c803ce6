"""What can be chosen for a new server: learned, never required.

Plans, systems, locations and SSH keys come from the provider's endpoints where they answer, and
from the servers already seen. The create form always takes an id that is not listed here.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from controlpanel.accounts.models import Account
from controlpanel.lib import clock
from controlpanel.servers.models import CatalogueItem
from controlpanel.vpsorg.client import Client
from controlpanel.vpsorg.errors import ApiError
from controlpanel.vpsorg.wire import CatalogueEntry, ServerSeen


@dataclass(frozen=True, slots=True)
class Found:
    kind: str
    provider_id: str
    name: str
    data: dict[str, Any] = field(default_factory=dict)


def learn_from_servers(account: Account, servers: Iterable[ServerSeen]) -> None:
    _keep(account, "seen", _on_servers(servers))


def learn_from_endpoints(account: Account, client: Client) -> None:
    """Asks the four optional endpoints. One that does not answer is no failure."""
    asks: tuple[tuple[str, Callable[[], tuple[CatalogueEntry, ...]]], ...] = (
        ("plan", client.plans),
        ("location", client.locations),
        ("os", client.operating_systems),
        ("ssh_key", client.ssh_keys),
    )
    found = []
    for kind, ask in asks:
        try:
            found += [Found(kind, entry.id, entry.name, entry.data) for entry in ask()]
        except ApiError:
            continue
    _keep(account, "endpoint", found)


def _on_servers(servers: Iterable[ServerSeen]) -> Iterable[Found]:
    for seen in servers:
        if seen.plan and seen.plan.id:
            data = {
                name: value
                for name in ("vcpus", "memory", "storage", "bandwidth")
                if (value := getattr(seen.plan, name)) is not None
            }
            yield Found("plan", seen.plan.id, seen.plan.name, data)
        if seen.os and seen.os.id:
            yield Found("os", seen.os.id, seen.os.name)
        if seen.location:
            yield Found("location", seen.location, seen.location)


def _keep(account: Account, source: str, found: Iterable[Found]) -> None:
    """Writes only what is new or different; what an endpoint told is not undone by a sighting."""
    wanted = {(item.kind, item.provider_id): item for item in found}
    known = {
        (item.kind, item.provider_id): item
        for item in CatalogueItem.objects.filter(account=account)
    }
    new = [
        CatalogueItem(
            account=account,
            kind=item.kind,
            provider_id=item.provider_id,
            name=item.name,
            data=item.data,
            source=source,
        )
        for key, item in wanted.items()
        if key not in known
    ]
    CatalogueItem.objects.bulk_create(new, ignore_conflicts=True)
    for key, item in wanted.items():
        old = known.get(key)
        if old is None or (source == "seen" and old.source != "seen"):
            continue
        if (old.name, old.data, old.source) != (item.name, item.data, source):
            CatalogueItem.objects.filter(id=old.id).update(
                name=item.name, data=item.data, source=source, seen_at=clock.now()
            )
