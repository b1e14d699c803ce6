"""Every route of the gateway and the right it asks for, and every kind of key and what it may do.

Literal, and not read from the code: a route that is not here fails a test.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

VERBS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")

VIEW, CREATE, EDIT, DELETE, START, STOP, REBOOT = (
    f"servers.{verb}" for verb in ("view", "create", "edit", "delete", "start", "stop", "reboot")
)
LOOKS: Final = frozenset({VIEW})
RUNS: Final = LOOKS | {CREATE, EDIT, START, STOP, REBOOT}
ALL: Final = RUNS | {DELETE}

# Those within the reach of a narrow key, each in the state that its call needs.
NEAR: Final = ("12345", "12346", "12347", "12348", "12349")
FAR, FOREIGN, ABSENT = "12352", "12353", "99999"


@dataclass(frozen=True, slots=True)
class Cell:
    """`right`: none for what any key may ask. `near`: the id it is asked of; `done`: the answer to
    whoever may. `none`: nobody can have it, whatever their key."""

    method: str
    path: str
    right: str
    done: int = 200
    near: str = ""
    body: Mapping[str, Any] | None = None


CELLS: Final = (
    Cell("GET", "/servers/", VIEW),
    Cell("POST", "/servers/", CREATE, 201,
         body={"name": "ci-01", "plan_id": 1, "os_id": 5, "location": "us-west"}),
    Cell("GET", "/servers/{id}/", VIEW, near="12345"),
    Cell("PUT", "/servers/{id}/", EDIT, near="12345",
         body={"name": "all", "hostname": "all.example.com", "backups_enabled": True}),
    Cell("PATCH", "/servers/{id}/", EDIT, near="12346", body={"name": "some"}),
    Cell("POST", "/servers/{id}/start/", START, near="12348"),
    Cell("POST", "/servers/{id}/stop/", STOP, near="12347"),
    Cell("POST", "/servers/{id}/reboot/", REBOOT, near="12345"),
    Cell("DELETE", "/servers/{id}/", DELETE, 204, near="12349"),
    Cell("GET", "/plans/", VIEW),
    Cell("GET", "/locations/", VIEW),
    Cell("GET", "/operating-systems/", VIEW),
    Cell("GET", "/ssh-keys/", VIEW),
    Cell("GET", "/account/me/", ""),
    # Its ids are those of operations.
    Cell("GET", "/operations/{operation}/", VIEW, near="near"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose key, and what it may do: `rights` is None for one that is not let in at all."""

    name: str
    rights: frozenset[str] | None
    reach: str = "all"


HOLDERS: Final = (
    Holder("owner", ALL),
    Holder("admin", ALL),
    Holder("operator", RUNS),
    Holder("viewer", LOOKS),
    Holder("auditor", LOOKS),
    Holder("reboots only", frozenset({VIEW, REBOOT})),
    Holder("by label", ALL, "labels"),
    Holder("by servers", ALL, "servers"),
    Holder("of one within a label", RUNS, "labels"),
    Holder("of one demoted to viewer", LOOKS),
    Holder("of one promoted since", LOOKS),
    Holder("from its address", RUNS),
    Holder("rotated, the new one", RUNS),
    Holder("from a wrong address", None),
    Holder("expired", None),
    Holder("revoked", None),
    Holder("rotated without overlap", None),
    Holder("of one suspended", None),
    Holder("of one removed", None),
    Holder("of one deactivated", None),
    Holder("of one without a second step", None),
    Holder("of a closed team", None),
    Holder("of a disconnected account", None),
    Holder("unknown", None),
    Holder("malformed", None),
    Holder("a token of VPS.org", None),
    Holder("none", None),
)


def expected(holder: Holder, cell: Cell, target: str) -> tuple[int, str]:
    """Status and code. `target`: "" without an id in the path, or how near the asked one is."""
    if holder.rights is None:
        return 401, "key_not_accepted"
    if cell.right and cell.right not in holder.rights:
        return 403, "permission_denied"
    if cell.method == "POST" and not target and holder.reach == "servers":
        return 409, "out_of_reach"  # a new server could be none of the chosen ones
    if target in {"foreign", "absent"} or (target == "far" and holder.reach != "all"):
        return 404, "not_found"
    return cell.done, ""


def targets(holder: Holder, cell: Cell) -> tuple[str, ...]:
    if not cell.near:
        return ("",)
    return (
        ("absent", "foreign", "near")
        if holder.reach == "all"
        else ("absent", "foreign", "far", "near")
    )
