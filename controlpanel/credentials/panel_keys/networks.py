"""From where a panel key may be used: networks of IPv4 and IPv6."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

Network = IPv4Network | IPv6Network

# ::ffff:0:0/96, how IPv6 writes an IPv4 address.
_MAPPED: Final = 96


def read(texts: Iterable[str]) -> list[str]:
    """Each as it is stored, once, in order. ValueError with the text that is no network."""
    return list(dict.fromkeys(str(_read(text.strip())) for text in texts))


def allow(networks: Sequence[str], address: str) -> bool:
    """Whether a key for these networks may be used from there; without any, from anywhere."""
    if not networks:
        return True
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if found.version == 6:
        found = found.ipv4_mapped or found
    return any(found in _network(text) for text in networks)


def _read(text: str) -> Network:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(text) from None
    if isinstance(network, IPv6Network):
        mapped = network.network_address.ipv4_mapped
        if mapped and network.prefixlen >= _MAPPED:
            return IPv4Network((mapped, network.prefixlen - _MAPPED))
        if "%" in text:  # an interface of some machine, which no address that arrives here has
            raise ValueError(text)
    return network


@lru_cache(maxsize=4096)
def _network(text: str) -> Network:
    return ip_network(text)
