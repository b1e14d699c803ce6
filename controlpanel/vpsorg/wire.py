"""Between the wire and the panel: the only place that knows the provider's field names.

Tolerant: what is missing, null or of the wrong type becomes None, unknown status words
stay as they are. Both dialects are read; only the documented one is written.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal

from controlpanel.vpsorg import read, told
from controlpanel.vpsorg.read import Unreadable

Dialect = Literal["documented", "second"]

MOST_WORDS: Final = 300
_MOST_PERMISSIONS: Final = 100


@dataclass(frozen=True, slots=True)
class Plan:
    """Memory in MB, storage and bandwidth in GB (guess)."""

    id: str | None
    name: str
    vcpus: int | None = None
    memory: int | None = None
    storage: int | None = None
    bandwidth: int | None = None


@dataclass(frozen=True, slots=True)
class System:
    id: str | None
    name: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Memory in MB, disk and bandwidth in GB (guess)."""

    cpu_percent: float | None
    memory_used: float | None
    disk_used: float | None
    bandwidth_used: float | None


@dataclass(frozen=True, slots=True)
class ServerSeen:
    """A server as one answer showed it.

    `told`: the values that it told, by name (`told.ALL`), be it that there is none. `unreadable`:
    those of them that nobody can make anything of.
    """

    id: str
    name: str = ""
    hostname: str = ""
    status: str = ""
    ip_address: str | None = None
    ipv6_address: str | None = None
    location: str | None = None
    plan: Plan | None = None
    os: System | None = None
    backups_enabled: bool | None = None
    usage: Usage | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    message: str = ""
    told: frozenset[str] = field(default=frozenset(), compare=False)
    unreadable: frozenset[str] = field(default=frozenset(), compare=False)

    @property
    def values(self) -> dict[str, Any]:
        """What was told, by name: None or an empty text where there is none."""
        plan, system = self.plan or Plan(None, ""), self.os or System(None, "")
        usage = self.usage or Usage(None, None, None, None)
        known = {
            "name": self.name,
            "hostname": self.hostname,
            "status": self.status,
            "ip_address": self.ip_address,
            "ipv6_address": self.ipv6_address,
            "location": self.location or "",
            "plan_id": plan.id or "",
            "plan_name": plan.name,
            "vcpus": plan.vcpus,
            "memory": plan.memory,
            "storage": plan.storage,
            "bandwidth": plan.bandwidth,
            "os_id": system.id or "",
            "os_name": system.name,
            "backups_enabled": self.backups_enabled,
            "cpu_percent": usage.cpu_percent,
            "memory_used": usage.memory_used,
            "disk_used": usage.disk_used,
            "bandwidth_used": usage.bandwidth_used,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        }
        return {name: value for name, value in known.items() if name in self.told}

    def without(self, names: frozenset[str]) -> "ServerSeen":
        """The same, but this answer is not asked about those."""
        return replace(self, told=self.told - names)


@dataclass(frozen=True, slots=True)
class Answer:
    """`words`: the provider's message, cleaned. `seconds`: how long the call took. `content`: its
    JSON as it may be passed on."""

    status: int
    words: str
    seconds: float
    content: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class ServerList:
    """`complete`: false when servers are known to be missing from it."""

    servers: tuple[ServerSeen, ...]
    count: int | None
    complete: bool
    answer: Answer
    dialect: Dialect


@dataclass(frozen=True, slots=True)
class PowerAnswer:
    server_status: str | None
    answer: Answer


@dataclass(frozen=True, slots=True)
class ServerAnswer:
    server: ServerSeen | None
    answer: Answer


@dataclass(frozen=True, slots=True)
class AccountSeen:
    """Personal data: never logged."""

    email: str
    token_name: str
    permissions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """Something to choose from; `id` is what create takes: for a location, its code."""

    id: str
    name: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """`complete`: the list arrived whole, and each entry in it can be chosen or was named by the
    id that create takes. Then what is not in it is not offered."""

    entries: tuple[CatalogueEntry, ...]
    complete: bool


def server(body: Any) -> ServerSeen | None:
    """None when it is no object or has no usable id."""
    entry = read.mapping(body)
    found = server_id(entry)
    if found is None:
        return None
    hostname = read.text(entry.get("hostname"))
    seen = ServerSeen(
        id=found,
        name=read.text(entry.get("name")) or (hostname if is_second(entry) else ""),
        hostname=hostname,
        status=read.text(entry.get("status"), 64),
        ip_address=_address(entry, "ip_address", "ipv4_addresses"),
        ipv6_address=_address(entry, "ipv6_address", "ipv6_addresses"),
        location=_location(entry),
        plan=_plan(entry),
        os=_system(entry),
        backups_enabled=read.flag(entry.get("backups_enabled")),
        usage=_usage(entry.get("resource_usage")),
        created_at=read.moment(entry.get("created_at")),
        updated_at=read.moment(entry.get("updated_at")),
        message=read.text(entry.get("message"), MOST_WORDS),
    )
    return _with_told(seen, told.in_answer(entry), named_by_host=is_second(entry))


def _with_told(seen: ServerSeen, stands: dict[str, bool], *, named_by_host: bool) -> ServerSeen:
    if named_by_host and "hostname" in stands:
        stands["name"] = stands.get("name", False) or stands["hostname"]
    shown = replace(seen, told=frozenset(stands))
    unreadable = {name for name, value in shown.values.items() if value in (None, "")}
    return replace(shown, unreadable=frozenset(name for name in unreadable if stands[name]))


def server_id(entry: dict[str, Any]) -> str | None:
    return read.ident(entry.get("id")) or read.ident(entry.get("uuid"))


def is_second(entry: dict[str, Any]) -> bool:
    """Known by its key: `uuid` in the place of `id`."""
    return read.ident(entry.get("id")) is None and read.ident(entry.get("uuid")) is not None


def same_server(body: Any, wanted: str) -> ServerSeen:
    """The server that was asked for. Raises Unreadable for any other."""
    seen = server(body)
    if seen is None or seen.id != wanted:
        raise Unreadable
    return seen


def new_server(body: Any) -> ServerSeen:
    """Raises Unreadable when it has no id: such a server could not be followed."""
    seen = server(body)
    if seen is None:
        raise Unreadable
    return seen.without(told.DETAIL_ONLY - {"backups_enabled"})


def changed_server(body: Any, wanted: str) -> ServerSeen | None:
    """No answer is documented: none is fine, one about another server is not."""
    entry = read.mapping(body)
    if not {"id", "uuid"} & entry.keys():
        return None
    return same_server(entry, wanted).without(told.DETAIL_ONLY)


def power_status(body: Any, wanted: str) -> str | None:
    """The server's new status word. Raises Unreadable when the answer is about another server."""
    if not isinstance(body, dict):
        raise Unreadable
    about = read.mapping(body.get("server"))
    if {"id", "uuid"} & about.keys() and server_id(about) != wanted:
        raise Unreadable
    return read.optional_text(about.get("status"), 64)


def message(body: Any) -> str:
    entry = read.mapping(body)
    return read.text(entry.get("message"), MOST_WORDS) or read.text(entry.get("detail"), MOST_WORDS)


def account(body: Any) -> AccountSeen:
    if not isinstance(body, dict):
        raise Unreadable
    person, token = read.mapping(body.get("account")), read.mapping(body.get("token"))
    permissions = (
        read.text(one, 64) for one in read.sequence(token.get("permissions"))[:_MOST_PERMISSIONS]
    )
    return AccountSeen(
        email=read.text(person.get("email"), 254),
        token_name=read.text(token.get("name"), 120),
        permissions=tuple(one for one in permissions if one),
    )


def server_list(
    entries: Iterable[Any], count: int | None, *, whole: bool, answer: Answer
) -> ServerList:
    """`whole`: every page was read."""
    servers: dict[str, ServerSeen] = {}
    dialect: Dialect = "documented"
    for entry in entries:
        seen = server(entry)
        if seen is None:
            whole = False
            continue
        if is_second(entry):
            dialect = "second"
        else:
            seen = seen.without(told.DETAIL_ONLY)
        servers.setdefault(seen.id, seen)
    complete = whole and (count is None or count <= len(servers))
    return ServerList(tuple(servers.values()), count, complete, answer, dialect)


def _address(entry: dict[str, Any], one: str, many: str) -> str | None:
    found = read.address(entry.get(one))
    if found is not None:
        return found
    return next((ip for value in read.sequence(entry.get(many)) if (ip := _in(value))), None)


def _in(value: Any) -> str | None:
    """Guess: an address alone, or an object that has it."""
    inner = read.mapping(value)
    return read.address(inner.get("address") or inner.get("ip_address") if inner else value)


def _location(entry: dict[str, Any]) -> str | None:
    value = entry.get("location")
    if isinstance(value, dict):
        value = value.get("code") or value.get("name")
    return read.optional_text(value, 64) or read.optional_text(entry.get("location_name"), 64)


def _plan(entry: dict[str, Any]) -> Plan | None:
    inner = read.mapping(entry.get("plan"))
    name = read.text(inner.get("name")) or read.text(entry.get("plan_name"))
    plan = Plan(
        id=server_id(inner),
        name=name,
        vcpus=read.whole(inner.get("vcpus", inner.get("cpu"))),
        memory=read.whole(inner.get("memory", _in_megabytes(inner))),
        storage=read.whole(inner.get("storage", inner.get("disk_space"))),
        bandwidth=read.whole(inner.get("bandwidth")),
    )
    return plan if plan != Plan(None, "") else None


def _in_megabytes(plan: dict[str, Any]) -> float | None:
    """The second dialect gives `ram` with its unit."""
    amount = read.decimal(plan.get("ram"))
    if amount is None:
        return None
    return amount * 1024 if read.text(plan.get("ram_unit")).upper() == "GB" else amount


def _system(entry: dict[str, Any]) -> System | None:
    inner = read.mapping(entry.get("os")) or read.mapping(entry.get("operating_system_version"))
    system = System(
        server_id(inner), read.text(inner.get("name")) or read.text(entry.get("os_name"))
    )
    return system if system != System(None, "") else None


def _usage(value: Any) -> Usage | None:
    if not isinstance(value, dict):
        return None
    names = ("cpu_percent", "memory_used", "disk_used", "bandwidth_used")
    usage = Usage(*(read.decimal(value.get(name)) for name in names))
    return usage if usage != Usage(None, None, None, None) else None
