"""The audit log's bells; what is due stands in the rows."""

from celery import shared_task

from controlpanel.audit import checkpoints, delivery, verifying
from controlpanel.lib import request_id


@shared_task
def checkpoint() -> None:
    checkpoints.take_if_due()


@shared_task
def deliver() -> None:
    with request_id.bound(request_id.new()):
        delivery.deliver_due()


@shared_task
def verify() -> None:
    with request_id.bound(request_id.new()):
        verifying.run()
