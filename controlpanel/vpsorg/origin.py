"""The address of the API, brought into one form."""

import ipaddress
import re
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

_PATHS = {"", "/", "/api/v1", "/api/v1/"}
_DEFAULT_PORTS = {"https": 443, "http": 80}
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


@lru_cache(maxsize=64)
def normalise(text: str) -> str:
    """Scheme, host and port alone; ValueError with a whole sentence when it cannot be used."""
    url, port = _split(text.strip())
    if url.scheme not in _DEFAULT_PORTS:
        raise ValueError("The address of the API must begin with https://.")
    if "@" in url.netloc:
        raise ValueError("The address of the API must not contain a user name or password.")
    if url.path not in _PATHS or "?" in text or "#" in text:
        raise ValueError("The address of the API must end after the host, or with /api/v1.")
    host = (url.hostname or "").rstrip(".")
    if not _is_host(host):
        raise ValueError("The address of the API has no usable host name.")
    if url.scheme == "http" and not _is_loopback(host):
        raise ValueError(
            "The address of the API must begin with https://; "
            "plain http is only for this machine itself (localhost)."
        )
    shown = f"[{host}]" if ":" in host else host
    if port in {None, _DEFAULT_PORTS[url.scheme]}:
        return f"{url.scheme}://{shown}"
    return f"{url.scheme}://{shown}:{port}"


def _split(text: str) -> tuple[SplitResult, int | None]:
    # urlsplit drops tabs and newlines silently.
    if not text.isascii() or re.search(r"[\x00-\x20\x7f\\]", text):
        raise ValueError("The address of the API contains characters that do not belong there.")
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise ValueError("The address of the API cannot be read.") from None
    if port == 0 or url.netloc.endswith(":"):
        raise ValueError("The address of the API has no usable port.")
    return url, port


def _is_host(host: str) -> bool:
    if ":" in host:
        return _address(host) is not None
    return len(host) <= 253 and ".." not in host and _HOST.fullmatch(host) is not None


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
