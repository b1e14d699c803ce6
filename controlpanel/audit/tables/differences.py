"""Rows beside the log that differ from it: found by workers and by command, confirmed by people.

Nothing is put back: what is right, people decide.
"""

from collections.abc import Iterable
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError, transaction
from django.utils.translation import gettext as _

from controlpanel.audit.log.content import Said
from controlpanel.audit.log.recorder import PANEL, AuditUnavailable, Target, record_by, record_now
from controlpanel.audit.models import ChainHead, TableDifference
from controlpanel.audit.tables import projections
from controlpanel.audit.tables.projections import Difference
from controlpanel.lib import clock, request_id
from controlpanel.lib.scope import Actor, Origin, Scope

log = structlog.get_logger(__name__)

WORKER = Actor(kind="worker", id="worker", name="worker")
# Of one event; the pages and the command name all.
_NAMED = 20


class NotConfirmed(Exception):
    """Nothing was confirmed; the message is a sentence for the person."""


def sentence(one: Difference) -> str:
    """Which row it is, and what the log says of it."""
    names = {"row": one.words[:1].upper() + one.words[1:], "seq": one.seq}
    if not one.found:
        return _("%(row)s is not there, though event #%(seq)s says so.") % names
    if not one.seq:
        return _("%(row)s is there, and no event says so.") % names
    return _("%(row)s is not as event #%(seq)s says.") % names


def check_all() -> list[Difference]:
    """Of all teams. Keeps what differs, and tells what is new of it in the team's chain."""
    chains = ChainHead.objects.exclude(chain=PANEL).order_by("chain")
    return [one for chain in chains.values_list("chain", flat=True) for one in check(chain)]


def check(chain: str) -> list[Difference]:
    """What was found counts even where it cannot be kept."""
    found = projections.compare(chain)
    try:
        with transaction.atomic():
            fresh = _keep_all(chain, found)
    except (DatabaseError, InterfaceError) as error:
        log.warning("audit.difference_not_kept", chain=chain, error=type(error).__name__)
        return found
    if fresh:
        _tell(chain, fresh)
    return found


def _keep_all(chain: str, found: list[Difference]) -> list[Difference]:
    """What is new of it."""
    known = {(one.table, one.key): one for one in TableDifference.objects.filter(chain=chain)}
    now = {(one.table, one.key): one for one in found}
    for place in known.keys() - now.keys():
        known[place].delete()
    fresh = [
        one for place, one in now.items() if place not in known or known[place].found != one.found
    ]
    for one in fresh:
        _keep(one)
    return fresh


def of_chain(chain: str) -> list[Difference]:
    """As they are at this moment, for a page that shows or confirms them."""
    return projections.compare(chain)


def confirm(scope: Scope, chosen: Iterable[tuple[str, str, str]], reason: str) -> int:
    """`chosen`: table, key and digest of each row as it was shown. Returns how many there were.

    Whoever asks has made sure that the person may. Raises NotConfirmed.
    """
    wanted = set(chosen)
    chain = str(scope.team_id)
    with transaction.atomic():
        those = [
            one for one in projections.compare(chain) if (one.table, one.key, one.found) in wanted
        ]
        if not those or len(those) != len(wanted):
            raise NotConfirmed(_("Something has changed meanwhile. Look at the list again."))
        _refuse_own(scope, those)
        TableDifference.objects.filter(
            chain=chain, key__in=[one.key for one in those], table__in={one.table for one in those}
        ).delete()
        for part in projections.in_parts(those):
            record_by(
                scope,
                "tables.confirmed",
                Target("team", chain, scope.team_name),
                reason=reason,
                rows=[Said(one.table, one.key, one.found or None) for one in part],
                what=[sentence(one) for one in part[:_NAMED]],
                count=len(part),
            )
    return len(those)


def _refuse_own(scope: Scope, those: list[Difference]) -> None:
    if scope.user_id and any(one.key == str(scope.user_id) for one in those):
        raise NotConfirmed(_("Nobody confirms their own membership."))


def _keep(one: Difference) -> None:
    try:
        subject = UUID(one.key)
    except ValueError:
        subject = None
    try:
        team = UUID(one.chain)
    except ValueError:
        team = None
    TableDifference.objects.update_or_create(
        chain=one.chain,
        table=one.table,
        key=one.key,
        defaults={"team": team, "subject": subject, "found": one.found, "at": clock.now()},
    )


def _tell(chain: str, fresh: list[Difference]) -> None:
    what = [sentence(one) for one in fresh]
    log.error("audit.tables_differ", chain=chain, what=what)
    try:
        record_now(
            "tables.differ",
            chain=chain,
            actor=WORKER,
            origin=Origin(via="worker", request_id=request_id.current()),
            target=Target("team", chain, "team"),
            result="failure",
            data={"what": what[:_NAMED], "count": len(what)},
        )
    except AuditUnavailable as error:
        log.warning("audit.difference_not_recorded", chain=chain, error=str(error))
