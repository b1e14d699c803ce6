"""Seals a secret so that it opens only in the place it was sealed for, and only whole."""

import base64
import binascii
import json
import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from controlpanel.keys import ring
from controlpanel.lib.secret import Secret

_VERSION = "v1"
_NONCE = 12
_TAG = 16


class Unreadable(Exception):
    """What is stored cannot be opened here: changed, moved, or sealed with a key not at hand."""


def seal(purpose: str, plaintext: str, context: Mapping[str, str]) -> str:
    """`v1.<key id>.<nonce, ciphertext and tag>`. `context`: what the value is bound to."""
    key = ring.current().active(purpose)
    bound = _bound(key, context)
    nonce = os.urandom(_NONCE)
    sealed = nonce + AESGCM(_subkey(key, bound)).encrypt(nonce, plaintext.encode(), bound)
    return f"{_VERSION}.{key.id}.{_to_text(sealed)}"


def open_sealed(purpose: str, sealed: str, context: Mapping[str, str]) -> Secret:
    """The value, if all of it is as it was sealed, for this purpose and context. Or Unreadable."""
    return Secret(_opened(purpose, sealed, context))


def reseal(purpose: str, sealed: str, context: Mapping[str, str]) -> str:
    """The same value under the key in force; it never leaves this module. Or Unreadable."""
    return seal(purpose, _opened(purpose, sealed, context), context)


def key_id(sealed: str) -> str:
    """Which key a sealed value needs."""
    parts = sealed.split(".")
    if len(parts) != 3 or parts[0] != _VERSION:
        raise Unreadable("The value has an unknown format.")
    return parts[1]


def is_sealed_with(sealed: str, key_id: str) -> bool:
    return sealed.startswith(f"{_VERSION}.{key_id}.")


def _opened(purpose: str, sealed: str, context: Mapping[str, str]) -> str:
    key, content = _parts(purpose, sealed)
    bound = _bound(key, context)
    try:
        opened = AESGCM(_subkey(key, bound)).decrypt(content[:_NONCE], content[_NONCE:], bound)
        return opened.decode()
    except (InvalidTag, UnicodeDecodeError):
        raise Unreadable("The value was changed, or belongs to another place.") from None


def _parts(purpose: str, sealed: str) -> tuple[ring.Key, bytes]:
    named = key_id(sealed)
    try:
        key = ring.current().get(named)
    except ring.KeysNotReady:
        raise Unreadable("The key ring cannot be used.") from None
    if key is None or key.purpose != purpose:
        raise Unreadable("The key ring holds no such key for this purpose.")
    return key, _from_text(sealed.split(".")[2])


def _from_text(text: str) -> bytes:
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable("The value is damaged.") from None
    # Several spellings decode to the same bytes; only the one that seal() wrote is taken.
    if len(content) < _NONCE + _TAG or _to_text(content) != text:
        raise Unreadable("The value is damaged.")
    return content


def _to_text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _bound(key: ring.Key, context: Mapping[str, str]) -> bytes:
    place = [_VERSION, key.id, key.purpose, sorted(context.items())]
    return json.dumps(place, separators=(",", ":")).encode()


def _subkey(key: ring.Key, bound: bytes) -> bytes:
    return HKDF(SHA256(), ring.KEY_BYTES, salt=None, info=b"panel seal " + bound).derive(key.secret)
