from celery import shared_task

from controlpanel.audit.log import read_only
from controlpanel.gateway import idempotency, read_usage
from controlpanel.lib import request_id


@shared_task
def record_reads() -> None:
    with request_id.bound(request_id.new()):
        if not read_only.closed():
            read_usage.record_reads()


@shared_task
def forget_repeats() -> None:
    idempotency.forget_old()
