"""Disconnecting an account and closing a team: refused while something is under way there.

Whoever asks for a change holds the account's row, and so does this: never both at once.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from controlpanel.accounts import access, projections
from controlpanel.accounts.models import Account, OwnershipOffer, Team
from controlpanel.accounts.teams import invitations, ownership_transfer
from controlpanel.audit.checkpoints import delivery
from controlpanel.audit.log.content import JSON
from controlpanel.audit.log.recorder import Target, record_by
from controlpanel.credentials.models import PanelKey, Revocation
from controlpanel.credentials.panel_keys import services as panel_key_services
from controlpanel.credentials.tokens import offboarding
from controlpanel.lib import clock
from controlpanel.lib.scope import Scope
from controlpanel.operations.models import IS_OPEN, Operation
from controlpanel.servers.disconnect import forget


class CannotClose(Exception):
    """Nothing was done; the message is a sentence for the person.

    `operations`: what is still under way, oldest first.
    """

    def __init__(self, sentence: str, operations: Iterable[Operation] = ()) -> None:
        super().__init__(sentence)
        self.operations = tuple(operations)


def why_not_disconnect(scope: Scope, account: Account) -> CannotClose | None:
    assert account.team_id == scope.team_id
    return _busy(Operation.objects.filter(IS_OPEN, account=account))


def why_not_close(scope: Scope) -> CannotClose | None:
    return _busy(Operation.objects.filter(IS_OPEN, team_id=scope.team_id))


def disconnect(scope: Scope, account: Account) -> list[Revocation]:
    """Its tokens and servers leave; operations and records still name it. Returns what must be
    revoked at VPS.org. Raises CannotClose."""
    with _held(scope, "accounts.connect"):
        held = Account.objects.select_for_update().get(id=account.id, team_id=scope.team_id)
        if held.disconnected_at:
            return []
        _raise(why_not_disconnect(scope, held))
        return _disconnect(scope, held)


def close(scope: Scope) -> list[Revocation]:
    """Nobody enters the team from now on; all that it recorded stays. Returns what must be
    revoked at VPS.org: nobody can come back to read it. Raises CannotClose."""
    with _held(scope, "team.manage") as team:
        # In one order, so that two who hold several never wait for each other.
        connected = Account.objects.select_for_update().filter(
            team_id=scope.team_id, disconnected_at=None
        )
        accounts = list(connected.order_by("id"))
        _raise(why_not_close(scope))
        # Those of accounts that were disconnected earlier as well: at none of them is a door left.
        keys = panel_key_services.revoke_all(
            scope, panel_key_services.usable_in(team), "team_closed"
        )
        tokens = [one for account in accounts for one in _disconnect(scope, account)]
        for invitation in invitations.open_ones(scope):
            invitations.revoke(scope, invitation)
        _end_offer(scope)
        delivery.end(team.chain)
        team.closed_at = clock.now()
        team.save(update_fields=["closed_at"])
        record_by(
            scope,
            "team.closed",
            Target("team", str(team.id), team.name),
            rows=[projections.of_team(team)],
            accounts=[account.name for account in accounts],
            tokens=_told(tokens),
            keys=_told_keys(keys),
        )
    return [*offboarding.open_revocations(scope)]


@contextmanager
def _held(scope: Scope, permission: str) -> Iterator[Team]:
    """A transaction that holds the team. Raises access.Denied for somebody who has lost the right
    meanwhile, on record: not within the transaction that this ends."""
    try:
        with transaction.atomic():
            # Not the key: whoever asks for a change holds an account, whose row names the team.
            team = Team.objects.select_for_update(no_key=True).get(id=scope.team_id)
            _refuse_demoted(access.as_now(scope), permission)
            yield team
    except access.Denied as denied:
        access.require(denied.scope, denied.permission, "")
        raise


def _refuse_demoted(now: Scope, permission: str) -> None:
    if not now.allows(permission):
        raise access.Denied(now, permission)


def _disconnect(scope: Scope, account: Account) -> list[Revocation]:
    keys = panel_key_services.revoke_all(
        scope, panel_key_services.usable_for(account), "account_disconnected"
    )
    tokens = offboarding.forget_account(scope, account)
    servers = forget(account)
    # What it is recognised by goes as well: the same one can be connected again.
    account.disconnected_at, account.identity = clock.now(), ""
    account.save(update_fields=["disconnected_at", "identity"])
    record_by(
        scope,
        "account.disconnected",
        Target("account", str(account.id), account.name),
        servers=servers,
        tokens=_told(tokens),
        keys=_told_keys(keys),
    )
    return tokens


def _end_offer(scope: Scope) -> None:
    for offered in OwnershipOffer.objects.filter(team_id=scope.team_id).select_related("receiver"):
        ownership_transfer.end(scope, offered, "ownership.withdrawn")


def _busy(operations: QuerySet[Operation]) -> CannotClose | None:
    under_way = list(operations.order_by("requested_at"))
    if not under_way:
        return None
    return CannotClose(
        _("Changes are still under way. Wait until each has ended, or close its receipt."),
        under_way,
    )


def _raise(refusal: CannotClose | None) -> None:
    if refusal:
        raise refusal


def _told(tokens: Iterable[Revocation]) -> list[JSON]:
    return [
        {"fingerprint": one.fingerprint, "owner": one.person, "account": one.account_name}
        for one in tokens
    ]


def _told_keys(keys: Iterable[PanelKey]) -> list[JSON]:
    return [{"name": one.name, "owner": one.user.email} for one in keys]
