from uuid import uuid4

from django.db import models

from controlpanel.accounts.models import Account, Team, User
from controlpanel.lib import clock


class Credential(models.Model):
    """One user's API token for one account, sealed. Opened only in `credentials.clients`."""

    id = models.UUIDField(primary_key=True, default=uuid4)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="credentials")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="credentials")
    sealed = models.TextField()
    fingerprint = models.CharField(max_length=32)
    # Exactly one per account at most: reads, polling and reconciliation use it.
    is_sync = models.BooleanField(default=False)
    # At most one per account bears a name: changes of people without a token of their own are sent
    # with it, where the team's policy says so.
    service_name = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    last_used_at = models.DateTimeField(null=True)
    # Code of the last answer: "ok", or an error's code ("unauthorized", "timeout", …).
    last_result = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("user", "account"), name="credential_once_a_user_and_account"
            ),
            models.UniqueConstraint(
                fields=("account",),
                condition=models.Q(is_sync=True),
                name="credential_one_sync_token_an_account",
            ),
            models.UniqueConstraint(
                fields=("account",),
                condition=~models.Q(service_name=""),
                name="credential_one_service_token_an_account",
            ),
        )

    def __str__(self) -> str:
        return f"{self.fingerprint} of {self.user_id}"


class Revocation(models.Model):
    """What must still be done at VPS.org after somebody left: its API cannot revoke a token.

    Copied as values: neither person, token nor account need exist any more.
    """

    id = models.UUIDField(primary_key=True, default=uuid4)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    person = models.CharField(max_length=254)
    account_name = models.CharField(max_length=120)
    fingerprint = models.CharField(max_length=32)
    created_at = models.DateTimeField(default=clock.now)
    done_at = models.DateTimeField(null=True)
    done_by = models.CharField(max_length=254, blank=True)

    def __str__(self) -> str:
        return f"{self.fingerprint} of {self.person}"
