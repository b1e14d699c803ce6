"""The second dialect: another server API that the published clients describe on the same base.

It can be looked at; a call that would change something by the documented paths is refused. Every
shape here is read from the clients or a guess.
"""

from controlpanel.sandbox.shapes import Json, stamp
from controlpanel.sandbox.world import Server, World, uuid_for


def server_uuid(server: Server) -> str:
    return uuid_for("server", server.id)


def find(world: World, account: str, wanted: str) -> Server | None:
    return next((one for one in world.fleet(account) if server_uuid(one) == wanted), None)


def in_list(world: World, server: Server) -> Json:
    return {
        "uuid": server_uuid(server),
        "hostname": server.hostname or server.name,
        "status": server.status,
        "ipv4_addresses": [server.ip_address] if server.ip_address else [],
        "ipv6_addresses": [server.ipv6_address] if server.ipv6_address else [],
        "location_name": _place_name(world, server),
        "plan_name": world.plans[server.plan_id].name,
        "os_name": world.systems[server.os_id].name,
        "deployed": server.status != "provisioning",
        "created_at": stamp(server.created_at),
    }


def detail(world: World, server: Server) -> Json:
    plan, system = world.plans[server.plan_id], world.systems[server.os_id]
    place = world.locations.get(server.location)
    body: Json = {
        "uuid": server_uuid(server),
        "hostname": server.hostname or server.name,
        "status": server.status,
        "ipv4_addresses": [server.ip_address] if server.ip_address else [],
        "ipv6_addresses": [server.ipv6_address] if server.ipv6_address else [],
        "location": {"id": place.id if place else 0, "name": _place_name(world, server)},
        "plan": {
            "uuid": uuid_for("plan", plan.id),
            "ram": plan.memory / 1024,
            "ram_unit": "GB",
            "cpu": plan.vcpus,
            "disk_space": plan.storage,
        },
        "operating_system": {"uuid": uuid_for("family", system.family), "name": system.family},
        "operating_system_version": {"uuid": uuid_for("os", system.id), "name": system.name},
        "deployed": server.status != "provisioning",
        "created_at": stamp(server.created_at),
    }
    if world.settings.root_password:
        body["password"] = world.settings.root_password
    return body


def _place_name(world: World, server: Server) -> str:
    place = world.locations.get(server.location)
    return place.name if place else server.location
