"""Panel keys that were not accepted, on record: the first of an address one by one.

A flood of them does not fill the log. What goes beyond the first ones is counted in this process,
and told as one event a minute.
"""

from typing import Final

import structlog
from django.db import DatabaseError, InterfaceError

from controlpanel.audit.log import refusals, unrecorded_sign_ins
from controlpanel.audit.log.recorder import PANEL, AuditUnavailable, Target, record_now
from controlpanel.audit.log.refusals import EVERY, LeftOut
from controlpanel.credentials.models import PanelKey
from controlpanel.lib import request_id
from controlpanel.lib.scope import Actor, Origin

__all__ = ["ALTOGETHER", "EVERY", "ONE_BY_ONE", "forget", "record", "tell", "tell_in_passing"]

log = structlog.get_logger(__name__)

# Within a minute: for one address and key, and for one chain altogether.
ONE_BY_ONE, ALTOGETHER = 5, 60
_NOBODY: Final = Actor(kind="nobody", id="", name="")


def record(why: str, origin: Origin, key: PanelKey | None) -> None:
    """In the team's chain where the key is known, else in the panel's."""
    tell()
    chain = str(key.team_id) if key else PANEL
    place = (str(key.id) if key else "", refusals.network(origin.address))
    if not _tally.is_among_the_first(
        chain, _NOBODY, why, origin.address, place=place, most=ONE_BY_ONE, altogether=ALTOGETHER
    ):
        return
    try:
        record_now(
            "panel_key.refused",
            chain=chain,
            # Who shows a key that is not accepted may be anybody.
            actor=Actor("nobody", str(key.id) if key else "", key.name if key else ""),
            origin=origin,
            target=Target("panel_key", str(key.id) if key else "", key.name if key else ""),
            result="denied",
            data={
                "phase": why,
                "account": key.account.name if key else "",
                "owner": key.user.email if key else "",
            },
        )
    except (AuditUnavailable, DatabaseError, InterfaceError):
        # It is refused all the same: that nothing can be recorded lets nobody in.
        unrecorded_sign_ins.note("panel_key.refused", key.name if key else "", origin.address)


def _tell(chain: str, actor: Actor, found: LeftOut) -> None:
    count = found.why.total()
    log.warning("panel_key.refusals_left_out", chain=chain, count=count, why=dict(found.why))
    try:
        record_now(
            "panel_key.many_refused",
            chain=chain,
            actor=actor,
            origin=Origin(via="gateway", request_id=request_id.current()),
            target=Target("panel_key", "", ""),
            result="denied",
            data=found.data,  # type: ignore[arg-type]  # JSON, by what it is made of
        )
    except (AuditUnavailable, DatabaseError, InterfaceError):
        unrecorded_sign_ins.note("panel_key.many_refused", "", "")


_tally: Final = refusals.Tally(_tell)
tell, tell_in_passing, forget = _tally.tell, _tally.tell_in_passing, _tally.forget
