"""What a first start finds: two accounts, their tokens, plans, places, systems, a few servers."""

from datetime import UTC, datetime

from controlpanel.sandbox.world import (
    FIRST_ID,
    Account,
    Location,
    Plan,
    Server,
    SshKey,
    System,
    Token,
    World,
    ipv4_for,
    ipv6_for,
)

LOCATIONS = (
    Location(1, "us-west", "Los Angeles", "United States", "US"),
    Location(2, "us-east", "New York", "United States", "US"),
    Location(3, "eu-central", "Frankfurt", "Germany", "DE"),
    Location(4, "eu-north", "Copenhagen", "Denmark", "DK"),
    Location(5, "ap-southeast", "Singapore", "Singapore", "SG"),
    Location(6, "sa-east", "São Paulo", "Brazil", "BR", is_active=False),
)

_EVERYWHERE = tuple(place.code for place in LOCATIONS if place.is_active)

PLANS = (
    Plan(
        1, "Standard VPS", "standard", 2, 4096, 80, 2048, 1000, _EVERYWHERE, "For sites and tools."
    ),
    Plan(
        2,
        "Performance VPS",
        "performance",
        4,
        8192,
        160,
        4096,
        2000,
        _EVERYWHERE,
        "For databases and busy applications.",
    ),
    Plan(3, "Starter VPS", "starter", 1, 1024, 25, 1024, 500, _EVERYWHERE, "For trying things."),
    Plan(
        4,
        "Business VPS",
        "business",
        8,
        16384,
        320,
        8192,
        4000,
        ("us-west", "us-east", "eu-central"),
        "For what the company lives on.",
    ),
    Plan(
        5,
        "Legacy VPS",
        "legacy",
        1,
        512,
        10,
        512,
        300,
        _EVERYWHERE,
        "No longer sold.",
        available=False,
    ),
)

SYSTEMS = (
    System(1, "AlmaLinux 9", "AlmaLinux"),
    System(2, "Debian 11", "Debian"),
    System(3, "Debian 12", "Debian"),
    System(4, "Ubuntu 24.04 LTS", "Ubuntu"),
    System(5, "Ubuntu 22.04 LTS", "Ubuntu"),
    System(6, "Rocky Linux 9", "Rocky Linux"),
)


def _at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


ACCOUNTS = (
    ("acme", "ops@acme.example", "Olivia", "Ops", "Acme ApS", 12_500),
    ("globex", "ops@globex.example", "Gina", "Globe", "Globex Corp", 3_000),
)

TOKENS = (
    ("vps_sandbox_acme_owner_0001", "acme-owner", "acme", ("*:*",), False),
    ("vps_sandbox_acme_admin_0001", "acme-admin", "acme", ("*:*",), False),
    ("vps_sandbox_acme_operator_0001", "acme-operator", "acme", ("*:*",), False),
    ("vps_sandbox_acme_readonly_01", "acme-readonly", "acme", ("servers:read",), False),
    ("vps_sandbox_acme_revoked_001", "acme-revoked", "acme", ("*:*",), True),
    ("vps_sandbox_globex_owner_001", "globex-owner", "globex", ("*:*",), False),
)

# account, name, hostname, status, location, plan, system, backups, created, updated
SERVERS = (
    ("acme", "web-server-01", "web01.example.com", "active", "us-west", 1, 5, True,
     "2025-01-10T14:30:00", "2025-01-15T10:20:00"),
    ("acme", "db-server-01", "db01.example.com", "active", "us-east", 2, 3, True,
     "2025-01-12T09:15:00", "2025-01-16T08:45:00"),
    ("acme", "web-server-eu", "web-eu.example.com", "active", "eu-central", 1, 4, False,
     "2025-02-03T08:00:00", "2025-03-01T12:00:00"),
    ("acme", "build-runner", "build.example.com", "stopped", "eu-north", 4, 3, False,
     "2025-02-20T16:45:00", "2025-05-11T19:02:00"),
    ("acme", "mail-relay", "mail.example.com", "active", "eu-north", 3, 1, True,
     "2025-03-08T07:20:00", "2025-03-08T07:25:00"),
    ("acme", "staging-app", "staging.example.com", "stopped", "us-west", 1, 5, False,
     "2025-04-01T10:10:00", "2025-06-02T09:00:00"),
    ("acme", "old-shop", "shop.example.com", "suspended", "us-east", 5, 2, False,
     "2024-06-15T11:00:00", "2025-05-30T00:00:00"),
    ("acme", "cache-sg-01", "cache-sg-01.example.com", "active", "ap-southeast", 2, 6, True,
     "2025-05-19T03:40:00", "2025-05-19T03:44:00"),
    ("globex", "globex-api", "api.globex.example", "active", "us-east", 2, 4, True,
     "2025-03-22T13:00:00", "2025-03-22T13:05:00"),
    ("globex", "globex-lab", "lab.globex.example", "stopped", "eu-central", 3, 3, False,
     "2025-04-14T15:30:00", "2025-04-20T17:00:00"),
)  # fmt: skip

KEYS = (
    ("acme", "ops laptop", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAcmeOpsLaptop ops@acme.example"),
    ("acme", "deploy", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAcmeDeploy00 deploy@acme.example"),
    ("globex", "gina", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGlobexGina00 gina@globex.example"),
)


def stock(world: World) -> None:
    """The catalogue: the same at every start, never saved."""
    world.plans = {plan.id: plan for plan in PLANS}
    world.locations = {place.code: place for place in LOCATIONS}
    world.systems = {system.id: system for system in SYSTEMS}


def fill(world: World) -> None:
    """Back to how a first start finds it; the settings stay."""
    with world.lock:
        stock(world)
        opened = _at("2024-06-01T09:00:00")
        world.accounts = {
            name: Account(name, email, first, last, company, opened, credit)
            for name, email, first, last, company, credit in ACCOUNTS
        }
        world.tokens.clear()
        for value, name, account, permissions, revoked in TOKENS:
            world.add_token(value, Token(name, account, list(permissions), revoked))
        world.keys = {
            number: SshKey(number, account, name, public_key, opened)
            for number, (account, name, public_key) in enumerate(KEYS, start=1)
        }
        world.fleets = {name: {} for name in world.accounts}
        world.next_id, world.offset = FIRST_ID, 0.0
        for row in SERVERS:
            world.add(_server(world.next_id, row))


def _server(
    server_id: int, row: tuple[str, str, str, str, str, int, int, bool, str, str]
) -> Server:
    account, name, hostname, status, location, plan_id, os_id, backups, created, updated = row
    return Server(
        id=server_id,
        account=account,
        name=name,
        hostname=hostname,
        status=status,
        location=location,
        plan_id=plan_id,
        os_id=os_id,
        backups_enabled=backups,
        created_at=_at(created),
        updated_at=_at(updated),
        ip_address=ipv4_for(server_id),
        ipv6_address=ipv6_for(server_id),
    )
