"""Whether two values of a server's field are the same, as that field is compared."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from controlpanel.lib import spelling


def _address(text: str) -> str:
    return spelling.address(text) or text


_AS: Final[Mapping[str, Callable[[str], str]]] = {
    "hostname": spelling.host_name,
    "ip_address": _address,
    "ipv6_address": _address,
}


def same(name: str, one: Any, other: Any) -> bool:
    """VPS.org may give back a host name in lower case, and an address in another spelling."""
    plain = _AS.get(name)
    if plain is None or not isinstance(one, str) or not isinstance(other, str):
        return bool(one == other)
    return plain(one) == plain(other)
