"""The provider's state: accounts, tokens, credit, servers, and what time does to them."""

import hashlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields

FIRST_ID = 12345
_NAMESPACE = uuid.UUID("6f1c6f2e-52a7-4a6b-9a33-6b9a1f0d7e11")


class OutOfCreditError(Exception):
    """The account cannot afford the plan's price."""


class ConflictError(Exception):
    """The server's state does not allow the call; the text is the provider's answer."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Memory in MB, storage and bandwidth in GB (guess), price in cents a month."""

    id: int
    name: str
    slug: str
    vcpus: int
    memory: int
    storage: int
    bandwidth: int
    price: int
    locations: tuple[str, ...]
    description: str
    available: bool = True


@dataclass(frozen=True, slots=True)
class Location:
    id: int
    code: str
    name: str
    country_name: str
    country_code: str
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class System:
    id: int
    name: str
    family: str


@dataclass(slots=True)
class SshKey:
    id: int
    account: str
    name: str
    public_key: str
    created_at: float
    last_used_at: float | None = None


@dataclass(slots=True)
class Account:
    """`credit` in cents: what is left to create servers with."""

    name: str
    email: str
    first_name: str
    last_name: str
    company_name: str
    created_at: float
    credit: int


@dataclass(slots=True)
class Token:
    """Kept under the token's SHA-256, so that no state file holds a token in clear."""

    name: str
    account: str
    permissions: list[str]
    revoked: bool = False

    def allows(self, permission: str) -> bool:
        area = permission.partition(":")[0]
        return not {permission, f"{area}:*", "*:*"}.isdisjoint(self.permissions)


@dataclass(slots=True)
class Server:
    """`goal` is the status it is on its way to, reached at `due`; no `due`: it never arrives."""

    id: int
    account: str
    name: str
    hostname: str
    status: str
    location: str
    plan_id: int
    os_id: int
    backups_enabled: bool
    created_at: float
    updated_at: float
    ssh_key_id: int | None = None
    ip_address: str | None = None
    ipv6_address: str | None = None
    goal: str = ""
    due: float | None = None


SERVER_FIELDS = tuple(item.name for item in fields(Server))


@dataclass(slots=True)
class Settings:
    """How this provider behaves; not part of the saved state."""

    provision_seconds: float = 20.0
    power_seconds: float = 4.0
    catalogue: bool = True
    dialect: str = "documented"
    page_size: int = 0
    root_password: str = ""


@dataclass(slots=True)
class World:
    settings: Settings = field(default_factory=Settings)
    time_source: Callable[[], float] = time.time
    plans: dict[int, Plan] = field(default_factory=dict)
    locations: dict[str, Location] = field(default_factory=dict)
    systems: dict[int, System] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    keys: dict[int, SshKey] = field(default_factory=dict)
    fleets: dict[str, dict[int, Server]] = field(default_factory=dict)
    next_id: int = FIRST_ID
    offset: float = 0.0
    dirty: bool = False
    lock: threading.RLock = field(default_factory=threading.RLock)

    def now(self) -> float:
        return self.time_source() + self.offset

    def advance(self, seconds: float) -> None:
        with self.lock:
            self.offset += seconds
            self.dirty = True

    def add_token(self, value: str, token: Token) -> None:
        with self.lock:
            self.tokens[digest(value)] = token
            self.dirty = True

    def token(self, value: str) -> Token | None:
        return self.tokens.get(digest(value))

    def fleet(self, account: str) -> Iterator[Server]:
        for server in self.fleets.get(account, {}).values():
            self._settle(server)
            yield server

    def find(self, account: str, server_id: int) -> Server | None:
        server = self.fleets.get(account, {}).get(server_id)
        if server is not None:
            self._settle(server)
        return server

    def anywhere(self, server_id: int) -> Server | None:
        """Whoever's server it is: for the control door, never for a token."""
        found = (self.find(account, server_id) for account in self.fleets)
        return next((server for server in found if server is not None), None)

    def add(self, server: Server) -> Server:
        self.fleets.setdefault(server.account, {})[server.id] = server
        self.next_id = max(self.next_id, server.id + 1)
        self.dirty = True
        return server

    def create(
        self,
        account: str,
        *,
        name: str,
        hostname: str,
        plan_id: int,
        os_id: int,
        location: str,
        ssh_key_id: int | None,
        backups_enabled: bool,
    ) -> Server:
        with self.lock:
            owner, price = self.accounts[account], self.plans[plan_id].price
            if owner.credit < price:
                raise OutOfCreditError
            owner.credit -= price
            now = self.now()
            if ssh_key_id is not None:
                self.keys[ssh_key_id].last_used_at = now
            server = Server(
                id=self.next_id,
                account=account,
                name=name,
                hostname=hostname,
                status="provisioning",
                location=location,
                plan_id=plan_id,
                os_id=os_id,
                backups_enabled=backups_enabled,
                created_at=now,
                updated_at=now,
                ssh_key_id=ssh_key_id,
                goal="active",
                due=now + self.settings.provision_seconds,
            )
            return self.add(server)

    def delete(self, server: Server) -> None:
        """For good. Guess: the plan's price returns to the account's credit."""
        with self.lock:
            del self.fleets[server.account][server.id]
            self.accounts[server.account].credit += self.plans[server.plan_id].price
            self.dirty = True

    def change(self, server: Server, **values: object) -> None:
        with self.lock:
            for name, value in values.items():
                setattr(server, name, value)
            server.updated_at = self.now()
            self.dirty = True

    def start(self, server: Server) -> None:
        if server.status in {"active", "starting", "rebooting"}:
            raise ConflictError("Server is already running")
        if server.status != "stopped":
            raise ConflictError(f"Server is {server.status}")  # guess
        self._begin(server, "starting", "active")

    def stop(self, server: Server) -> None:
        if server.status != "active":
            raise ConflictError("Server is not running")  # guess: no status is documented
        self._begin(server, "stopping", "stopped")

    def reboot(self, server: Server) -> None:
        if server.status != "active":
            raise ConflictError("Server is not running")
        self._begin(server, "rebooting", "active")

    def add_servers(self, count: int, account: str = "acme") -> list[Server]:
        """Many varied active and stopped servers at once, free of charge."""
        with self.lock:
            plans, systems, places = list(self.plans), list(self.systems), list(self.locations)
            now = self.now()
            made = []
            for number in range(count):
                server_id = self.next_id
                server = Server(
                    id=server_id,
                    account=account,
                    name=f"fleet-{server_id}",
                    hostname=f"fleet-{server_id}.example.com",
                    status="stopped" if number % 7 == 3 else "active",
                    location=places[number % len(places)],
                    plan_id=plans[number % len(plans)],
                    os_id=systems[number % len(systems)],
                    backups_enabled=number % 2 == 0,
                    created_at=now - 3600.0 * (number + 1),
                    updated_at=now - 60.0 * (number + 1),
                    ip_address=ipv4_for(server_id),
                    ipv6_address=ipv6_for(server_id),
                )
                made.append(self.add(server))
            return made

    def _begin(self, server: Server, status: str, goal: str) -> None:
        due = self.now() + self.settings.power_seconds
        self.change(server, status=status, goal=goal, due=due)

    def _settle(self, server: Server) -> None:
        if not server.goal or server.due is None or self.now() < server.due:
            return
        if server.ip_address is None:
            server.ip_address = ipv4_for(server.id)
            server.ipv6_address = ipv6_for(server.id)
        server.status, server.updated_at = server.goal, server.due
        server.goal, server.due = "", None


def digest(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()


def ipv4_for(server_id: int) -> str:
    """From the documentation range while it lasts, then from the benchmarking range."""
    number = server_id - FIRST_ID
    if 0 <= number < 240:
        return f"203.0.113.{number + 10}"
    number %= 1 << 17
    return f"198.{18 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def ipv6_for(server_id: int) -> str:
    return f"2001:0db8::{max(server_id - FIRST_ID + 1, 0):x}"


def uuid_for(kind: str, key: object) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"{kind}:{key}"))
