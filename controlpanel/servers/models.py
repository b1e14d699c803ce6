from collections.abc import Iterable
from typing import ClassVar
from uuid import uuid4

from django.db import models
from django.utils.functional import cached_property

from controlpanel.accounts.models import Account, Team
from controlpanel.lib import clock
from controlpanel.servers.natural_order import NaturalOrderField


class Server(models.Model):
    """The panel's mirror of one VPS.org server, under the provider's own field names."""

    id = models.UUIDField(primary_key=True, default=uuid4)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="servers")
    # Opaque: integers in the documentation, uuid strings in the published clients.
    provider_id = models.CharField(max_length=64)
    name = models.CharField(max_length=255, blank=True)
    # By what it is called: name, else hostname, else id.
    name_order = NaturalOrderField(default=b"")
    hostname = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=64, blank=True)
    ip_address = models.CharField(max_length=45, null=True)  # noqa: DJ001 null while provisioning
    ipv6_address = models.CharField(max_length=45, null=True)  # noqa: DJ001 only in the detail
    location = models.CharField(max_length=64, blank=True)
    plan_id = models.CharField(max_length=64, blank=True)
    plan_name = models.CharField(max_length=255, blank=True)
    vcpus = models.IntegerField(null=True)
    memory = models.IntegerField(null=True)  # MB (guess)
    storage = models.IntegerField(null=True)  # GB (guess)
    bandwidth = models.IntegerField(null=True)  # GB (guess), only in the detail
    os_id = models.CharField(max_length=64, blank=True)
    os_name = models.CharField(max_length=255, blank=True)
    backups_enabled = models.BooleanField(null=True)  # only in create and detail
    cpu_percent = models.FloatField(null=True)
    memory_used = models.FloatField(null=True)  # MB (guess)
    disk_used = models.FloatField(null=True)  # GB (guess)
    bandwidth_used = models.FloatField(null=True)  # GB (guess)
    created_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(null=True)
    # When the provider last showed it in a list or detail, and when in a detail.
    seen_at = models.DateTimeField(default=clock.now)
    detail_at = models.DateTimeField(null=True)
    first_seen_at = models.DateTimeField(default=clock.now)
    # Values that the last answer which should tell them did not: when they were last told, or None
    # for what is not known (never told, or nothing that could be read).
    untold = models.JSONField(default=dict)
    # When somebody last looked at its page: workers fill the detail for those.
    wanted_at = models.DateTimeField(null=True)
    # When a detail call for it last began: one at a time, over all processes.
    asked_at = models.DateTimeField(null=True)
    # When something here last changed: pages ask for what changed since.
    changed_at = models.DateTimeField(default=clock.now)
    # Complete lists in a row that did not have it.
    misses = models.PositiveSmallIntegerField(default=0)
    gone_at = models.DateTimeField(null=True)
    # It may be what a running create of the panel's made: whose it is will turn out.
    unclaimed = models.BooleanField(default=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("account", "provider_id"), name="server_once_an_account"
            ),
        )
        indexes = (
            # The list page reads along this one: fifty rows are read, however many there are.
            models.Index(
                fields=("account", "name_order", "name", "provider_id"),
                condition=models.Q(gone_at__isnull=True),
                name="server_account_order",
            ),
            models.Index(
                fields=("account", "name", "provider_id"),
                condition=models.Q(gone_at__isnull=True),
                name="server_account_name",
            ),
            models.Index(fields=("account", "changed_at"), name="server_account_changed"),
        )

    MOVING: ClassVar[frozenset[str]] = frozenset(
        {"provisioning", "starting", "stopping", "rebooting", "restoring"}
    )

    def __str__(self) -> str:
        return self.name or self.hostname or self.provider_id

    @property
    def own_lock(self) -> "ServerLock | None":
        """On this row; what binds is `held_by`."""
        return getattr(self, "lock", None)

    @cached_property
    def held_by(self) -> "ServerLock | None":
        """The strictest lock on any row of this server, whatever account of the team shows it.
        For many servers `identity.bind` finds them in one query."""
        if not getattr(self, "locked_elsewhere", True):  # see selectors.get
            return self.own_lock
        return ServerLock.binding(self.account, self.provider_id)

    @property
    def is_moving(self) -> bool:
        return self.gone_at is None and self.status in self.MOVING


class ServerLabel(models.Model):
    """The panel's own: "key" or "key:value". VPS.org knows nothing of it."""

    server = models.ForeignKey(Server, on_delete=models.CASCADE, related_name="labels")
    key = models.CharField(max_length=40)
    value = models.CharField(max_length=60, blank=True)

    class Meta:
        ordering = ("key", "value")
        constraints = (
            models.UniqueConstraint(fields=("server", "key", "value"), name="label_once"),
        )
        indexes = (models.Index(fields=("key", "value"), name="label_by_name"),)

    def __str__(self) -> str:
        return f"{self.key}:{self.value}" if self.value else self.key


class ServerLock(models.Model):
    """Somebody's word that this server must stay as it is. It binds every door."""

    LEVELS = (("delete", "delete"), ("changes", "changes"))

    server = models.OneToOneField(
        Server, on_delete=models.CASCADE, primary_key=True, related_name="lock"
    )
    # "delete" refuses just that; "changes" refuses stop, reboot and edit as well.
    level = models.CharField(max_length=10, choices=LEVELS)
    # Copied as values: a lock outlives the person.
    by_id = models.CharField(max_length=64)
    by_name = models.CharField(max_length=254)
    reason = models.CharField(max_length=500)
    at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return f"{self.level} lock by {self.by_name}"

    @classmethod
    def binding(cls, account: Account, provider_id: str) -> "ServerLock | None":
        """The strictest on any row of this server, as of now."""
        same = cls.objects.filter(
            server__provider_id=provider_id,
            server__account__team_id=account.team_id,
            server__account__origin=account.origin,
            server__account__disconnected_at=None,
        )
        return cls.strictest(same.select_related("server__account"))

    @staticmethod
    def strictest(locks: "Iterable[ServerLock | None]") -> "ServerLock | None":
        """One against changes, else the latest."""
        return max((lock for lock in locks if lock), key=ServerLock.strictness, default=None)

    def strictness(self) -> tuple[bool, float, str]:
        return self.level == "changes", self.at.timestamp(), str(self.pk)

    def refuses(self, kind: str) -> bool:
        return kind == "delete" or (
            self.level == "changes" and kind in {"stop", "reboot", "update"}
        )


class AccountSync(models.Model):
    """How the mirror of one account stands: what the pages say about its age and troubles."""

    account = models.OneToOneField(
        Account, on_delete=models.CASCADE, primary_key=True, related_name="sync"
    )
    # When the last complete list arrived.
    ok_at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField(null=True)
    next_at = models.DateTimeField(default=clock.now, db_index=True)
    # Compare-and-set claim, so that one process at a time asks.
    claimed_until = models.DateTimeField(null=True)
    # Empty when well; else an error's code, "list_shrunk", "list_truncated", "no_sync_token".
    trouble = models.CharField(max_length=40, blank=True)
    trouble_words = models.CharField(max_length=300, blank=True)
    # Status of the answer that was the trouble, where there was one.
    trouble_status = models.PositiveSmallIntegerField(null=True)
    trouble_since = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    # When the optional endpoints (plans, locations, …) were last asked.
    catalogue_at = models.DateTimeField(null=True)
    # Kinds of the catalogue of which a whole list has arrived.
    listed_kinds = models.JSONField(default=list)
    # Since when its lists are not believed.
    suspicious_since = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"sync of {self.account_id}"


class OutsideChange(models.Model):
    """What somebody did at VPS.org without the panel, until a person says that it is known."""

    id = models.UUIDField(primary_key=True, default=uuid4)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    provider_id = models.CharField(max_length=64)
    server_name = models.CharField(max_length=255)
    # Of the server as of then, "|env:prod|web|".
    labels = models.TextField(blank=True, default="")
    # "appeared", "vanished" or "changed".
    kind = models.CharField(max_length=10)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    # Number of its event in the team's chain.
    event_seq = models.BigIntegerField()
    seen_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True)
    # Copied as values: history survives people.
    acknowledged_by_id = models.CharField(max_length=64, blank=True)
    acknowledged_by_name = models.CharField(max_length=254, blank=True)
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        indexes = (
            models.Index(
                fields=("team", "-event_seq"),
                condition=models.Q(acknowledged_at__isnull=True),
                name="outside_waiting",
            ),
            models.Index(fields=("account", "provider_id", "-event_seq"), name="outside_of_server"),
        )

    def __str__(self) -> str:
        return f"{self.server_name} {self.kind}"


class CatalogueItem(models.Model):
    """A plan, system, location or SSH key that can be chosen for a new server."""

    KINDS = (
        ("plan", "plan"),
        ("os", "operating system"),
        ("location", "location"),
        ("ssh_key", "SSH key"),
    )

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="catalogue")
    kind = models.CharField(max_length=10, choices=KINDS)
    provider_id = models.CharField(max_length=64)
    name = models.CharField(max_length=255, blank=True)
    # vcpus, memory, storage, bandwidth, price_monthly, locations, … as far as known.
    data = models.JSONField(default=dict)
    # "endpoint", "seen" (on a server) or "hand" (added by a person).
    source = models.CharField(max_length=10)
    # Not while a whole list of its kind lacks it.
    is_offered = models.BooleanField(default=True)
    seen_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("account", "kind", "provider_id"), name="catalogue_item_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.provider_id}"
