import os
from typing import Any

from celery import Celery
from celery.signals import worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlpanel.settings")

app = Celery("controlpanel")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Of every package among INSTALLED_APPS: a task that the worker does not know is thrown away.
app.autodiscover_tasks()


@worker_init.connect(weak=False)
def _refuse_unless_ready(**_signal: Any) -> None:
    from controlpanel.runtime import readiness  # the apps are ready only now

    readiness.exit_unless_ready("worker")
