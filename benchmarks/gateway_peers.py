"""What the gateway is measured beside, each as bare as it can be: run by gunicorn in an environment
of their own. BENCHMARK_PEER: "floor" or "revproxy"; BENCHMARK_UPSTREAM: the provider."""

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
)
django.setup()

from django.core.wsgi import get_wsgi_application
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


def revproxy() -> Any:
    from revproxy.views import ProxyView

    return ProxyView.as_view(upstream=UPSTREAM)


urlpatterns = [re_path(r"^(?P<path>.*)$", {"floor": floor, "revproxy": revproxy}[PEER]())]
application = get_wsgi_application()
