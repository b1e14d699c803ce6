"""Which of a server's values an answer told, be it that there is none.

A key that is null clears a value, one that is absent leaves it. What stands there and cannot be
read clears that value as well, and no other.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

# By value of the panel, where either dialect has it. Of an object that is null or of another type
# everything in it is told.
_PLACES: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "name": (("name",),),
    "hostname": (("hostname",),),
    "status": (("status",),),
    "ip_address": (("ip_address",), ("ipv4_addresses",)),
    "ipv6_address": (("ipv6_address",), ("ipv6_addresses",)),
    "location": (("location",), ("location_name",)),
    "plan_id": (("plan", "id"), ("plan", "uuid")),
    "plan_name": (("plan", "name"), ("plan_name",)),
    "vcpus": (("plan", "vcpus"), ("plan", "cpu")),
    "memory": (("plan", "memory"), ("plan", "ram")),
    "storage": (("plan", "storage"), ("plan", "disk_space")),
    "bandwidth": (("plan", "bandwidth"),),
    "os_id": tuple(
        (name, key) for name in ("os", "operating_system_version") for key in ("id", "uuid")
    ),
    "os_name": (("os", "name"), ("operating_system_version", "name"), ("os_name",)),
    "backups_enabled": (("backups_enabled",),),
    "cpu_percent": (("resource_usage", "cpu_percent"),),
    "memory_used": (("resource_usage", "memory_used"),),
    "disk_used": (("resource_usage", "disk_used"),),
    "bandwidth_used": (("resource_usage", "bandwidth_used"),),
    "created_at": (("created_at",),),
    "updated_at": (("updated_at",),),
}
ALL: Final = frozenset(_PLACES)
# documented: what the detail call alone carries (backups: a create's answer too).
DETAIL_ONLY: Final = frozenset(
    {
        "ipv6_address",
        "bandwidth",
        "backups_enabled",
        "cpu_percent",
        "memory_used",
        "disk_used",
        "bandwidth_used",
    }
)


def in_answer(entry: Mapping[str, Any]) -> dict[str, bool]:
    """By name of each value that was told, whether anything stands there."""
    found = {}
    for name, places in _PLACES.items():
        values = [value for place in places for value in _at(entry, place)]
        if values:
            found[name] = any(value not in (None, "", [], {}) for value in values)
    return found


def _at(entry: Mapping[str, Any], place: tuple[str, ...]) -> Iterator[Any]:
    value = entry
    for key in place:
        if not isinstance(value, dict):
            break
        if key not in value:
            return
        value = value[key]
    yield value
