from django.db import models

from controlpanel.lib import clock


class Repeat(models.Model):
    """One Idempotency-Key of a panel key: what was first asked with it, and what was answered."""

    panel_key = models.UUIDField()
    # Of the header; what it says is the caller's business.
    digest = models.CharField(max_length=64)
    # Of method, path and body.
    asked = models.CharField(max_length=64)
    # The operation that it became bears this as its form's.
    form_id = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=clock.now)
    # Of the answer; None while it is not known.
    status = models.PositiveSmallIntegerField(null=True)
    content = models.TextField(blank=True, default="")
    headers = models.JSONField(default=dict)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("panel_key", "digest"), name="repeat_once_a_key"),
        )
        indexes = (models.Index(fields=("created_at",), name="repeat_age"),)

    def __str__(self) -> str:
        return f"{self.digest[:8]} of {self.panel_key}"


class Reads(models.Model):
    """How often a key asked one process for a route in half a minute, before that is an event."""

    # Whose count it is, and its number there, without gaps; "" and None: from before there were
    # numbers.
    process = models.CharField(max_length=16, blank=True, default="")
    number = models.PositiveBigIntegerField(null=True)
    panel_key = models.UUIDField()
    # Whose it is, copied as values: what was read is told also when they are gone.
    team = models.UUIDField()
    actor_id = models.CharField(max_length=64)
    actor_name = models.CharField(max_length=254)
    actor_role = models.CharField(max_length=40)
    key_name = models.CharField(max_length=80)
    route = models.CharField(max_length=40)
    # When the half minute began.
    minute = models.DateTimeField()
    count = models.PositiveIntegerField(default=0)
    # The last address that asked.
    address = models.CharField(max_length=45, blank=True)
    # Of all of the above.
    mac_key_id = models.CharField(max_length=40, blank=True, default="")
    mac = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("process", "number"), name="reads_once_a_number"),
        )
        indexes = (models.Index(fields=("minute",), name="reads_by_minute"),)

    def __str__(self) -> str:
        return f"{self.count} of {self.route}"
