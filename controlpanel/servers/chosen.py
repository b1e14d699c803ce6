"""Reach that names chosen servers, by the provider's ids: it ends with the server that was meant.

Of members, of panel keys, and of invitations that can still be accepted or sent again.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple
from uuid import UUID

from controlpanel.accounts import access
from controlpanel.accounts import projections as of_people
from controlpanel.accounts.models import Invitation, Membership, Team
from controlpanel.audit.log.content import Said
from controlpanel.audit.log.recorder import Target, record
from controlpanel.audit.tables import projections
from controlpanel.credentials.models import PanelKey
from controlpanel.credentials.panel_keys import projections as of_keys
from controlpanel.lib import request_id
from controlpanel.lib.scope import Origin


class _Holder(NamedTuple):
    """A row with such a reach. `kind`: under which its name stands in the event."""

    row: Membership | Invitation | PanelKey
    kind: str
    name: str

    def said(self) -> Said:
        if isinstance(self.row, Membership):
            return of_people.of_member(self.row)
        if isinstance(self.row, Invitation):
            return of_people.of_invitation(self.row)
        return of_keys.of_key(self.row)


def named(team_id: UUID) -> frozenset[str]:
    """The ids that anybody's chosen servers name."""
    return frozenset(one for holder in _holders(team_id) for one in holder.row.reach_servers)


def take_out(team: Team, server: Target, labels: Iterable[str]) -> None:
    """Nobody's chosen servers name this id any more: it is another server's. On record, within
    the transaction that brings the other server in.

    A row that the audit log does not explain is not vouched for, and goes on differing.
    """
    found = [one for one in _holders(team.id) if server.id in one.row.reach_servers]
    if not found:
        return
    said = [one.said() for one in found if _take_out(team, one, server.id)]
    for rows in list(projections.in_parts(said)) or [()]:
        record(
            "server.replaced",
            chain=team.chain,
            actor=access.worker_scope(team).actor,
            origin=Origin(via="worker", request_id=request_id.current()),
            target=server,
            result="success",
            labels=labels,
            rows=rows,
            data={
                kind: sorted(one.name for one in found if one.kind == kind)
                for kind in ("members", "invitations", "keys")
            },
        )


def _take_out(team: Team, holder: _Holder, provider_id: str) -> bool:
    """Whether the log knew the row as it was."""
    is_explained = projections.explains(team.chain, holder.said())
    row = holder.row
    row.reach_servers = [one for one in row.reach_servers if one != provider_id]
    row.save(update_fields=["reach_servers"])
    return is_explained


def _holders(team_id: UUID) -> Iterator[_Holder]:
    """Suspended members and expired keys too: they can come back, with the reach that they had."""
    members = Membership.objects.filter(team_id=team_id, reach_kind="servers")
    for member in members.select_related("user"):
        yield _Holder(member, "members", member.user.email)
    invitations = Invitation.objects.filter(team_id=team_id, accepted_at=None, revoked_at=None)
    for invitation in invitations.filter(reach_kind="servers"):
        yield _Holder(invitation, "invitations", invitation.email)
    for key in PanelKey.objects.filter(team_id=team_id, revoked_at=None, reach_kind="servers"):
        yield _Holder(key, "keys", key.name)
