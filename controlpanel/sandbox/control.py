"""The door `/_sandbox/`: what a demo or a test does to the provider behind the panel's back."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from threading import Event
from typing import Any

from controlpanel.sandbox import faults, journal, seed, shapes
from controlpanel.sandbox.calls import Answer
from controlpanel.sandbox.faults import Fault, Faults
from controlpanel.sandbox.journal import Journal
from controlpanel.sandbox.world import (
    SERVER_FIELDS,
    Server,
    Settings,
    Token,
    World,
    ipv4_for,
    ipv6_for,
)

PREFIX = "/_sandbox"
DIALECTS = ("documented", "second")
_SETTINGS = {item.name: type(getattr(Settings(), item.name)) for item in fields(Settings)}


class WrongError(Exception):
    """What was asked for cannot be done; the text says why."""


class AbsentError(Exception):
    pass


@dataclass(slots=True)
class Desk:
    """All that the control door reaches."""

    world: World = field(default_factory=World)
    faults: Faults = field(default_factory=Faults)
    journal: Journal = field(default_factory=Journal)
    initial: Settings = field(init=False)
    ended: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self.initial = replace(self.world.settings)

    def reset(self) -> None:
        """As after a first start. Calls that a fault still holds back end without effect."""
        ended, self.ended = self.ended, Event()
        ended.set()
        self.faults.clear()
        with self.world.lock:
            self.world.settings = replace(self.initial)
            seed.fill(self.world)
        self.journal.clear()

    def add_fault(self, fault: Fault) -> Fault:
        if fault.kind == "stale_list":
            fault.frozen = self._lists()
        return self.faults.add(fault)

    def _lists(self) -> dict[str, list[Any]]:
        with self.world.lock:
            return {
                account: [shapes.in_list(self.world, one) for one in self.world.fleet(account)]
                for account in self.world.accounts
            }


@dataclass(frozen=True, slots=True)
class Order:
    desk: Desk
    query: dict[str, str]
    data: dict[str, Any]
    rest: str = ""

    @property
    def world(self) -> World:
        return self.desk.world


def handle(desk: Desk, method: str, path: str, query: dict[str, str], body: bytes) -> Answer:
    area, _, rest = path.removeprefix(PREFIX).strip("/").partition("/")
    do = _ORDERS.get((method, area))
    if do is None:
        return Answer(404, {"detail": f"The control door has no {method} {area or '/'}."})
    try:
        with desk.world.lock:
            return do(Order(desk, query, _read(body), rest))
    except (ValueError, WrongError) as wrong:
        return Answer(400, {"detail": str(wrong)})
    except AbsentError:
        return Answer(404, {"detail": "There is nothing of that name or id."})


def _status(order: Order) -> Answer:
    world = order.world
    return Answer(
        200,
        {
            "now": shapes.stamp(world.now()),
            "settings": asdict(world.settings)
            | {"root_password": "set" if world.settings.root_password else ""},
            "accounts": {
                name: {"credit": account.credit / 100, "servers": len(world.fleets.get(name, {}))}
                for name, account in world.accounts.items()
            },
            "tokens": [asdict(token) for token in world.tokens.values()],
            "faults": len(order.desk.faults.all()),
        },
    )


def _journal(order: Order) -> Answer:
    changing = order.query.get("changing", "") in {"1", "true"}
    since = order.query.get("since", "0")
    entries = order.desk.journal.entries(
        changing=changing, since=int(since) if since.isdigit() else 0
    )
    method, path = order.query.get("method", ""), order.query.get("path", "")
    found = [
        journal.as_json(entry)
        for entry in entries
        if (not method or entry.method == method.upper()) and path in entry.path
    ]
    return Answer(200, {"count": len(found), "results": found})


def _clear_journal(order: Order) -> Answer:
    order.desk.journal.clear()
    return Answer(204)


def _faults(order: Order) -> Answer:
    found = [faults.as_json(fault) for fault in order.desk.faults.all()]
    return Answer(200, {"count": len(found), "results": found})


def _add_fault(order: Order) -> Answer:
    fault = order.desk.add_fault(faults.from_json(order.data))
    return Answer(201, faults.as_json(fault))


def _clear_faults(order: Order) -> Answer:
    order.desk.faults.clear()
    return Answer(204)


def _clock(order: Order) -> Answer:
    order.world.advance(float(_number(order.data.get("advance", 0))))
    return Answer(200, {"now": shapes.stamp(order.world.now()), "offset": order.world.offset})


def _servers(order: Order) -> Answer:
    found = [_shown(order.world, one) for name in order.world.fleets for one in _of(order, name)]
    return Answer(200, {"count": len(found), "results": found})


def _add_server(order: Order) -> Answer:
    """`{"count": n}` adds many; else one, from the fields given, free of charge."""
    world, data = order.world, dict(order.data)
    account = str(data.pop("account", "acme"))
    if account not in world.accounts:
        raise AbsentError
    if "count" in data:
        made = world.add_servers(int(_number(data["count"])), account)
        return Answer(201, {"count": len(made), "first": made[0].id if made else None})
    now, server_id = world.now(), int(_number(data.pop("id", world.next_id)))
    if world.anywhere(server_id) is not None:
        raise WrongError("There is a server with this id.")
    server = Server(
        id=server_id,
        account=account,
        name=f"outside-{server_id}",
        hostname=f"outside-{server_id}.example.com",
        status="active",
        location="us-west",
        plan_id=1,
        os_id=5,
        backups_enabled=False,
        created_at=now,
        updated_at=now,
        ip_address=ipv4_for(server_id),
        ipv6_address=ipv6_for(server_id),
    )
    _set(world, server, data)
    return Answer(201, _shown(world, world.add(server)))


def _change_server(order: Order) -> Answer:
    """`{"stuck": true}` stops what is under way for good, false lets it end now."""
    server = _found(order)
    _set(order.world, server, dict(order.data))
    order.world.change(server)
    return Answer(200, _shown(order.world, server))


def _remove_server(order: Order) -> Answer:
    server = _found(order)
    del order.world.fleets[server.account][server.id]
    order.world.dirty = True
    return Answer(204)


def _credit(order: Order) -> Answer:
    """`amount`: what the account has left."""
    account = order.world.accounts.get(str(order.data.get("account", "acme")))
    if account is None:
        raise AbsentError
    account.credit = round(_number(order.data.get("amount")) * 100)
    order.world.dirty = True
    return Answer(200, {"account": account.name, "credit": account.credit / 100})


def _add_token(order: Order) -> Answer:
    """Adds or replaces the token `token`."""
    data, world = order.data, order.world
    value, account = data.get("token"), str(data.get("account", "acme"))
    if not isinstance(value, str) or not value:
        raise WrongError("`token` is needed.")
    if account not in world.accounts:
        raise AbsentError
    permissions = data.get("permissions", ["*:*"])
    if not isinstance(permissions, list):
        raise WrongError("`permissions` is a list.")
    token = Token(
        str(data.get("name", "added")),
        account,
        [str(item) for item in permissions],
        bool(data.get("revoked", False)),
    )
    world.add_token(value, token)
    return Answer(201, asdict(token))


def _change_token(order: Order) -> Answer:
    """By its name: `{"revoked": true}`, `{"permissions": [...]}`."""
    token = next((one for one in order.world.tokens.values() if one.name == order.rest), None)
    if token is None:
        raise AbsentError
    if "revoked" in order.data:
        token.revoked = bool(order.data["revoked"])
    if isinstance(order.data.get("permissions"), list):
        token.permissions = [str(item) for item in order.data["permissions"]]
    order.world.dirty = True
    return Answer(200, asdict(token))


def _settings(order: Order) -> Answer:
    settings = order.world.settings
    for name, value in order.data.items():
        kind = _SETTINGS.get(name)
        if kind is None:
            raise WrongError(f"There is no setting {name!r}.")
        fits = isinstance(value, (int, float) if kind is float else kind)
        if not fits or (name == "dialect" and value not in DIALECTS):
            raise WrongError(f"{name!r} cannot be {value!r}.")
    for name, value in order.data.items():
        setattr(settings, name, value)
    return _status(order)


def _reset(order: Order) -> Answer:
    order.desk.reset()
    return Answer(204)


_ORDERS: dict[tuple[str, str], Callable[[Order], Answer]] = {
    ("GET", ""): _status,
    ("GET", "journal"): _journal,
    ("DELETE", "journal"): _clear_journal,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): _clear_faults,
    ("POST", "clock"): _clock,
    ("GET", "servers"): _servers,
    ("POST", "servers"): _add_server,
    ("PATCH", "servers"): _change_server,
    ("DELETE", "servers"): _remove_server,
    ("POST", "credit"): _credit,
    ("POST", "tokens"): _add_token,
    ("PATCH", "tokens"): _change_token,
    ("POST", "settings"): _settings,
    ("POST", "reset"): _reset,
}


def _of(order: Order, account: str) -> list[Server]:
    return list(order.world.fleet(account))


def _found(order: Order) -> Server:
    server = order.world.anywhere(int(order.rest)) if order.rest.isdigit() else None
    if server is None:
        raise AbsentError
    return server


def _shown(world: World, server: Server) -> dict[str, Any]:
    stuck = bool(server.goal) and server.due is None
    return shapes.detail(world, server) | {"account": server.account, "stuck": stuck}


def _set(world: World, server: Server, data: dict[str, Any]) -> None:
    stuck = data.pop("stuck", None)
    for name, value in data.items():
        if name not in SERVER_FIELDS or name in {"id", "account"}:
            raise WrongError(f"A server has no {name!r} to set.")
        if name in {"created_at", "updated_at"}:
            _number(value)
        if name == "plan_id" and value not in world.plans:
            raise WrongError("There is no such plan.")
        if name == "os_id" and value not in world.systems:
            raise WrongError("There is no such system.")
    for name, value in data.items():
        setattr(server, name, value)
    if "status" in data and "goal" not in data:
        server.goal, server.due = "", None
    if stuck is not None and server.goal:
        server.due = None if stuck else world.now()


def _read(body: bytes) -> dict[str, Any]:
    data = json.loads(body) if body.strip() else {}
    if not isinstance(data, dict):
        raise WrongError("An object is needed.")
    return data


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongError("A number is needed.")
    return value
