from uuid import uuid4

from django.db import models

from controlpanel.lib import clock


class Outgoing(models.Model):
    """A message that waits to be sent. The row is the queue; it is deleted once the message is
    sent, given up or expired.

    `body` is sealed and bound to the row: see `sealed_bodies`.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    channel = models.CharField(max_length=20)
    body = models.TextField()
    created_at = models.DateTimeField(default=clock.now)
    # When it is tried next. While a worker sends it, when another one may take it over.
    next_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "outgoing"
        indexes = (
            models.Index(fields=["next_at"], name="outgoing_next_at"),
            models.Index(fields=["expires_at"], name="outgoing_expires_at"),
        )

    def __str__(self) -> str:
        return f"{self.channel} {self.id}"


class Limit(models.Model):
    """When something that has a limit was done, which is mail for the most part. Counted by
    `accounts.limits`."""

    # A keyed hash of what is limited and for whom; nothing personal is kept.
    key = models.CharField(primary_key=True, max_length=64)
    # Seconds since 1970, from the oldest on.
    times = models.JSONField(default=list)
    # From then on the row says nothing any more.
    until = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.key
