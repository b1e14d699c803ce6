"""Who and what holds no rights: a row is not as the audit log says (`audit.tables.differences`).

Asked together with the row itself, so that no door needs a query more.
"""

from typing import Final

from django.db.models import BooleanField, Exists, OuterRef, Value
from django.db.models.expressions import RawSQL

from controlpanel.accounts.models import Membership
from controlpanel.audit.models import TableDifference


def _exists(condition: str) -> RawSQL:
    """In words of SQL, which cost Django less to put together: every click asks it."""
    of_team = "SELECT 1 FROM audit_tabledifference AS d WHERE d.team = accounts_membership.team_id"
    return RawSQL(f"EXISTS({of_team}{condition})", (), output_field=BooleanField())  # noqa: S611


# Of a membership: whether it differs, and whether any row of its team does.
COLUMNS: Final = {
    "differs": _exists(" AND d.subject = accounts_membership.user_id"),
    "rows_differ": _exists(""),
}
_of_team = TableDifference.objects.filter(team=OuterRef("team_id"))
MEMBER: Final = Exists(_of_team.filter(subject=OuterRef("user_id")))
ROLE: Final = Exists(_of_team.filter(table=Value("role"), key=OuterRef("slug")))


def of_member(membership: Membership) -> bool:
    """With a query of its own only for a membership that no door has read."""
    known: bool | None = getattr(membership, "differs", None)
    if known is None:
        known = TableDifference.objects.filter(
            team=membership.team_id, subject=membership.user_id
        ).exists()
        membership.differs = known  # type: ignore[attr-defined]
    return known


def in_team(membership: Membership) -> bool:
    return bool(getattr(membership, "rows_differ", False))
