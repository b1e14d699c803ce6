"""The first word of the log about tables beside it, for rows that are older than that word.

Written once: it says what was found, and proves nothing about the time before.
"""

from collections.abc import Sequence

from django.db import transaction

from controlpanel.audit.log.content import Said
from controlpanel.audit.log.recorder import PANEL, Target, hold, record
from controlpanel.audit.models import AuditEvent, ChainHead
from controlpanel.audit.tables import projections
from controlpanel.audit.tables.projections import BASELINE
from controlpanel.lib import request_id
from controlpanel.lib.scope import Actor, Origin


def take() -> None:
    """Nothing if it was taken before. Raises AuditUnavailable."""
    if AuditEvent.objects.filter(chain=PANEL, event=BASELINE).exists():
        return
    with transaction.atomic():
        hold(PANEL)
        if AuditEvent.objects.filter(chain=PANEL, event=BASELINE).exists():
            return  # by another process meanwhile
        count = sum(_of_team(chain) for chain in _chains())
        _record(PANEL, Target("panel", "", "panel"), (), count)


def _chains() -> list[str]:
    heads = ChainHead.objects.exclude(chain=PANEL).order_by("chain")
    return list(heads.values_list("chain", flat=True))


def _of_team(chain: str) -> int:
    """How many rows there were; none are named again where the team's founding named them."""
    if projections.is_whole(chain):
        return 0
    rows = projections.as_they_are(chain)
    for part in projections.in_parts(rows):
        _record(chain, Target("team", chain, "team"), part, len(part))
    return len(rows)


def _record(chain: str, target: Target, rows: Sequence[Said], count: int) -> None:
    record(
        "tables.baseline",
        chain=chain,
        actor=Actor(kind="command", id="command", name="command line"),
        origin=Origin(via="command", request_id=request_id.current()),
        target=target,
        result="success",
        data={"rows": count},
        rows=rows,
    )
