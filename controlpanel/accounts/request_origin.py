import re
from ipaddress import IPv6Address, ip_address
from typing import Final

from django.conf import settings
from django.http import HttpRequest

from controlpanel.lib import request_id
from controlpanel.lib.scope import Origin
from controlpanel.lib.text import clean

# [2001:db8::1]:443, 192.0.2.1:443, or the address alone; what follows a % names an interface.
_WRITTEN: Final = re.compile(
    r"\[(?P<bracketed>[0-9A-Fa-f:.]+)(?:%[^\]]*)?\](?::\d{1,5})?"
    r"|(?P<plain>[0-9.]+):\d{1,5}"
    r"|(?P<bare>[0-9A-Fa-f:.]+)(?:%.*)?"
)


def client_address(request: HttpRequest) -> str:
    """The address the request came from, believing as many proxies as are configured. Empty if
    that is not an address."""
    proxies: int = settings.PANEL_PROXY_COUNT
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    if proxies and len(forwarded) >= proxies and forwarded[-proxies].strip():
        return _address(forwarded[-proxies])
    return _address(request.META.get("REMOTE_ADDR", ""))


def _address(text: str) -> str:
    """One spelling for one address: proxies add ports, brackets, quotes and interfaces, and write
    IPv4 as IPv6."""
    match = _WRITTEN.fullmatch(text.strip().strip('"'))
    if match is None:
        return ""
    try:
        found = ip_address(match["bracketed"] or match["plain"] or match["bare"])
    except ValueError:
        return ""
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return str(mapped or found)


def of_request(request: HttpRequest) -> Origin:
    return Origin(
        via="page",
        address=client_address(request),
        user_agent=clean(request.META.get("HTTP_USER_AGENT", ""), 200),
        request_id=request_id.current(),
    )
