from celery import shared_task

from controlpanel.accounts import limits


@shared_task
def forget_limits() -> None:
    limits.forget_old()
