from celery import shared_task

from controlpanel.audit.log import read_only
from controlpanel.lib import request_id
from controlpanel.reports import exports


@shared_task
def export() -> None:
    with request_id.bound(request_id.new()):
        if not read_only.closed():  # who was given what could not be written either
            exports.work()


@shared_task(name="controlpanel.operations.tasks.export")
def export_by_its_former_name() -> None:
    """What an older panel put into the queue. To be removed after one release."""
    export()
