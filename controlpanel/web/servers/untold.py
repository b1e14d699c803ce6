"""What VPS.org does not tell of a server any more, for its page: since when, or that it is not
known."""

from dataclasses import dataclass
from datetime import datetime

from controlpanel.servers.models import Server
from controlpanel.vpsorg import told


@dataclass(frozen=True, slots=True)
class Untold:
    """`at`: when it was last told. `is_unknown`: it has no value, and that says nothing."""

    at: datetime | None = None
    is_unknown: bool = False


def untold(server: Server) -> dict[str, Untold]:
    """By name of the value."""
    found = {name: _one(server, name) for name in told.ALL}
    # The figures come together, and are as old as the oldest of them.
    ages = [one.at for name, one in found.items() if name.endswith("_used") and one.at]
    return found | {"usage": Untold(min(ages, default=found["cpu_percent"].at))}


def _one(server: Server, name: str) -> Untold:
    since = server.untold.get(name)
    at = datetime.fromisoformat(since) if since else None
    never = name in told.DETAIL_ONLY and server.detail_at is None
    is_empty = getattr(server, name) in (None, "")
    return Untold(at, is_empty and (never or name in server.untold))
