"""The door of the API: which path is which call, whose token it is, what a refusal looks like."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from controlpanel.sandbox import calls, checks
from controlpanel.sandbox.calls import Answer, Call, RefusalError
from controlpanel.sandbox.world import Token, World

NO_TOKEN = "Invalid or missing API token"  # noqa: S105  (a message)
NOT_ALLOWED = "You do not have permission to perform this action."
CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class Request:
    """What arrived; `host` is what the client called this server."""

    method: str
    path: str
    query: dict[str, str]
    host: str
    authorization: str
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Route:
    """One verb on one path. Permission words are guesses; an empty one means any active token."""

    do: Callable[[Call], Answer]
    permission: str
    needs_body: bool = False
    optional: bool = False


Verbs = dict[str, Route]

_ROUTES: tuple[tuple[re.Pattern[str], Verbs], ...] = tuple(
    (re.compile(rf"/api/v1{pattern}"), verbs)
    for pattern, verbs in (
        (
            "/servers/",
            {
                "GET": Route(calls.list_servers, "servers:read"),
                "POST": Route(calls.create_server, "servers:write", needs_body=True),
            },
        ),
        (
            "/servers/(?P<id>[^/]+)/",
            {
                "GET": Route(calls.get_server, "servers:read"),
                "PUT": Route(calls.replace_server, "servers:write", needs_body=True),
                "PATCH": Route(calls.modify_server, "servers:write", needs_body=True),
                "DELETE": Route(calls.delete_server, "servers:write"),
            },
        ),
        ("/servers/(?P<id>[^/]+)/start/", {"POST": Route(calls.start_server, "servers:write")}),
        ("/servers/(?P<id>[^/]+)/stop/", {"POST": Route(calls.stop_server, "servers:write")}),
        ("/servers/(?P<id>[^/]+)/reboot/", {"POST": Route(calls.reboot_server, "servers:write")}),
        ("/account/me/", {"GET": Route(calls.account_me, "", optional=True)}),
        ("/plans/", {"GET": Route(calls.list_plans, "servers:read", optional=True)}),
        ("/locations/", {"GET": Route(calls.list_locations, "servers:read", optional=True)}),
        ("/operating-systems/", {"GET": Route(calls.list_systems, "servers:read", optional=True)}),
        (
            "/ssh-keys/",
            {
                "GET": Route(calls.list_keys, "ssh_keys:read", optional=True),
                "POST": Route(calls.add_key, "ssh_keys:write", needs_body=True, optional=True),
            },
        ),
        (
            "/ssh-keys/(?P<id>[^/]+)/",
            {"DELETE": Route(calls.delete_key, "ssh_keys:write", optional=True)},
        ),
    )
)


def handle(world: World, request: Request) -> Answer:
    """Does the call, all or nothing, and says what to answer."""
    try:
        with world.lock:
            return _handle(world, request)
    except checks.InvalidError as invalid:
        return Answer(400, invalid.errors)
    except RefusalError as refusal:
        return _refused(refusal)


def token_of(world: World, request: Request) -> Token | None:
    """The token that came along, be it revoked or not."""
    scheme, _, value = request.authorization.partition(" ")
    return world.token(value.strip()) if scheme.lower() == "bearer" else None


def _handle(world: World, request: Request) -> Answer:
    found = _find(world, request.path)
    if found is None:
        return _redirect_or_absent(world, request)
    verbs, server_id = found
    token = token_of(world, request)
    if token is None or token.revoked:
        raise RefusalError(401, NO_TOKEN)
    route = verbs.get(request.method)
    if route is None:
        return Answer(
            405, {"detail": f'Method "{request.method}" not allowed.'}, {"Allow": ", ".join(verbs)}
        )
    if route.permission and not token.allows(route.permission):
        raise RefusalError(403, NOT_ALLOWED)
    data = _read(request) if route.needs_body else {}
    base = f"http://{request.host}"
    return route.do(Call(world, token, request.path, base, request.query, data, server_id))


def _find(world: World, path: str) -> tuple[Verbs, str] | None:
    for pattern, verbs in _ROUTES:
        match = pattern.fullmatch(path)
        if match is None:
            continue
        if not world.settings.catalogue and any(route.optional for route in verbs.values()):
            return None
        return verbs, match.groupdict().get("id", "")
    return None


def _redirect_or_absent(world: World, request: Request) -> Answer:
    """Guess: a path without its last slash is redirected, whatever the verb."""
    if not request.path.endswith("/") and _find(world, f"{request.path}/"):
        query = f"?{urlencode(request.query)}" if request.query else ""
        return Answer(301, headers={"Location": f"{request.path}/{query}"})
    raise RefusalError(404, "Not found.")


def _read(request: Request) -> dict[str, Any]:
    kind = request.content_type.partition(";")[0].strip().lower()
    if kind != "application/json":
        raise RefusalError(415, f'Unsupported media type "{kind}" in request.')  # guess
    try:
        data = json.loads(request.body)
    except (ValueError, RecursionError):
        raise RefusalError(400, "JSON parse error") from None
    if not isinstance(data, dict):
        raise checks.InvalidError({"non_field_errors": ["Invalid data. Expected an object."]})
    return data


def _refused(refusal: RefusalError) -> Answer:
    headers = {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else {}
    return Answer(refusal.status, {"detail": refusal.detail}, headers)
