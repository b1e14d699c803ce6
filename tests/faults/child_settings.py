"""The panel's settings for a process that shares a test's database and key ring."""

import os

from controlpanel.settings import *  # noqa: F403
from controlpanel.settings import DATABASES

DATABASES["default"]["NAME"] = os.environ["FAULTS_DATABASE"]
DATABASES["default"]["CONN_MAX_AGE"] = 0
PANEL_MAIL_TRANSPORT = "django.core.mail.backends.locmem.EmailBackend"
