"""When two spellings of an e-mail address are the same one.

Databases fold letters each in their own way (PostgreSQL takes `gıthub.com` for `github.com`), and
so does Python beyond ASCII: the Kelvin sign becomes a k. Addresses are compared here.
"""


def folded(address: str) -> str:
    """The address in lower-case ASCII, by which it is compared. Empty, which is nobody's, for one
    with other characters."""
    address = address.strip()
    return address.lower() if address.isascii() else ""


def are_same(one: str, other: str) -> bool:
    return bool(folded(one)) and folded(one) == folded(other)


def is_comparable(address: str) -> bool:
    """Whether making lower case of it turns no character into an ASCII letter."""
    return address.isascii() or address == address.lower()
