"""A person's API tokens when they leave: forgotten here, and listed to be revoked at VPS.org."""

from collections.abc import Mapping
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from controlpanel.audit.recorder import Target, record_by
from controlpanel.credentials import services
from controlpanel.credentials.models import Credential, Revocation
from controlpanel.lib import clock
from controlpanel.lib.scope import Scope


def tokens_of(scope: Scope, user_id: UUID) -> QuerySet[Credential]:
    return (
        Credential.objects.filter(user_id=user_id, account__team_id=scope.team_id)
        .select_related("account", "user")
        .order_by("account__name")
    )


def successors(credential: Credential) -> QuerySet[Credential]:
    """Whose token may read the account from now on."""
    others = Credential.objects.filter(account_id=credential.account_id)
    return others.exclude(id=credential.id).select_related("user").order_by("user__email")


def forget(scope: Scope, user_id: UUID, chosen: Mapping[UUID, UUID]) -> list[Revocation]:
    """`chosen`: by account, the credential that becomes its sync token."""
    left = []
    with transaction.atomic():
        for credential in tokens_of(scope, user_id):
            if credential.is_sync and credential.account_id in chosen:
                _succeed(scope, credential, chosen[credential.account_id])
            left.append(
                Revocation.objects.create(
                    team_id=scope.team_id,
                    person=credential.user.email,
                    account_name=credential.account.name,
                    fingerprint=credential.fingerprint,
                )
            )
            services.remove(scope, credential)
    return left


def _succeed(scope: Scope, credential: Credential, successor_id: UUID) -> None:
    successor = successors(credential).filter(id=successor_id).select_related("account").first()
    if successor:
        services.choose_sync_token(scope, successor)


def open_revocations(scope: Scope) -> QuerySet[Revocation]:
    return Revocation.objects.filter(team_id=scope.team_id, done_at=None).order_by("created_at")


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
