import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlpanel.settings")

application = get_wsgi_application()

import controlpanel.celery  # noqa: E402, F401 what is enqueued here goes through this app
from controlpanel.gateway import read_usage  # noqa: E402 needs the apps, which are ready only now
from controlpanel.runtime import readiness  # noqa: E402

readiness.exit_unless_ready("web")
read_usage.start()
