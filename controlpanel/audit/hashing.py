"""How events are chained: pure functions over bytes, no database.

    hash = SHA-256( 0x00 || length of chain (2 bytes) || chain || seq (8 bytes) || hash before
                    (32 bytes) || canonical JSON )
    mac  = HMAC-SHA256( audit key in force at the event's time, "event" || 0x00 || hash )

    target head's mac = HMAC-SHA256( audit key, "target" || 0x00 || chain, kind and id, each after
                    its length (2 bytes) || number in the target's history (8 bytes) || hash )

Numbers are big-endian. Everything before the canonical JSON has a known length, so two different
events never give the same bytes. The 0x00 marks a leaf of a Merkle tree, as in RFC 9162.
"""

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

GENESIS: Final = "0" * 64
_LEAF = b"\x00"
_CANONICAL: Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)


def canonical(content: dict[str, Any]) -> str:
    """JSON with sorted keys, without spaces, characters as they are."""
    return _CANONICAL.encode(content)


def parse(text: str) -> dict[str, Any]:
    content = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError("not an object")  # noqa: TRY004 one kind of error for any wrong text
    return content


def event_hash(chain: str, seq: int, prev_hash: str, canonical_text: str) -> str:
    return sha256(
        _LEAF + _place(chain, seq) + bytes.fromhex(prev_hash) + canonical_text.encode()
    ).hexdigest()


def event_message(event_hash: str) -> bytes:
    """What an event's MAC is made over."""
    return b"event\x00" + bytes.fromhex(event_hash)


def head_message(chain: str, seq: int, last_hash: str) -> bytes:
    """What a head row's MAC is made over."""
    return b"head\x00" + _place(chain, seq) + bytes.fromhex(last_hash)


def target_message(chain: str, kind: str, target: str, seq: int, last_hash: str) -> bytes:
    """What the MAC of a target's head row is made over."""
    place = _text(chain) + _text(kind) + _text(target) + seq.to_bytes(8)
    return b"target\x00" + place + bytes.fromhex(last_hash)


def verification_message(chain: str, state: str) -> bytes:
    """What the MAC is made over of the row that says how far a chain is verified."""
    return b"verified\x00" + _text(chain) + state.encode()


def time_text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def time_from(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _place(chain: str, seq: int) -> bytes:
    return _text(chain) + seq.to_bytes(8)


def _text(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(2) + encoded
