"""Signing off what waits for a second look. An outside change is acknowledged by it as well."""

from collections.abc import Mapping

from django.db import transaction

from controlpanel.accounts import access
from controlpanel.audit.review import queue as review_queue
from controlpanel.audit.review.queue import SignedOff
from controlpanel.lib import clock
from controlpanel.lib.scope import Scope
from controlpanel.lib.text import clean
from controlpanel.servers import acknowledge


def sign_off(scope: Scope, choice: Mapping[int, int], note: str) -> SignedOff:
    """Raises review_queue.NotSignedOff, access.Denied."""
    # Outside of the transaction, which would take the record of a refusal back with it.
    access.require(scope, "audit.review", "")
    with transaction.atomic():
        signed = review_queue.sign_off(scope, choice, note)
        acknowledge.waiting(scope).filter(event_seq__in=signed.done).update(
            acknowledged_at=clock.now(),
            acknowledged_by_id=scope.actor.id,
            acknowledged_by_name=scope.actor.name,
            note=clean(note, 500),
        )
    return signed
