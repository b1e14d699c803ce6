"""Every route and the right that each verb of it asks for. An unlisted route fails a test."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from controlpanel.audit.models import AuditEvent
from controlpanel.operations.models import Operation
from tests.operations.asks import NEW


@dataclass(frozen=True)
class World:
    """What the routes point at. Their own, another team's, and what does not exist."""

    account: Any
    foreign_account: Any
    unknown_create: Operation
    unknown_reboot: Operation
    foreign_operation: Operation
    event: AuditEvent
    candidate: str


Ids = Callable[[World], dict[str, Any]]


@dataclass(frozen=True)
class Route:
    get: str = ""
    post: str = ""
    ids: Ids = lambda _world: {}
    foreign: Ids | None = None
    absent: Mapping[str, Any] = field(default_factory=dict)
    body: Callable[[World], Mapping[str, Any]] = lambda _world: {}


ABSENT = "00000000-0000-4000-8000-000000000000"


def _server(verb: str, **body: Any) -> Route:
    return Route(
        get=f"servers.{verb}",
        post="" if verb == "view" else f"servers.{verb}",
        ids=lambda _world: {"provider_id": "12345"},
        foreign=lambda _world: {"provider_id": "12353"},
        absent={"provider_id": "999999"},
        body=lambda _world: body,
    )


def _operation(which: str, get: str = "", post: str = "", **body: Any) -> Route:
    return Route(
        get=get,
        post=post,
        ids=lambda world: {"operation_id": getattr(world, which).id},
        foreign=lambda world: {"operation_id": world.foreign_operation.id},
        absent={"operation_id": ABSENT},
        body=lambda world: body | {"provider_id": world.candidate},
    )


def _account(get: str, post: str) -> Route:
    return Route(
        get=get,
        post=post,
        ids=lambda world: {"account_id": world.account.id},
        foreign=lambda world: {"account_id": world.foreign_account.id},
        absent={"account_id": ABSENT},
    )


TEAM_ROUTES: Mapping[str, Route] = {
    "team": Route(get="servers.view"),
    "servers": Route(get="servers.view"),
    "server-new": Route(get="servers.create", post="servers.create", body=lambda _world: NEW),
    "server": _server("view"),
    "server-edit": _server("edit", name="renamed"),
    "server-start": _server("start"),
    "server-stop": _server("stop"),
    "server-reboot": _server("reboot"),
    "server-delete": _server("delete", confirm_name="web-server-01"),
    "operations": Route(get="servers.view"),
    "operation": _operation("unknown_create", get="servers.view"),
    "operation-adopt": _operation("unknown_create", post="servers.create"),
    "operation-close": _operation("unknown_reboot", post="servers.reboot", note="Looked."),
    "audit": Route(get="audit.view"),
    "audit-event": Route(
        get="audit.view",
        ids=lambda world: {"seq": world.event.seq},
        absent={"seq": 999_999},
    ),
    "tokens": Route(get="servers.view", post="tokens.own", body=lambda _world: {"token": "x"}),
    "token-remove": _account("tokens.own", "tokens.own"),
    "account-connect": Route(get="accounts.connect", post="accounts.connect"),
    "account-sync-token": _account("", "accounts.connect"),
    "members": Route(get="members.view"),
}

# Routes that belong to no team: what somebody gets who is not signed in.
OPEN_ROUTES: Mapping[str, int] = {
    "home": 302,
    "healthz": 200,
    "favicon": 302,
    "styleguide": 200,
    "account_login": 200,
    "account_logout": 302,
    "account_signup": 200,
    "account_inactive": 200,
    "account_reauthenticate": 302,
    "account_change_password": 302,
    "account_reset_password": 200,
    "account_reset_password_done": 200,
    "account_reset_password_from_key": 200,
    "account_reset_password_from_key_done": 200,
}
