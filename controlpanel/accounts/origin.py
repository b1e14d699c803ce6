from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest

from controlpanel.lib import request_id
from controlpanel.lib.scope import Origin
from controlpanel.lib.text import clean


def client_address(request: HttpRequest) -> str:
    """The address the request came from, believing as many proxies as are configured. Empty if
    that is not an address."""
    proxies: int = settings.PANEL_PROXY_COUNT
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    if proxies and len(forwarded) >= proxies and forwarded[-proxies].strip():
        return _address(forwarded[-proxies])
    return _address(request.META.get("REMOTE_ADDR", ""))


def _address(text: str) -> str:
    try:
        return str(ip_address(text.strip()))
    except ValueError:
        return ""


def of_request(request: HttpRequest) -> Origin:
    return Origin(
        via="page",
        address=client_address(request),
        user_agent=clean(request.META.get("HTTP_USER_AGENT", ""), 200),
        request_id=request_id.current(),
    )
