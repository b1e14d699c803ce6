"""Sends what is for the gateway there, past all that only pages need: sessions, forms, cookies."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from controlpanel.gateway import views
from controlpanel.gateway.routes import BASE

Handler = Callable[[HttpRequest], HttpResponseBase]


def gateway(get_response: Handler) -> Handler:
    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.path == BASE or request.path.startswith(f"{BASE}/"):
            return views.answer(request)
        return get_response(request)

    return middleware
