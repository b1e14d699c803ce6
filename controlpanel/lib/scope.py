"""Who asks, from where, and what they may do: plain values that every service takes first."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal
from uuid import UUID

Via = Literal["page", "gateway", "worker", "command"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Copied into records as values, so that they outlive the person."""

    # "provider": somebody at VPS.org, without the panel.
    kind: Literal["user", "worker", "command", "provider", "nobody"]
    id: str
    name: str
    role: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from."""

    via: Via
    address: str = ""
    user_agent: str = ""
    request_id: str = ""
    # Name of the panel key that asked, where one did.
    key: str = ""


@dataclass(frozen=True, slots=True)
class Reach:
    """Which of the team's servers a membership or a panel key is for. What is out of reach does
    not exist. Whoever interprets one goes through its `parts`: each of them must hold."""

    kind: Literal["all", "labels", "servers"] = "all"
    # "key" or "key:value"; one of them on a server is enough.
    labels: frozenset[str] = frozenset()
    # The provider's ids.
    servers: frozenset[str] = frozenset()
    # Must hold as well.
    also: "Reach | None" = None

    @property
    def is_all(self) -> bool:
        return all(part.kind == "all" for part in self._chain())

    @property
    def parts(self) -> tuple["Reach", ...]:
        """Plain ones that must hold together; none for everything."""
        return tuple(part for part in self._chain() if part.kind != "all")

    def __and__(self, other: "Reach") -> "Reach":
        """What is within both."""
        found: Reach | None = None
        for part in dict.fromkeys((*self.parts, *other.parts)):
            found = replace(part, also=found)
        return found or EVERYTHING

    def covers(self, label: str) -> bool:
        """Whether something with this label alone is within; "env" covers "env:prod" as well."""
        return all(
            label in part.labels or label.partition(":")[0] in part.labels for part in self.parts
        )

    def _chain(self) -> Iterator["Reach"]:
        part: Reach | None = self
        while part is not None:
            yield replace(part, also=None) if part.also else part
            part = part.also


EVERYTHING = Reach()


@dataclass(frozen=True, slots=True)
class Scope:
    """What `accounts.access` found: only that module makes one."""

    actor: Actor
    origin: Origin
    team_id: UUID
    team_slug: str
    team_name: str
    permissions: frozenset[str] = field(default_factory=frozenset)
    user_id: UUID | None = None
    reach: Reach = EVERYTHING
    # Where a panel key asks: then this is what the key may do, and no more than its creator may.
    key_id: UUID | None = None
    # The team is closed: what is left is to read its log.
    is_closed: bool = False

    def allows(self, permission: str) -> bool:
        return permission in self.permissions
