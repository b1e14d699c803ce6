"""Who asks, from where, and what they may do: plain values that every service takes first."""

from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class Reach:
    """Which of the team's servers a membership is for. What is out of reach does not exist."""

    kind: Literal["all", "labels", "servers"] = "all"
    # "key" or "key:value"; one of them on a server is enough.
    labels: frozenset[str] = frozenset()
    # The provider's ids.
    servers: frozenset[str] = frozenset()

    @property
    def is_all(self) -> bool:
        return self.kind == "all"

    def covers(self, label: str) -> bool:
        """Whether something with this label is within; "env" covers "env:prod" as well."""
        return self.is_all or label in self.labels or label.partition(":")[0] in self.labels


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

    def allows(self, permission: str) -> bool:
        return permission in self.permissions
