"""What locks withhold, for the audit log."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from controlpanel.audit.log.content import JSON, Said
from controlpanel.audit.tables import projections
from controlpanel.audit.tables.projections import Projection, Row
from controlpanel.servers.models import Server, ServerLock

TABLE: Final = "lock"


def of_lock(lock: ServerLock) -> Said:
    return projections.says(TABLE, _key(lock.server), _state(lock))


def no_lock(server: Server) -> Said:
    return projections.gone(TABLE, _key(server))


def key(origin: str, provider_id: str) -> str:
    return f"{origin} {provider_id}"


def _key(server: Server) -> str:
    return key(server.account.origin, server.provider_id)


def _state(lock: ServerLock) -> Mapping[str, JSON]:
    return {"level": lock.level, "by": lock.by_id, "reason": lock.reason}


def _rows(chain: str) -> Mapping[str, Row]:
    try:
        team_id = UUID(chain)
    except ValueError:
        return {}
    found = ServerLock.objects.filter(server__account__team_id=team_id)
    words = _("the lock of %(name)s")
    # Copies of a server may each bear one from before they were known to be the same: the last in
    # this order binds, "changes" after all others, as `ServerLock.strictest` says.
    rows = sorted(found.select_related("server__account"), key=ServerLock.strictness)
    return {_key(one.server): Row(_state(one), words % {"name": one.server}) for one in rows}


PROJECTION: Final = Projection(
    TABLE,
    gettext_lazy("the lock of"),
    frozenset({"server.locked", "server.unlocked", "account.disconnected"}),
    _rows,
)
