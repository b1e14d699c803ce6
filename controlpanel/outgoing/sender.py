"""Sends what waits: a message at a time, each claimed in its row by one worker.

At least once: a worker that ends between the moment when the other side took a message and the
deletion of its row leaves a message that is sent again, after `_LEASE`. Mail sent twice has the
same Message-ID, by which mail programs may recognise it. No message is sent twice otherwise,
however many workers look, and none after it has expired.
"""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import structlog

from controlpanel.keys import cipher
from controlpanel.lib import clock
from controlpanel.outgoing import channels, sealed_bodies
from controlpanel.outgoing.channels import Refused, Unreachable
from controlpanel.outgoing.models import Outgoing

log = structlog.get_logger(__name__)

# Longer than the deadline of any channel: whoever claimed it did not live to delete it.
_LEASE: Final = timedelta(minutes=2)
_FIRST_RETRY: Final = timedelta(seconds=30)
_LAST_RETRY: Final = timedelta(hours=1)
# What the other side refuses for good is tried this often, in case it was set up wrongly.
_TRIES_WHEN_REFUSED: Final = 3
# Of one run.
_SECONDS: Final = 25.0

# One thread of a process at most waits for slow servers; the others have other work.
_sending: Final = threading.Lock()


def send_due() -> int:
    """How many were sent. Returns at once while another thread of this process sends: that one
    goes on until nothing is due. Never in a transaction."""
    if not _sending.acquire(blocking=False):
        return 0
    try:
        _forget_expired()
        return sum(_send(message) for message in _claimed())
    finally:
        _sending.release()


def _claimed() -> Iterator[Outgoing]:
    """What is due, from the oldest on, each taken by this worker alone."""
    ends = time.monotonic() + _SECONDS
    while time.monotonic() < ends:
        now = clock.now()
        due = Outgoing.objects.filter(next_at__lte=now, expires_at__gt=now)
        message = due.order_by("next_at", "created_at").first()
        if message is None:
            return
        mine = Outgoing.objects.filter(
            id=message.id, next_at=message.next_at, attempts=message.attempts
        )
        lease = now + _LEASE
        if mine.update(next_at=lease, attempts=message.attempts + 1):
            message.next_at, message.attempts = lease, message.attempts + 1
            yield message


def _send(message: Outgoing) -> bool:
    try:
        channel = channels.get(message.channel)
        channel.deliver(sealed_bodies.open_body(message).reveal())
    except cipher.Unreadable:
        _refused(message, Refused("unreadable", for_good=False))
    except Refused as refused:
        _refused(message, refused)
    except Unreachable as trouble:
        _unreachable(message, trouble)
    except Exception as error:
        # Without its words and the traceback: they may hold the message.
        _refused(message, Refused(type(error).__name__, for_good=False))
    else:
        Outgoing.objects.filter(id=message.id).delete()
        return True
    return False


def _refused(message: Outgoing, refused: Refused) -> None:
    give_up = refused.for_good and message.attempts >= _TRIES_WHEN_REFUSED
    log.warning("outgoing.refused", **_names(message), code=refused.code, given_up=give_up)
    if give_up:
        Outgoing.objects.filter(id=message.id).delete()
    else:
        _later(message)


def _unreachable(message: Outgoing, trouble: Unreachable) -> None:
    """The others that go this way wait as well: each would only wait for the same silence."""
    log.warning("outgoing.unreachable", **_names(message), code=trouble.code)
    _later(message)
    now = clock.now()
    due = Outgoing.objects.filter(channel=message.channel, next_at__lte=now)
    due.update(next_at=now + _FIRST_RETRY)


def _later(message: Outgoing) -> None:
    wait = min(_FIRST_RETRY * 2 ** min(message.attempts - 1, 10), _LAST_RETRY)
    mine = Outgoing.objects.filter(id=message.id, next_at=message.next_at)
    mine.update(next_at=clock.now() + wait)


def _forget_expired() -> None:
    expired = Outgoing.objects.filter(expires_at__lte=clock.now())
    for message in expired.only("id", "channel", "attempts")[:1000]:
        if Outgoing.objects.filter(id=message.id).delete()[0]:
            log.warning("outgoing.expired", **_names(message))


def _names(message: Outgoing) -> dict[str, object]:
    """All that a log may say of a message."""
    return {
        "message": str(message.id),
        "channel": message.channel,
        "attempts": message.attempts,
    }
