from django.conf import settings
from django.http import HttpRequest

from controlpanel.lib import request_id
from controlpanel.lib.scope import Origin
from controlpanel.lib.text import clean


def client_address(request: HttpRequest) -> str:
    """The address the request came from, believing as many proxies as are configured."""
    proxies: int = settings.PANEL_PROXY_COUNT
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    if proxies and len(forwarded) >= proxies and forwarded[-proxies].strip():
        return clean(forwarded[-proxies], 45)
    return clean(request.META.get("REMOTE_ADDR", ""), 45)


def of_request(request: HttpRequest) -> Origin:
    return Origin(
        via="page",
        address=client_address(request),
        user_agent=clean(request.META.get("HTTP_USER_AGENT", ""), 200),
        request_id=request_id.current(),
    )
