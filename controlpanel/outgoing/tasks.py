from celery import shared_task

from controlpanel.lib import request_id
from controlpanel.outgoing import sender


@shared_task
def send_due() -> None:
    with request_id.bound(request_id.new()):
        sender.send_due()
