"""A person's API tokens when they leave: forgotten here, and listed to be revoked at VPS.org."""

from collections.abc import Mapping
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from controlpanel.accounts.models import Account, Membership
from controlpanel.accounts.teams.members import MemberRefused
from controlpanel.audit.log.recorder import Target, record_by
from controlpanel.credentials.models import Credential, Revocation
from controlpanel.credentials.tokens import services as token_services
from controlpanel.lib import clock
from controlpanel.lib.scope import Scope


def tokens_of(scope: Scope, user_id: UUID) -> QuerySet[Credential]:
    return (
        Credential.objects.filter(user_id=user_id, account__team_id=scope.team_id)
        .select_related("account", "user")
        .order_by("account__name")
    )


def successors(credential: Credential) -> QuerySet[Credential]:
    """Whose token may read the account from now on: of active members, and not refused there."""
    active = Membership.objects.filter(
        team_id=credential.account.team_id, suspended_at=None, user__is_active=True
    )
    others = Credential.objects.filter(
        account_id=credential.account_id, user_id__in=active.values("user_id")
    ).exclude(Q(id=credential.id) | Q(last_result="unauthorized"))
    return others.select_related("user", "account").order_by("user__email")


def forget(scope: Scope, user_id: UUID, chosen: Mapping[UUID, UUID]) -> list[Revocation]:
    """`chosen`: by account, the credential that becomes its sync token. Raises MemberRefused for
    one that cannot."""
    left = []
    with transaction.atomic():
        for credential in tokens_of(scope, user_id):
            if credential.is_sync and credential.account_id in chosen:
                _succeed(scope, credential, chosen[credential.account_id])
            left.append(_forget(scope, credential))
    return left


def forget_account(scope: Scope, account: Account) -> list[Revocation]:
    """Everybody's tokens for an account that is disconnected."""
    with transaction.atomic():
        return [_forget(scope, credential) for credential in tokens_for(account)]


def tokens_for(account: Account) -> QuerySet[Credential]:
    tokens = Credential.objects.filter(account=account).select_related("account", "user")
    return tokens.order_by("user__email")


def _forget(scope: Scope, credential: Credential) -> Revocation:
    left = Revocation.objects.create(
        team_id=scope.team_id,
        person=credential.user.email,
        account_name=credential.account.name,
        fingerprint=credential.fingerprint,
    )
    token_services.remove(scope, credential)
    return left


def _succeed(scope: Scope, credential: Credential, successor_id: UUID) -> None:
    successor = successors(credential).filter(id=successor_id).first()
    if successor is None:
        raise MemberRefused(
            _("The token that was to read “%(account)s” cannot any more. Choose again.")
            % {"account": credential.account.name}
        )
    token_services.choose_sync_token(scope, successor)


def open_revocations(scope: Scope) -> QuerySet[Revocation]:
    return Revocation.objects.filter(team_id=scope.team_id, done_at=None).order_by("created_at")


def newest_ticked(scope: Scope) -> QuerySet[Revocation]:
    return Revocation.objects.filter(team_id=scope.team_id, done_at__isnull=False).order_by(
        "-done_at"
    )


def tick_off(scope: Scope, revocation_id: UUID) -> bool:
    """Somebody has revoked the token at VPS.org. False if that was ticked off already."""
    with transaction.atomic():
        found = open_revocations(scope).filter(id=revocation_id).first()
        if found is None:
            return False
        same = Revocation.objects.filter(id=found.id, done_at=None)
        if same.update(done_at=clock.now(), done_by=scope.actor.name) != 1:
            return False
        record_by(
            scope,
            "token.revoked_outside",
            Target("credential", str(found.id), found.fingerprint),
            account=found.account_name,
            owner=found.person,
        )
    return True
