"""What beat asks for, again and again: each does nothing when nothing is due."""

from celery import shared_task

from controlpanel.audit import (
    checkpoints,
    clockwatch,
    delivery,
    differences,
    readonly,
    review,
    search,
    verifying,
)
from controlpanel.audit import tail as live_tail
from controlpanel.lib import request_id


@shared_task
def watch_clock() -> None:
    if not readonly.closed():
        clockwatch.watch()


@shared_task
def checkpoint() -> None:
    if not readonly.closed():  # nothing is signed over what was changed
        checkpoints.take_if_due()


@shared_task
def deliver() -> None:
    with request_id.bound(request_id.new()):
        if not readonly.closed():
            delivery.deliver_due()


@shared_task
def verify() -> None:
    with request_id.bound(request_id.new()):
        verifying.run()
        if not readonly.closed():  # then nobody has rights to change anything anyway
            differences.check_all()


@shared_task
def tail() -> None:
    live_tail.catch_up()


@shared_task
def look_again() -> None:
    """What deserves a second look."""
    review.catch_up()


@shared_task
def index() -> None:
    search.index()
