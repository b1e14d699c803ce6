from uuid import uuid4

from django.db import models

from controlpanel.accounts.models import Account, Team, User, reach_of
from controlpanel.lib import clock
from controlpanel.lib.scope import Reach


class Credential(models.Model):
    """One user's API token for one account, sealed. Opened only in `credentials.tokens.clients`."""

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


class PanelKey(models.Model):
    """A key for scripts that call the gateway: for one account, in its creator's name.

    Of the key itself there is only a digest (`key_digest`); nobody can read it here.
    """

    id = models.UUIDField(primary_key=True, default=uuid4)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="panel_keys")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="panel_keys")
    # Its creator, who may do all that it may, at any time.
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="panel_keys")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True)
    # Id of the ring's key that made the digest.
    pepper_id = models.CharField(max_length=40)
    fingerprint = models.CharField(max_length=32)
    permissions = models.JSONField(default=list)
    reach_kind = models.CharField(max_length=10, default="all")
    reach_labels = models.JSONField(default=list)
    reach_servers = models.JSONField(default=list)
    # Networks it may come from, "192.0.2.0/24"; none: from anywhere.
    addresses = models.JSONField(default=list)
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.CharField(max_length=254, blank=True)
    replaced_by = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, related_name="replaces"
    )
    # Exact to a minute.
    last_used_at = models.DateTimeField(null=True)
    last_address = models.CharField(max_length=45, blank=True)
    uses = models.BigIntegerField(default=0)
    # When its creator was told that it expires soon.
    warned_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=("expires_at",), name="panel_key_by_expiry"),)

    def __str__(self) -> str:
        return self.name

    @classmethod
    def usable(cls) -> models.QuerySet["PanelKey"]:
        """Neither expired nor revoked; whether its creator may still do anything is not asked."""
        return cls._default_manager.filter(revoked_at=None, expires_at__gt=clock.now())

    @property
    def reach(self) -> Reach:
        return reach_of(self)

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= clock.now()

    @property
    def is_usable(self) -> bool:
        return self.revoked_at is None and not self.is_expired
