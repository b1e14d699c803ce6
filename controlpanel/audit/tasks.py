"""The bell of the checkpoints; whether one is due stands in the rows."""

from celery import shared_task

from controlpanel.audit import checkpoints


@shared_task
def checkpoint() -> None:
    checkpoints.take_if_due()
