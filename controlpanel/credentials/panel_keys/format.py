"""What a panel key looks like: a typo is noticed by its checksum, before anything is asked."""

import re
import secrets
import string
from binascii import crc32
from typing import Final

PREFIX: Final = "vpp_"
_ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM, _CHECKSUM = 32, 6
_SHAPE: Final = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{_RANDOM + _CHECKSUM}}}")


def new_text() -> str:
    """`vpp_`, 32 random characters of base62 (190 bits), and 6 of the CRC32 of all before them."""
    begun = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return begun + _checksum(begun)


def is_wellformed(text: str) -> bool:
    if not _SHAPE.fullmatch(text):
        return False
    return text[-_CHECKSUM:] == _checksum(text[:-_CHECKSUM])


def _checksum(text: str) -> str:
    number, digits = crc32(text.encode()), ""
    for _ in range(_CHECKSUM):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
