"""Putting a message into the queue, in the transaction of what it tells."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from controlpanel.lib import clock
from controlpanel.outgoing import enqueue, sealed_bodies
from controlpanel.outgoing.models import Outgoing

KEPT_FOR: Final = timedelta(hours=24)


def put(channel: str, body: str, expires_at: datetime | None = None) -> UUID:
    """Queued if the transaction commits; a worker is told then. Nothing is sent after
    `expires_at`: 24 hours from now, unless given.

    Raises keys.ring.KeysNotReady, and Django's DatabaseError."""
    now = clock.now()
    message = Outgoing(
        channel=channel, created_at=now, next_at=now, expires_at=expires_at or now + KEPT_FOR
    )
    message.body = sealed_bodies.seal(message, body)
    message.save(force_insert=True)
    transaction.on_commit(_ring)
    return message.id


def _ring() -> None:
    enqueue.enqueue("outgoing.tasks.send_due")
