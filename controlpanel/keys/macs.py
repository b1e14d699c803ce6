"""Keyed hashes: proof that the panel wrote something, and short names for secrets."""

import hmac

from controlpanel.keys import ring


def mac(purpose: str, data: bytes, key_id: str | None = None) -> tuple[str, str]:
    """(key id, hex HMAC-SHA256) with that key, else the one in force. KeysNotReady without it."""
    keys = ring.current()
    if key_id is None:
        key = keys.active(purpose)
    else:
        found = keys.get(key_id)
        if found is None or found.purpose != purpose:
            raise ring.KeysNotReady(f"The key ring holds no key {key_id!r} for {purpose!r}.")
        key = found
    return key.id, digest(key, data)


def digest(key: ring.Key, data: bytes) -> str:
    return hmac.digest(key.secret, data, "sha256").hex()


def fingerprint(value: str) -> str:
    """Short name of a secret, the same for the same value, like "3f9a-11c2-77de"."""
    text = mac("fingerprint", b"short name of " + value.encode())[1]
    return "-".join((text[:4], text[4:8], text[8:12]))
