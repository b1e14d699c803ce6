"""What beat asks for, again and again: each does nothing when nothing is due."""

from celery import shared_task

from controlpanel.audit.checkpoints import checkpoints, delivery
from controlpanel.audit.export import live_tail
from controlpanel.audit.log import clock_jumps, read_only
from controlpanel.audit.reading import text_index
from controlpanel.audit.review import scanner
from controlpanel.audit.tables import differences
from controlpanel.audit.verification import worker
from controlpanel.lib import request_id


@shared_task
def watch_clock() -> None:
    if not read_only.closed():
        clock_jumps.watch()


@shared_task
def checkpoint() -> None:
    if not read_only.closed():  # nothing is signed over what was changed
        checkpoints.take_if_due()


@shared_task
def deliver() -> None:
    with request_id.bound(request_id.new()):
        if not read_only.closed():
            delivery.deliver_due()


@shared_task
def verify() -> None:
    with request_id.bound(request_id.new()):
        worker.run()
        if not read_only.closed():  # then nobody has rights to change anything anyway
            differences.check_all()


@shared_task
def tail() -> None:
    live_tail.catch_up()


@shared_task
def look_again() -> None:
    """What deserves a second look."""
    scanner.catch_up()


@shared_task
def index() -> None:
    text_index.index()
