"""A row like a server's, once unwatched and once watched by what is measured."""

from os import environ
from typing import Any

from django.db import models


class Machine(models.Model):
    name = models.CharField(max_length=255)
    hostname = models.CharField(max_length=255)
    status = models.CharField(max_length=64)
    ip_address = models.CharField(max_length=45)
    location = models.CharField(max_length=64)
    plan_id = models.CharField(max_length=64)
    plan_name = models.CharField(max_length=255)
    vcpus = models.IntegerField()
    memory = models.IntegerField()
    storage = models.IntegerField()
    os_id = models.CharField(max_length=64)
    os_name = models.CharField(max_length=255)
    backups_enabled = models.BooleanField()
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class Plain(Machine):
    pass


class Watched(Machine):
    pass


def _watch(tool: str) -> Any:
    if tool == "django-auditlog":
        from auditlog.registry import auditlog

        return auditlog.register(Watched)
    if tool == "django-simple-history":
        from simple_history import register

        return register(Watched)
    if tool == "django-pghistory":
        import pghistory

        return pghistory.track()(Watched)
    return None  # django-easy-audit watches everything that is not left out in its settings


_watch(environ["BENCHMARK_TOOL"])
