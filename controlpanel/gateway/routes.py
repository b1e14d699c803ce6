"""What the gateway answers, as literal data: anything else is 404, or 405 with `Allow`."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from controlpanel.vpsorg.read import ID

BASE: Final = "/api/v1"
# This table for programs. It holds nothing of anybody's, so it asks for no key.
DOCUMENT: Final = f"{BASE}/openapi.json"

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Route:
    """`permission`: empty for what any key may ask. `record`: "counted" reads become one event a
    key, route and minute; a "change" is an operation. `body`: JSON Schema of each field; None:
    the call has no body. `codes`: those that the provider documents, or the panel for its own.
    """

    name: str
    method: str
    path: str
    sentence: str
    permission: str = "servers.view"
    record: Literal["counted", "change"] = "counted"
    query: Mapping[str, Schema] = field(default_factory=dict)
    body: Mapping[str, Schema] | None = None
    required: tuple[str, ...] = ()
    codes: tuple[int, ...] = (200, 401)
    # Answered by the panel itself, from nothing but its own data.
    own: bool = False


CURSOR: Final = "cursor"
_PAGING: Final[Mapping[str, Schema]] = {
    # known from published clients, not documented
    "page": {"type": "integer", "minimum": 1, "description": "Which page of a long list."},
    # What is larger is taken for the largest.
    "page_size": {"type": "integer", "description": "At most 100 are answered."},
    # The panel's own: where a link of the provider's has parameters that are not in this list.
    CURSOR: {
        "type": "string",
        "description": "As it stands in next or previous, without other parameters.",
    },
}
_PLACE: Final[Schema] = {"type": "string", "description": "Only those of this location."}
_NAME: Final[Schema] = {
    "type": "string",
    "pattern": "^[A-Za-z0-9-]+$",
    "maxLength": 255,
    "description": "Letters, digits and hyphens.",
}
_HOSTNAME: Final[Schema] = {
    "type": "string",
    "maxLength": 253,
    "description": "A fully qualified domain name.",
}
_BACKUPS: Final[Schema] = {"type": "boolean", "description": "Whether backups are made."}
_CREATE: Final[Mapping[str, Schema]] = {
    "name": _NAME,
    "plan_id": {"type": "integer", "description": "Id of a plan."},
    "os_id": {"type": "integer", "description": "Id of an operating system."},
    "location": {"type": "string", "minLength": 1, "description": "Code of a datacentre."},
    "hostname": _HOSTNAME,
    "ssh_key_id": {"type": "integer", "description": "Id of one SSH key of the account."},
    "backups_enabled": {**_BACKUPS, "default": False},
}
_EDIT: Final[Mapping[str, Schema]] = {
    "name": _NAME,
    "hostname": _HOSTNAME,
    "backups_enabled": _BACKUPS,
}


def _change(name: str, method: str, path: str, sentence: str, right: str, **more: Any) -> Route:
    return Route(name, method, path, sentence, f"servers.{right}", "change", **more)


ROUTES: Final[tuple[Route, ...]] = (
    Route(
        "servers.list",
        "GET",
        "/servers/",
        "All servers of the account that are within the key's reach.",
        query={
            "status": {"type": "string", "description": "Only active, stopped or suspended ones."},
            "location": _PLACE,
            **_PAGING,
        },
        codes=(200, 401, 404),  # guess: 404 for a page that is not there, as Django REST framework
    ),
    _change(
        "servers.create",
        "POST",
        "/servers/",
        "Create a server. It is billed from then on.",
        "create",
        body=_CREATE,
        required=("name", "plan_id", "os_id", "location"),
        codes=(201, 400, 401, 402),
    ),
    Route(
        "servers.show", "GET", "/servers/{id}/", "One server with its usage.", codes=(200, 401, 404)
    ),
    _change(
        "servers.replace",
        "PUT",
        "/servers/{id}/",
        "Set name, hostname and backups together.",
        "edit",
        body=_EDIT,
        required=("name", "hostname", "backups_enabled"),
        codes=(200, 400, 401, 404),
    ),
    _change(
        "servers.update",
        "PATCH",
        "/servers/{id}/",
        "Change some of name, hostname and backups.",
        "edit",
        body=_EDIT,
        codes=(200, 400, 401, 404),
    ),
    _change(
        "servers.delete",
        "DELETE",
        "/servers/{id}/",
        "Delete a server for good. This cannot be undone.",
        "delete",
        codes=(204, 401, 404),
    ),
    _change(
        "servers.start",
        "POST",
        "/servers/{id}/start/",
        "Start a server.",
        "start",
        codes=(200, 400, 401, 404),
    ),
    _change(
        "servers.stop",
        "POST",
        "/servers/{id}/stop/",
        "Ask a server to shut down. A stopped server is still billed.",
        "stop",
        codes=(200, 400, 401, 404),
    ),
    _change(
        "servers.reboot",
        "POST",
        "/servers/{id}/reboot/",
        "Ask a server to restart.",
        "reboot",
        codes=(200, 400, 401, 404),
    ),
    Route(
        "plans.list",
        "GET",
        "/plans/",
        "Plans, where the provider has this address.",
        query={"location": _PLACE, **_PAGING},
        codes=(200, 401, 404),
    ),
    Route(
        "locations.list",
        "GET",
        "/locations/",
        "Locations, where the provider has this address.",
        query=_PAGING,
        codes=(200, 401, 404),
    ),
    Route(
        "systems.list",
        "GET",
        "/operating-systems/",
        "Operating systems, where the provider has this address.",
        query=_PAGING,
        codes=(200, 401, 404),
    ),
    Route(
        "ssh_keys.list",
        "GET",
        "/ssh-keys/",
        "SSH keys of the account, where the provider has this address.",
        query=_PAGING,
        codes=(200, 401, 404),
    ),
    Route(
        "account.me",
        "GET",
        "/account/me/",
        "The key itself, in the provider's shape. Answered by the panel.",
        permission="",
        own=True,
    ),
    Route(
        "operations.show",
        "GET",
        "/operations/{operation}/",
        "How a change stands, and how it ended. The panel's own.",
        codes=(200, 401, 404),
        own=True,
    ),
)

_PARTS: Final = {
    "{id}": f"(?P<id>{ID.pattern})",
    "{operation}": r"(?P<operation>[0-9a-f-]{36})",
}


def _pattern(path: str) -> re.Pattern[str]:
    pattern = re.escape(BASE + path)
    for part, expression in _PARTS.items():
        pattern = pattern.replace(re.escape(part), expression)
    return re.compile(pattern, re.ASCII)


_BY_PATH: Final[Mapping[re.Pattern[str], Mapping[str, Route]]] = {
    _pattern(path): {route.method: route for route in ROUTES if route.path == path}
    for path in dict.fromkeys(route.path for route in ROUTES)
}


@dataclass(frozen=True, slots=True)
class Found:
    route: Route | None
    allowed: Iterable[str] = ()
    id: str = ""


def find(method: str, path: str) -> Found:
    """`route` is None for what is not served; `allowed` then names the path's other methods."""
    if path == DOCUMENT:
        return Found(None, ("GET", "HEAD"))
    for pattern, by_method in _BY_PATH.items():
        match = pattern.fullmatch(path)
        if match:
            named = match.groupdict()
            return Found(by_method.get(method), tuple(by_method), "".join(named.values()))
    return Found(None)
