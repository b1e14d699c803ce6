"""What the documented calls answer: which keys, in which order, of which type."""

import math
import zlib
from datetime import UTC, datetime
from typing import Any

from controlpanel.sandbox.world import (
    Account,
    Location,
    Plan,
    Server,
    SshKey,
    System,
    Token,
    World,
    uuid_for,
)

Json = dict[str, Any]
_MONTH = 30 * 86400


def stamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def in_list(world: World, server: Server) -> Json:
    return _head(world, server) | _times(server)


def created(world: World, server: Server) -> Json:
    body = _head(world, server)
    # The answer tells the state at creation, however short provisioning is.
    body |= {"status": "provisioning", "ip_address": None}
    body |= {"backups_enabled": server.backups_enabled} | _times(server)
    body["message"] = "Server is being provisioned. This may take 2-5 minutes."
    return body | _password(world)


def detail(world: World, server: Server) -> Json:
    plan = world.plans[server.plan_id]
    body = {}
    for key, value in _head(world, server).items():
        body[key] = value
        if key == "ip_address":
            body["ipv6_address"] = server.ipv6_address
    body["plan"]["bandwidth"] = plan.bandwidth
    body["backups_enabled"] = server.backups_enabled
    body["resource_usage"] = usage(server, plan, world.now())
    return body | _times(server) | _password(world)


def power(server: Server, status: str) -> Json:
    return {
        "status": "success",
        "message": f"Server is {status}",
        "server": {"id": server.id, "name": server.name, "status": status},
    }


def usage(server: Server, plan: Plan, now: float) -> Json:
    """Plausible, and the same for the same server at the same minute (figures: guess)."""
    share = zlib.crc32(f"{server.id}".encode()) % 1000 / 1000
    minute = int(now // 60)
    age_days = max(0.0, now - server.created_at) / 86400
    disk = plan.storage * min(0.9, 0.15 + 0.4 * share + age_days / 4000)
    month_share = min((now % _MONTH) / _MONTH, age_days / 30)
    running = server.status in {"active", "rebooting"}
    wave = math.sin(minute / 45 + share * 6.3)
    jitter = zlib.crc32(f"{server.id}:{minute}".encode()) % 1000 / 1000
    cpu = 4 + 55 * share + 12 * wave + 14 * (jitter - 0.5)
    memory = plan.memory * (0.25 + 0.45 * share + 0.05 * wave + 0.03 * jitter)
    return {
        "cpu_percent": round(min(max(cpu, 0.3), 100.0), 1) if running else 0.0,
        "memory_used": int(memory) if running else 0,
        "disk_used": 0 if server.status == "provisioning" else int(disk),
        "bandwidth_used": int(plan.bandwidth * (0.1 + 0.6 * share) * month_share),
    }


def account_me(account: Account, token: Token) -> Json:
    return {
        "account": {
            "email": account.email,
            "first_name": account.first_name,
            "last_name": account.last_name,
            "company_name": account.company_name,
            "created_at": stamp(account.created_at),
        },
        "token": {"name": token.name, "permissions": token.permissions},
    }


def plan_entry(plan: Plan) -> Json:
    return {
        "id": plan.id,
        "name": plan.name,
        "slug": plan.slug,
        "vcpus": plan.vcpus,
        "memory": plan.memory,
        "storage": plan.storage,
        "bandwidth": plan.bandwidth,
        "price_monthly": plan.price / 100,
        "price_hourly": round(plan.price / 100 / 720, 3),
        "available": plan.available,
        "locations": list(plan.locations),
        "description": plan.description,
    }


def location_entry(place: Location) -> Json:
    """Guess: `code`, which create asks for and the published clients do not know."""
    return {
        "id": place.id,
        "code": place.code,
        "name": place.name,
        "country_name": place.country_name,
        "country_code": place.country_code,
        "is_active": place.is_active,
    }


def system_entries(systems: list[System]) -> list[Json]:
    """Guess: each version carries the integer `id` that create asks for."""
    families: dict[str, list[Json]] = {}
    for system in systems:
        version = {"uuid": uuid_for("os", system.id), "id": system.id, "name": system.name}
        families.setdefault(system.family, []).append(version)
    return [
        {"uuid": uuid_for("family", family), "name": family, "versions": versions}
        for family, versions in families.items()
    ]


def key_entry(key: SshKey) -> Json:
    """Guess: the integer `id` that create asks for."""
    used = None if key.last_used_at is None else stamp(key.last_used_at)
    digest = uuid_for("fingerprint", key.public_key).replace("-", "")
    return {
        "uuid": uuid_for("key", key.id),
        "id": key.id,
        "name": key.name,
        "fingerprint": ":".join(digest[at : at + 2] for at in range(0, 32, 2)),
        "created_at": stamp(key.created_at),
        "last_used_at": used,
    }


def _head(world: World, server: Server) -> Json:
    plan, system = world.plans[server.plan_id], world.systems[server.os_id]
    return {
        "id": server.id,
        "name": server.name,
        "hostname": server.hostname,
        "status": server.status,
        "ip_address": server.ip_address,
        "location": server.location,
        "plan": {
            "id": plan.id,
            "name": plan.name,
            "vcpus": plan.vcpus,
            "memory": plan.memory,
            "storage": plan.storage,
        },
        "os": {"id": system.id, "name": system.name},
    }


def _times(server: Server) -> Json:
    return {"created_at": stamp(server.created_at), "updated_at": stamp(server.updated_at)}


def _password(world: World) -> Json:
    """Known from a published client: create and detail may carry the root password."""
    password = world.settings.root_password
    return {"password": password} if password else {}
