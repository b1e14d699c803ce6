"""Wakes a worker. Without Redis nothing is lost: beat has the rows looked at anyway."""

import time

import structlog
from celery import current_app
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)

_QUIET_AFTER_FAILURE = 5.0
_silent_until = 0.0


def enqueue(task: str, *args: str) -> None:
    """`task`: as in `outgoing.tasks.send_due`. Arguments are ids, never secrets."""
    global _silent_until
    if time.monotonic() < _silent_until:
        return
    try:
        current_app.send_task(f"controlpanel.{task}", args=args, expires=60)
    except (OperationalError, OSError) as error:
        _silent_until = time.monotonic() + _QUIET_AFTER_FAILURE
        log.warning("enqueue.failed", error=type(error).__name__)
