"""For a process that measures one of the others: that one alone, set up as its own page says."""

import json
import os

BENCHMARK_TOOL = os.environ["BENCHMARK_TOOL"]
SECRET_KEY = "for-measuring-only"
USE_TZ = True
DATABASES = {"default": json.loads(os.environ["BENCHMARK_DATABASE"])}
# One needs its migrations for a function of its own; the others' tables are made from the models.
DATABASES["default"]["TEST"]["MIGRATE"] = BENCHMARK_TOOL == "django-pghistory"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
_APPS = {
    "django-auditlog": ["auditlog"],
    "django-simple-history": ["simple_history"],
    "django-easy-audit": ["django.contrib.sessions", "easyaudit"],
    "django-pghistory": ["pgtrigger", "pghistory"],
}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    *_APPS[BENCHMARK_TOOL],
    "benchmarks.machines",
]
DJANGO_EASY_AUDIT_UNREGISTERED_CLASSES_EXTRA = ["machines.Plain"]
