"""The same changes as a script asks for them, and reads: through the gateway."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.faults.changes import (
    CREATE,
    DELETE,
    NEW_NAME,
    PATCH,
    PUT,
    REBOOT,
    START,
    STOP,
    Change,
)
from tests.gateway.asking import Script


@dataclass(frozen=True, slots=True)
class Call:
    path: str
    done: int
    body: Mapping[str, Any] | None = None


CALLS: Final[Mapping[str, Call]] = {
    CREATE.name: Call(
        "/servers/",
        201,
        {"name": NEW_NAME, "plan_id": 1, "os_id": 5, "location": "us-west"},
    ),
    PATCH.name: Call(f"/servers/{PATCH.server}/", 200, {"name": "renamed-01"}),
    PUT.name: Call(
        f"/servers/{PUT.server}/",
        200,
        {"name": "renamed-01", "hostname": "new.example.com", "backups_enabled": False},
    ),
    DELETE.name: Call(f"/servers/{DELETE.server}/", 204),
    START.name: Call(f"/servers/{START.server}/start/", 200),
    STOP.name: Call(f"/servers/{STOP.server}/stop/", 200),
    REBOOT.name: Call(f"/servers/{REBOOT.server}/reboot/", 200),
}
# Not of the API: what they look at, in the words of `Change`.
LIST = Change("list", "list", "GET", "/servers/$")
SHOW = Change("show", "show", "GET", r"/servers/\d+/$")
READS: Final[Mapping[str, str]] = {LIST.name: "/servers/", SHOW.name: "/servers/12345/"}


def ask(script: Script, change: Change) -> Any:
    call = CALLS[change.name]
    return script.send(change.method, call.path, call.body)
