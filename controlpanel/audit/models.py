from functools import cached_property
from typing import Any
from uuid import uuid4

from django.db import models

from controlpanel.audit import hashing
from controlpanel.audit.review_models import (
    AuditVisit,
    RefusalDay,
    ReviewCursor,
    ReviewItem,
    ReviewRules,
    SeenAddress,
)
from controlpanel.lib import clock

__all__ = [
    "AuditEvent",
    "AuditVisit",
    "ChainHead",
    "Checkpoint",
    "CheckpointChain",
    "RefusalDay",
    "ReviewCursor",
    "ReviewItem",
    "ReviewRules",
    "SeenAddress",
    "SigningKey",
    "TableDifference",
    "TargetHead",
]


class AuditEvent(models.Model):
    """One immutable record. Its columns are derived from `canonical`, for searching.

    No foreign keys: a cascade would erase evidence. `seq` is its number in its chain, without gaps.
    """

    pk = models.CompositePrimaryKey("chain", "seq")
    chain = models.CharField(max_length=40)
    seq = models.BigIntegerField()
    at = models.DateTimeField()
    event = models.CharField(max_length=60)
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=64)
    actor_name = models.CharField(max_length=254)
    actor_role = models.CharField(max_length=40)
    target_kind = models.CharField(max_length=32)
    target_id = models.CharField(max_length=64)
    target_name = models.CharField(max_length=255)
    # Its number in its target's own history within the chain, and the hash of that history's event
    # before. 0 and "": recorded in format 1, which knew no such history.
    target_seq = models.BigIntegerField(default=0)
    target_prev = models.CharField(max_length=64, default="")
    result = models.CharField(max_length=10)
    via = models.CharField(max_length=10)
    address = models.CharField(max_length=45)
    request_id = models.CharField(max_length=64)
    operation_id = models.CharField(max_length=64)
    # Those of the server it is about, as of writing: "|env|env:prod|".
    labels = models.TextField(blank=True, default="")
    # The exact text that was hashed.
    canonical = models.TextField()
    prev_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)
    mac_key_id = models.CharField(max_length=40)
    mac = models.CharField(max_length=64)

    class Meta:
        indexes = (
            models.Index(fields=("chain", "event", "-seq"), name="audit_by_event"),
            models.Index(fields=("chain", "actor_id", "-seq"), name="audit_by_actor"),
            models.Index(
                fields=("chain", "target_kind", "target_id", "-seq"), name="audit_by_target"
            ),
            models.Index(fields=("chain", "at"), name="audit_by_time"),
            models.Index(fields=("chain", "request_id", "-seq"), name="audit_by_request"),
            models.Index(fields=("chain", "result", "-seq"), name="audit_by_result"),
        )

    def __str__(self) -> str:
        return f"{self.event} #{self.seq}"

    @cached_property
    def content(self) -> dict[str, Any]:
        """All that was recorded, the parts that have no column included."""
        content: dict[str, Any] = hashing.parse(self.canonical)
        return content

    @property
    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = self.content["data"]
        return data

    @property
    def phase(self) -> str:
        return str(self.data.get("phase", ""))

    @property
    def reason(self) -> str:
        return str(self.content["reason"])

    @property
    def user_agent(self) -> str:
        return str(self.content["origin"]["user_agent"])

    @property
    def key(self) -> str:
        """Name of the panel key that asked, where one did."""
        return str(self.content["origin"].get("key", ""))


class ChainHead(models.Model):
    """Where a chain stands, under a MAC of its own: a cut tail contradicts it."""

    chain = models.CharField(primary_key=True, max_length=40)
    seq = models.BigIntegerField()
    hash = models.CharField(max_length=64)
    mac_key_id = models.CharField(max_length=40)
    mac = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.chain} #{self.seq}"


class TargetHead(models.Model):
    """Where the history of one target stands. It moves only while its chain's head is locked."""

    pk = models.CompositePrimaryKey("chain", "kind", "target")
    chain = models.CharField(max_length=40)
    kind = models.CharField(max_length=32)
    target = models.CharField(max_length=64)
    seq = models.BigIntegerField()
    hash = models.CharField(max_length=64)
    mac_key_id = models.CharField(max_length=40)
    mac = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.chain} {self.kind} {self.target} #{self.seq}"


class Checkpoint(models.Model):
    """A signed statement of where all chains stood. `statement` is the exact text signed."""

    number = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    statement = models.TextField()
    key_id = models.CharField(max_length=40)
    signature = models.CharField(max_length=128)

    def __str__(self) -> str:
        return f"checkpoint #{self.number}"


class CheckpointChain(models.Model):
    """What a checkpoint says of one chain; written only when the chain moved since the last one.

    `secret` salts the leaves, so that a proof tells nothing of what stands beside it.
    """

    pk = models.CompositePrimaryKey("chain", "checkpoint")
    chain = models.CharField(max_length=40)
    checkpoint = models.BigIntegerField()
    seq = models.BigIntegerField()
    hash = models.CharField(max_length=64)
    targets = models.BigIntegerField()
    targets_root = models.CharField(max_length=64)
    secret = models.CharField(max_length=64)
    leaf = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.chain} #{self.seq} in checkpoint #{self.checkpoint}"


class SigningKey(models.Model):
    """The public half of a key that signed checkpoints. Kept when the key itself is retired."""

    key_id = models.CharField(primary_key=True, max_length=40)
    public = models.CharField(max_length=64)

    def __str__(self) -> str:
        return self.key_id


class Delivery(models.Model):
    """Where a team wants its checkpoints sent, one row a way, and how that goes. The row is the
    queue: what is due stands in `next_at`."""

    pk = models.CompositePrimaryKey("chain", "way")
    chain = models.CharField(max_length=40)
    way = models.CharField(max_length=10)  # "webhook" or "mail"
    address = models.CharField(max_length=500)
    # The team's name, for people who get mail of several.
    team = models.CharField(max_length=120)
    next_at = models.DateTimeField()
    # The last checkpoint that arrived, and where the chain stood in it.
    number = models.BigIntegerField(default=0)
    seq = models.BigIntegerField(default=0)
    delivered_at = models.DateTimeField(null=True)
    failures = models.IntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    # Why the last try failed, as `lib.webhook` names it; with a status where there was one.
    trouble = models.CharField(max_length=40, blank=True)

    class Meta:
        indexes = (models.Index(fields=("next_at",), name="audit_delivery_due"),)

    def __str__(self) -> str:
        return f"{self.way} of {self.chain}"


class Verification(models.Model):
    """How far the workers have verified one chain; "": what is common to all, the checkpoints.

    Written and read by `audit.verification.progress` only, under a MAC: `state` is the exact text
    it is over.
    """

    chain = models.CharField(primary_key=True, max_length=40)
    state = models.TextField()
    mac_key_id = models.CharField(max_length=40)
    mac = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"verification of {self.chain or 'the checkpoints'}"


class Export(models.Model):
    """A file of events that a worker prepares for one person. The row is the queue.

    Not evidence: who was given which file stands in the chain. Files: `exports.folder()`.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    team_id = models.UUIDField()
    user_id = models.UUIDField()
    form = models.CharField(max_length=10)
    # What selectors.events takes, and the same as a person writes it.
    asked = models.JSONField()
    query = models.TextField(blank=True, default="")
    # waiting, working, ready, failed or expired
    state = models.CharField(max_length=10, default="waiting")
    problem = models.TextField(blank=True, default="")
    asked_at = models.DateTimeField()
    # A worker that does not say in time that it still works has died.
    claimed_until = models.DateTimeField(null=True)
    # Each start writes a file of its own.
    attempt = models.IntegerField(default=0)
    percent = models.IntegerField(default=0)
    # Of the finished file. `reach`: what its person could read of when it was made.
    reach = models.JSONField(default=dict)
    count = models.BigIntegerField(default=0)
    first = models.BigIntegerField(default=0)
    last = models.BigIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    expires_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=("state", "asked_at"), name="audit_export_queue"),)

    def __str__(self) -> str:
        return f"export {self.id}"


class TailCursor(models.Model):
    """Up to which event of a chain the live tail has everything: `audit/export/live_tail.py`."""

    chain = models.CharField(primary_key=True, max_length=40)
    seq = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.chain} #{self.seq}"


class SearchText(models.Model):
    """The words of one event, for finding it. Made from the log by a worker; no part of it."""

    chain = models.CharField(max_length=40)
    seq = models.BigIntegerField()
    text = models.TextField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("chain", "seq"), name="audit_searched_once"),
        )

    def __str__(self) -> str:
        return f"{self.chain} #{self.seq}"


class TableDifference(models.Model):
    """A row beside the log that is not as its events say, until somebody confirms it.

    Derived: verification writes it again.
    """

    chain = models.CharField(max_length=40)
    table = models.CharField(max_length=20)
    key = models.CharField(max_length=400)
    # Chain and key, where they are the ids of a team and of a person or a panel key.
    team = models.UUIDField(null=True)
    subject = models.UUIDField(null=True)
    # Digest of the row as it is; empty if it is not there.
    found = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("chain", "table", "key"), name="table_difference_once"),
        )
        indexes = (models.Index(fields=("subject",), name="table_difference_subject"),)

    def __str__(self) -> str:
        return f"{self.table} {self.key}"
