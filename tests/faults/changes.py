"""The changes a person can ask for, each through its own page."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from controlpanel.lib import ids
from tests.people import ADMIN_TOKEN, OPERATOR_TOKEN, OWNER_TOKEN, Person

BASE: Final = "/teams/acme"
TOKENS: Final = (OWNER_TOKEN, ADMIN_TOKEN, OPERATOR_TOKEN)
NEW_NAME: Final = "fresh-01"
_WEB_ID, _WEB = "12345", ("web-server-01", "web01.example.com")


@dataclass(frozen=True, slots=True)
class Change:
    """`server`: id of the one it is about, none for a create. `method`, `path`: its call."""

    name: str
    kind: str
    method: str
    path: str
    server: str = ""
    form: Mapping[str, str] = field(default_factory=dict)
    role: str = "operator"

    @property
    def is_edit(self) -> bool:
        return self.kind == "update"


_SEEN = {
    "original_name": _WEB[0],
    "original_hostname": _WEB[1],
    "original_backups_enabled": "true",
    "name": _WEB[0],
    "hostname": _WEB[1],
    "backups_enabled": "on",
}
_NEW = {"name": NEW_NAME, "plan_id": "1", "os_id": "5", "location": "us-west"}
_ALL_THREE = {"name": "renamed-01", "hostname": "new.example.com", "backups_enabled": "off"}
_DETAIL = r"/servers/\d+/$"

CREATE = Change("create", "create", "POST", "/servers/$", form=_NEW)
PATCH = Change("patch", "update", "PATCH", _DETAIL, _WEB_ID, {**_SEEN, "name": "renamed-01"})
PUT = Change("put", "update", "PUT", _DETAIL, _WEB_ID, {**_SEEN, **_ALL_THREE})
DELETE = Change(
    "delete", "delete", "DELETE", _DETAIL, "12349", {"confirm_name": "mail-relay"}, "admin"
)
START = Change("start", "start", "POST", "/start/$", "12348")
STOP = Change("stop", "stop", "POST", "/stop/$", "12346")
REBOOT = Change("reboot", "reboot", "POST", "/reboot/$", _WEB_ID)
CHANGES: Final = (CREATE, PATCH, PUT, DELETE, START, STOP, REBOOT)


def address(change: Change) -> str:
    if change.kind == "create":
        return f"{BASE}/servers/new/"
    page = {"update": "edit"}.get(change.kind, change.kind)
    return f"{BASE}/servers/{change.server}/{page}/"


def form_of(change: Change, form_id: str = "") -> dict[str, str]:
    """As a browser sends it."""
    return {"form_id": form_id or ids.new_form_id(), **change.form}


def post(person: Person, change: Change, form_id: str = "") -> Any:
    return person.post(address(change), form_of(change, form_id))
