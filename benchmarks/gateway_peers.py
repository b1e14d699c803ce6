"""What the gateway is measured beside, each as bare as it can be: run by gunicorn in an environment
of their own. BENCHMARK_PEER: "floor", "recording" or "revproxy"; BENCHMARK_UPSTREAM: the provider;
BENCHMARK_DATABASE: as in DATABASES, for the one that records."""

import json
import os
import threading
from typing import Any

import django
from django.conf import settings

PEER, UPSTREAM = os.environ["BENCHMARK_PEER"], os.environ["BENCHMARK_UPSTREAM"]
settings.configure(
    SECRET_KEY="k" * 50,
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["revproxy"] if PEER == "revproxy" else [],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": json.loads(os.environ["BENCHMARK_DATABASE"])},
)
django.setup()

from django.core.wsgi import get_wsgi_application
from django.db import connection, models, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import re_path


def floor() -> Any:
    """A bare view over requests.Session, one for each thread."""
    import requests

    local = threading.local()

    def view(request: HttpRequest, path: str) -> HttpResponse:
        if not hasattr(local, "session"):
            local.session = requests.Session()
        answer = local.session.request(
            request.method,
            f"{UPSTREAM}/{path}",
            params=request.GET,
            data=request.body or None,
            headers={"Authorization": request.headers["Authorization"]},
            timeout=10,
            allow_redirects=False,
        )
        return HttpResponse(
            answer.content, status=answer.status_code, content_type=answer.headers["Content-Type"]
        )

    return view


class Operation(models.Model):  # noqa: DJ008
    objects: "models.Manager[Operation]" = models.Manager()
    path = models.CharField(max_length=200)
    state = models.CharField(max_length=20)
    status = models.IntegerField(null=True)

    class Meta:
        app_label = "bare"


class Event(models.Model):  # noqa: DJ008
    objects: "models.Manager[Event]" = models.Manager()
    operation = models.ForeignKey(Operation, models.CASCADE)
    at = models.DateTimeField(auto_now_add=True)
    phase = models.CharField(max_length=20)

    class Meta:
        app_label = "bare"


def recording() -> Any:
    """The floor with the least that is an intent before the call and an outcome after it: a row
    and an event, an update and an event, each pair committed. It asks for no right."""
    send = floor()
    with connection.schema_editor() as editor:
        editor.create_model(Operation)
        editor.create_model(Event)
    connection.close()

    def view(request: HttpRequest, path: str) -> HttpResponse:
        with transaction.atomic():
            operation = Operation.objects.create(path=path, state="sending")
            Event.objects.create(operation=operation, phase="intent")
        answer: HttpResponse = send(request, path)
        with transaction.atomic():
            asked = Operation.objects.filter(pk=operation.pk, state="sending")
            asked.update(state="accepted", status=answer.status_code)
            Event.objects.create(operation=operation, phase="outcome")
        return answer

    return view


def revproxy() -> Any:
    from revproxy.views import ProxyView

    return ProxyView.as_view(upstream=UPSTREAM)


PEERS = {"floor": floor, "recording": recording, "revproxy": revproxy}
urlpatterns = [re_path(r"^(?P<path>.*)$", PEERS[PEER]())]
application = get_wsgi_application()
