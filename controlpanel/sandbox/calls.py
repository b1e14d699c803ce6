"""One function for each call of the API: what it does to the world, and what it answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from controlpanel.sandbox import checks, second, shapes
from controlpanel.sandbox.world import (
    ConflictError,
    OutOfCreditError,
    Server,
    SshKey,
    Token,
    World,
    uuid_for,
)

MAX_PAGE_SIZE = 100
NO_SERVER = "Server does not exist"


@dataclass(slots=True)
class Answer:
    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    server_id: int | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A call whose token and body have been looked at; `data` is empty where none is read."""

    world: World
    token: Token
    path: str
    base: str
    query: dict[str, str]
    data: dict[str, Any]
    id: str = ""

    @property
    def account(self) -> str:
        return self.token.account

    @property
    def second(self) -> bool:
        return self.world.settings.dialect == "second"


class RefusalError(Exception):
    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def list_servers(call: Call) -> Answer:
    status, location = call.query.get("status"), call.query.get("location")
    servers = [
        server
        for server in call.world.fleet(call.account)
        if (not status or server.status == status) and (not location or server.location == location)
    ]
    shape = second.in_list if call.second else shapes.in_list
    return _listed(call, servers, lambda server: shape(call.world, server), paged=call.second)


def create_server(call: Call) -> Answer:
    if call.second:
        missing = ("hostname", "location", "plan", "os_version")
        errors = {name: [checks.REQUIRED] for name in missing}
        raise checks.InvalidError({k: v for k, v in errors.items() if k not in call.data})
    values = checks.creation(call.world, call.account, call.data)
    try:
        server = call.world.create(call.account, **values)
    except OutOfCreditError:
        raise RefusalError(402, "Insufficient credit") from None
    return Answer(201, shapes.created(call.world, server), server_id=server.id)


def get_server(call: Call) -> Answer:
    if call.second:
        found = second.find(call.world, call.account, call.id)
        if found is None:
            raise RefusalError(404, NO_SERVER)
        return Answer(200, second.detail(call.world, found), server_id=found.id)
    return _detail(call, _server(call))


def replace_server(call: Call) -> Answer:
    server = _server(call)
    call.world.change(server, **checks.replacement(call.data))
    return _detail(call, server)


def modify_server(call: Call) -> Answer:
    """No status is documented; guess: 200, 400 and 404 as for PUT."""
    server = _server(call)
    values = checks.modification(call.data)
    if values:
        call.world.change(server, **values)
    return _detail(call, server)


def delete_server(call: Call) -> Answer:
    server = _server(call)
    call.world.delete(server)
    return Answer(204, server_id=server.id)


def start_server(call: Call) -> Answer:
    return _power(call, call.world.start, "starting")


def stop_server(call: Call) -> Answer:
    return _power(call, call.world.stop, "stopping")


def reboot_server(call: Call) -> Answer:
    return _power(call, call.world.reboot, "rebooting")


def account_me(call: Call) -> Answer:
    return Answer(200, shapes.account_me(call.world.accounts[call.account], call.token))


def list_plans(call: Call) -> Answer:
    place = call.query.get("location")
    plans = [one for one in call.world.plans.values() if not place or place in one.locations]
    return _listed(call, plans, shapes.plan_entry)


def list_locations(call: Call) -> Answer:
    return _listed(call, list(call.world.locations.values()), shapes.location_entry)


def list_systems(call: Call) -> Answer:
    entries = shapes.system_entries(list(call.world.systems.values()))
    return _listed(call, entries, lambda entry: entry)


def list_keys(call: Call) -> Answer:
    keys = [key for key in call.world.keys.values() if key.account == call.account]
    return _listed(call, keys, shapes.key_entry)


def add_key(call: Call) -> Answer:
    name, public_key = checks.ssh_key(call.data)
    world = call.world
    key = SshKey(max(world.keys, default=0) + 1, call.account, name, public_key, world.now())
    world.keys[key.id] = key
    world.dirty = True
    return Answer(201, shapes.key_entry(key))


def delete_key(call: Call) -> Answer:
    for key in call.world.keys.values():
        if key.account == call.account and uuid_for("key", key.id) == call.id:
            del call.world.keys[key.id]
            call.world.dirty = True
            return Answer(204)
    raise RefusalError(404, "SSH key does not exist")


def _server(call: Call) -> Server:
    """Guess: another account's server answers as if it did not exist."""
    known = call.id.isascii() and call.id.isdigit() and len(call.id) < 20 and not call.second
    server = call.world.find(call.account, int(call.id)) if known else None
    if server is None:
        raise RefusalError(404, NO_SERVER)
    return server


def _detail(call: Call, server: Server) -> Answer:
    return Answer(200, shapes.detail(call.world, server), server_id=server.id)


def _power(call: Call, act: Callable[[Server], None], word: str) -> Answer:
    server = _server(call)
    try:
        act(server)
    except ConflictError as conflict:
        raise RefusalError(400, str(conflict)) from None
    return Answer(200, shapes.power(server, word), server_id=server.id)


def _listed(
    call: Call, items: Sequence[Any], shape: Callable[[Any], shapes.Json], *, paged: bool = False
) -> Answer:
    """Whole as documented; in pages (guess) when asked for or when the sandbox is set to."""
    size = call.world.settings.page_size
    if not paged and not size and not {"page", "page_size"} & call.query.keys():
        return Answer(200, {"count": len(items), "results": [shape(item) for item in items]})
    size = min(_positive(call.query.get("page_size", "")) or size or MAX_PAGE_SIZE, MAX_PAGE_SIZE)
    asked = call.query.get("page", "1")
    page, pages = _positive(asked), max(1, -(-len(items) // size))
    if not 1 <= page <= pages:
        raise RefusalError(404, "Invalid page.")
    return Answer(
        200,
        {
            "count": len(items),
            "next": _page_url(call, page + 1) if page < pages else None,
            "previous": _page_url(call, page - 1) if page > 1 else None,
            "results": [shape(item) for item in items[(page - 1) * size : page * size]],
        },
    )


def _positive(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _page_url(call: Call, page: int) -> str:
    return f"{call.base}{call.path}?{urlencode(call.query | {'page': str(page)})}"
