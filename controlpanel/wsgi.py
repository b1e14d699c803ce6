import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlpanel.settings")

application = get_wsgi_application()

from controlpanel.web import startup  # noqa: E402 needs the apps, which are ready only now

startup.exit_unless_ready()
