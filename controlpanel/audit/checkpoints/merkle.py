"""Merkle trees as in RFC 9162 (2.1): pure functions over bytes.

leaf = SHA-256( 0x00 || data )      node = SHA-256( 0x01 || left || right )
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

EMPTY: Final = sha256(b"").digest()


def leaf(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Of leaf hashes. Level by level gives the RFC's tree: an odd one out moves up as it is."""
    level = list(leaves)
    if not level:
        return EMPTY
    while len(level) > 1:
        level = _above(level)
    return level[0]


def proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The siblings from the leaf at `index` up to the root."""
    return path(levels(leaves), index)


def levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """From the leaves up to the root."""
    found = [list(leaves)]
    while len(found[-1]) > 1:
        found.append(_above(found[-1]))
    return found


def path(levels: Sequence[Sequence[bytes]], index: int) -> list[bytes]:
    """The siblings from the leaf at `index` up to the root."""
    if not 0 <= index < len(levels[0]):
        raise IndexError(index)
    found = []
    for level in levels[:-1]:
        sibling = index ^ 1
        if sibling < len(level):
            found.append(level[sibling])
        index //= 2
    return found


def root_from(leaf_hash: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that the proof leads to; ValueError for a path of another length."""
    if not 0 <= index < size:
        raise ValueError("index")
    here, left, last = leaf_hash, list(path), size - 1
    while last:
        if index % 2:
            here = node(_next(left), here)
        elif index < last:
            here = node(here, _next(left))
        index, last = index // 2, last // 2
    if left:
        raise ValueError("too long")
    return here


def _next(path: list[bytes]) -> bytes:
    if not path:
        raise ValueError("too short")
    return path.pop(0)


def _above(level: list[bytes]) -> list[bytes]:
    pairs = [node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return pairs + level[len(level) - len(level) % 2 :]
