"""What is kept for the review: derived from the events, and never evidence by itself."""

from django.db import models
from django.db.models import Q

from controlpanel.lib import clock

WAITING = Q(signed_at=None)


class ReviewItem(models.Model):
    """Why an event deserves a second look, and who took it. `seq`: the event that opened it.

    Of refusals in a row one item stands for all: `count` of them, up to `last_seq`.
    """

    chain = models.CharField(max_length=40)
    seq = models.BigIntegerField()
    rule = models.CharField(max_length=24)
    at = models.DateTimeField()
    opened_at = models.DateTimeField(default=clock.now)
    # Whose action it is: somebody else must look at it. Empty: nobody's in the team.
    actor_id = models.CharField(max_length=64)
    # As of the event, so that a reach decides over both in one way.
    target_kind = models.CharField(max_length=32)
    target_id = models.CharField(max_length=64)
    labels = models.TextField(blank=True, default="")
    count = models.PositiveIntegerField(default=1)
    last_seq = models.BigIntegerField()
    last_at = models.DateTimeField()
    # Null: it waits.
    signed_at = models.DateTimeField(null=True)
    signed_by_id = models.CharField(max_length=64, blank=True)
    signed_by_name = models.CharField(max_length=254, blank=True)
    note = models.CharField(max_length=500, blank=True)
    # Number of the event that says so.
    signed_seq = models.BigIntegerField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("chain", "seq", "rule"), name="review_item_once"),
        )
        indexes = (
            models.Index(fields=("chain", "seq"), name="review_waiting", condition=WAITING),
            models.Index(
                fields=("chain", "rule", "seq"), name="review_waiting_by_rule", condition=WAITING
            ),
            models.Index(fields=("chain", "rule", "actor_id", "-seq"), name="review_by_actor"),
        )

    def __str__(self) -> str:
        return f"{self.rule} for #{self.seq}"


class ReviewCursor(models.Model):
    """How far a chain was looked through. Whoever derives or signs off holds its lock."""

    chain = models.CharField(primary_key=True, max_length=40)
    seq = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.chain} #{self.seq}"


class ReviewRules(models.Model):
    """What a team wants to look at again, for events after `from_seq`: the event that said so."""

    chain = models.CharField(max_length=40)
    from_seq = models.BigIntegerField()
    settings = models.JSONField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("chain", "from_seq"), name="review_rules_once"),
        )

    def __str__(self) -> str:
        return f"{self.chain} after #{self.from_seq}"


class SeenAddress(models.Model):
    """From where somebody, or a key, has come before, and the event that showed it first."""

    pk = models.CompositePrimaryKey("chain", "subject", "address")
    chain = models.CharField(max_length=40)
    subject = models.CharField(max_length=96)
    address = models.CharField(max_length=45)
    seq = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.subject} at {self.address}"


class RefusalDay(models.Model):
    """Refusals of one day (UTC), counted as they come: a trend needs no look at all events.

    By server and by its labels then, so that whoever is there for some servers sees theirs.
    """

    pk = models.CompositePrimaryKey("chain", "day", "target_id", "labels_key")
    chain = models.CharField(max_length=40)
    day = models.DateField()
    # Of a server; empty for whatever else somebody was refused.
    target_kind = models.CharField(max_length=32)
    target_id = models.CharField(max_length=64)
    labels_key = models.CharField(max_length=16)
    labels = models.TextField(blank=True, default="")
    count = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.day}: {self.count}"


class AuditVisit(models.Model):
    """What somebody had seen of a chain before their visit that began then."""

    pk = models.CompositePrimaryKey("chain", "user_id")
    chain = models.CharField(max_length=40)
    user_id = models.UUIDField()
    began_at = models.DateTimeField()
    # Null on the first visit: all is new.
    before_seq = models.BigIntegerField(null=True)
    shown_seq = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.user_id} since #{self.before_seq}"
