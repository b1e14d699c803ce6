"""What can be chosen for a new server: learned, never required.

Plans, systems, locations and SSH keys come from the provider's endpoints where they answer, and
from the servers already seen. The create form always takes an id that is not listed here.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from controlpanel.accounts.models import Account
from controlpanel.lib import clock
from controlpanel.servers.models import AccountSync, CatalogueItem
from controlpanel.vpsorg.client import Client
from controlpanel.vpsorg.errors import ApiError
from controlpanel.vpsorg.wire import Catalogue, ServerSeen


@dataclass(frozen=True, slots=True)
class Found:
    kind: str
    provider_id: str
    name: str
    data: dict[str, Any] = field(default_factory=dict)


def learn_from_servers(account: Account, servers: Iterable[ServerSeen]) -> None:
    """What a server has need not be for sale any more: where a whole list of its kind has arrived,
    that alone tells what is offered."""
    synced = AccountSync.objects.filter(account=account)
    listed = synced.values_list("listed_kinds", flat=True).first() or []
    _keep(account, "seen", _on_servers(servers), not_offered=frozenset(listed))


def learn_from_endpoints(account: Account, client: Client) -> None:
    """Asks the four optional endpoints. One that does not answer is no failure."""
    asks: tuple[tuple[str, Callable[[], Catalogue]], ...] = (
        ("plan", client.plans),
        ("location", client.locations),
        ("os", client.operating_systems),
        ("ssh_key", client.ssh_keys),
    )
    found: list[Found] = []
    whole = set()
    for kind, ask in asks:
        try:
            told = ask()
        except ApiError:
            continue
        found += [Found(kind, entry.id, entry.name, entry.data) for entry in told.entries]
        if told.complete:
            whole.add(kind)
    _keep(account, "endpoint", found)
    _withdraw(account, whole, found)


def _withdraw(account: Account, whole: set[str], found: Iterable[Found]) -> None:
    """What a list that arrived whole does not have is not offered, unless a person added it. It
    stays known by its name: servers have it."""
    listed = {(item.kind, item.provider_id) for item in found}
    items = CatalogueItem.objects.filter(account=account, kind__in=whole).exclude(source="hand")
    for item in items:
        is_offered = (item.kind, item.provider_id) in listed
        if item.is_offered != is_offered:
            CatalogueItem.objects.filter(id=item.id).update(is_offered=is_offered)
    synced = AccountSync.objects.filter(account=account).first()
    if synced is not None and not whole <= set(synced.listed_kinds):
        kinds = sorted(whole.union(synced.listed_kinds))
        AccountSync.objects.filter(account=account).update(listed_kinds=kinds)


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


def _keep(
    account: Account,
    source: str,
    found: Iterable[Found],
    not_offered: Collection[str] = frozenset(),
) -> None:
    """Writes only what is new or different; what an endpoint told is not undone by a sighting.

    `not_offered`: kinds of which a new item is known, and no more.
    """
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
            is_offered=item.kind not in not_offered,
        )
        for key, item in wanted.items()
        if key not in known
    ]
    CatalogueItem.objects.bulk_create(new, ignore_conflicts=True)
    for key, item in wanted.items():
        old = known.get(key)
        if old is None or (source == "seen" and old.source != "seen"):
            continue
        if old.source == "hand":
            continue  # a person's own words stay
        if (old.name, old.data, old.source) != (item.name, item.data, source):
            CatalogueItem.objects.filter(id=old.id).update(
                name=item.name, data=item.data, source=source, seen_at=clock.now()
            )
