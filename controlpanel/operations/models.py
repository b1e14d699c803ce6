from typing import Final
from uuid import uuid4

from django.db import models

from controlpanel.accounts.models import Account, Team, User
from controlpanel.lib import clock
from controlpanel.operations.states import KINDS, LABELS, OPEN, UNDONE, State

# Few among many: asking for the end as well lets a database use the small indexes of open rows.
IS_OPEN: Final = models.Q(state__in=OPEN, ended_at=None)
# Not done, and nobody who has to know it has taken notice yet.
IS_UNNOTICED: Final = models.Q(state__in=UNDONE, noticed_at=None)


class Operation(models.Model):
    """One requested change at the provider. The row is the queue."""

    id = models.UUIDField(primary_key=True, default=uuid4)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="operations")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="operations")
    kind = models.CharField(max_length=10, choices=[(kind, kind) for kind in KINDS])
    state = models.CharField(max_length=12, default=State.REQUESTED.value)

    # Who and from where, copied as values: history survives people.
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    actor_id = models.CharField(max_length=64)
    actor_name = models.CharField(max_length=254)
    actor_role = models.CharField(max_length=40)
    via = models.CharField(max_length=10)
    address = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=200, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    # The panel key that a script asked with, and its name as of then.
    panel_key = models.UUIDField(null=True)
    key_name = models.CharField(max_length=80, blank=True, default="")
    reason = models.CharField(max_length=500, blank=True)
    # The same form sent twice is one operation.
    form_id = models.CharField(max_length=64)
    # Keyed hash of what was typed, "key:digest"; empty for a script, and from before it was kept.
    form_content = models.CharField(max_length=110, blank=True, default="")

    # Empty for a create until its server is known.
    provider_id = models.CharField(max_length=64, blank=True)
    server_name = models.CharField(max_length=255, blank=True)
    # Labels of its server as of asking, "|env:prod|web|"; for a create, those it will get.
    labels = models.TextField(blank=True, default="")
    # The body as it is sent.
    body = models.JSONField(default=dict)
    # For an update: sent as PUT, in the place of everything that was there.
    replaces = models.BooleanField(default=False)
    # For an update: the fields as they were.
    before = models.JSONField(default=dict)

    requested_at = models.DateTimeField(default=clock.now)
    sending_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    observed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    # When, of one that was not done, its asker opened the receipt or somebody dismissed it.
    noticed_at = models.DateTimeField(null=True)

    # What the provider said: status code, its words, and the client's code for an error.
    provider_status = models.PositiveSmallIntegerField(null=True)
    provider_words = models.CharField(max_length=300, blank=True)
    code = models.CharField(max_length=40, blank=True)
    # {"field": ["message", …]} of a 400.
    field_errors = models.JSONField(default=dict)
    note = models.CharField(max_length=500, blank=True)
    # What VPS.org showed of its server since it was sent; see `sightings`.
    seen = models.JSONField(default=list)
    # Who said, from what was seen, that it was done. Copied as a value.
    confirmed_by = models.CharField(max_length=254, blank=True, default="")
    # For a script: the provider's answer, JSON as received but for passwords.
    answer = models.TextField(blank=True, default="")

    # The service token it was sent with, as of then (name, owner, fingerprint); empty for the
    # person's own.
    service_token = models.JSONField(default=dict)

    next_poll_at = models.DateTimeField(null=True)
    polls = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("-requested_at",)
        constraints = (
            models.UniqueConstraint(
                fields=("team", "actor_id", "form_id"), name="operation_once_a_form"
            ),
        )
        indexes = (
            models.Index(fields=("team", "-requested_at", "-id"), name="operation_newest"),
            models.Index(
                fields=("account", "provider_id", "-requested_at"), name="operation_of_server"
            ),
            models.Index(
                fields=("account", "provider_id"),
                condition=models.Q(state__in=UNDONE, noticed_at__isnull=True),
                name="operation_unnoticed",
            ),
            models.Index(
                fields=("next_poll_at",),
                condition=models.Q(next_poll_at__isnull=False),
                name="operation_due",
            ),
            models.Index(
                fields=("account", "state"),
                condition=models.Q(ended_at__isnull=True),
                name="operation_open",
            ),
            models.Index(
                fields=("team", "requested_at"),
                condition=models.Q(ended_at__isnull=True),
                name="operation_open_of_team",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.server_name}: {self.state}"

    @property
    def is_open(self) -> bool:
        return State(self.state).is_open

    @property
    def label(self) -> str:
        return str(LABELS[State(self.state)])
