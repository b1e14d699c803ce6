"""What panel keys grant, for the audit log."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from controlpanel.accounts.projections import reach
from controlpanel.audit.log.content import JSON, Said
from controlpanel.audit.tables import projections
from controlpanel.audit.tables.projections import Projection, Row
from controlpanel.credentials.models import PanelKey

TABLE: Final = "panel_key"


def of_key(key: PanelKey) -> Said:
    return projections.says(TABLE, key.id, _state(key))


def no_key(key: PanelKey) -> Said:
    """Revoked: it grants nothing any more."""
    return projections.gone(TABLE, key.id)


def _state(key: PanelKey) -> Mapping[str, JSON]:
    return {
        "user": str(key.user_id),
        "account": str(key.account_id),
        "name": key.name,
        "digest": key.digest,
        "permissions": sorted(key.permissions),
        "addresses": sorted(key.addresses),
        "expires": int(key.expires_at.timestamp()),
        **reach(key),
    }


def _rows(chain: str) -> Mapping[str, Row]:
    try:
        team_id = UUID(chain)
    except ValueError:
        return {}
    found = PanelKey.objects.filter(team_id=team_id, revoked_at=None).select_related("user")
    words = _("the panel key %(name)s of %(owner)s")
    return {
        str(one.id): Row(_state(one), words % {"name": one, "owner": one.user}) for one in found
    }


PROJECTION: Final = Projection(
    TABLE,
    gettext_lazy("the panel key"),
    frozenset(
        {
            "panel_key.issued",
            "panel_key.rotated",
            "panel_key.revoked",
            "panel_key.rewrapped",
            "server.replaced",
        }
    ),
    _rows,
)
