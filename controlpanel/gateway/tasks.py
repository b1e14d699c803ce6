from celery import shared_task

from controlpanel.audit.log import read_only
from controlpanel.gateway import counting, repeats
from controlpanel.lib import request_id


@shared_task
def record_reads() -> None:
    with request_id.bound(request_id.new()):
        if not read_only.closed():
            counting.record_reads()


@shared_task
def forget_repeats() -> None:
    repeats.forget_old()
