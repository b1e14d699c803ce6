"""Ed25519 signatures, which anybody can check who has the public key and nothing else."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from controlpanel.keys import ring

PURPOSE = "audit-sign"


def sign(key: ring.Key, data: bytes) -> str:
    return _private(key).sign(data).hex()


def public(key: ring.Key) -> str:
    return _private(key).public_key().public_bytes_raw().hex()


def fits(public_key: str, data: bytes, signature: str) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(
            bytes.fromhex(signature), data
        )
    except (ValueError, InvalidSignature):
        return False
    return True


def _private(key: ring.Key) -> Ed25519PrivateKey:
    if key.purpose != PURPOSE:
        raise ring.KeysNotReady(f"The key {key.id!r} signs nothing.")
    return Ed25519PrivateKey.from_private_bytes(key.secret)
