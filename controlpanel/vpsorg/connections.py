"""Connections that reads keep open, each for one origin and one credential.

A provider, or a proxy before it, can lose count of what it has answered. What it then says to the
wrong request stays within one credential: its connections serve nobody else.
"""

import os
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from urllib3.connection import HTTPConnection

from controlpanel.lib.secret import Secret
from controlpanel.vpsorg.sockets import noise

MOST_KEPT: Final = 64
IDLE_SECONDS: Final = 20.0
# No token can be guessed from what this process keeps of it.
_PEPPER: Final = secrets.token_bytes(32)


@dataclass(frozen=True, slots=True)
class Key:
    """Whose a connection is. `proof` is another for another token of the same credential."""

    origin: str
    credential: str
    proof: bytes = field(repr=False)

    @classmethod
    def of(cls, origin: str, token: Secret, credential: str = "") -> "Key":
        """`credential`: its id; without one, each token is a credential of its own."""
        proof = blake2b(token.reveal().encode(), key=_PEPPER, digest_size=16).digest()
        return cls(origin, credential or proof.hex(), proof)

    def is_outdated_by(self, other: "Key") -> bool:
        same = (self.origin, self.credential) == (other.origin, other.credential)
        return same and self.proof != other.proof


@dataclass(slots=True)
class _Kept:
    key: Key
    connection: HTTPConnection
    since: float


class Connections:
    """Of one process, all threads together: at most 64, those lent included. The one that was used
    longest ago goes first, and each 20 seconds after its last use."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._idle: list[_Kept] = []  # used longest ago first
        self._lent = 0
        self._closer: threading.Thread | None = None

    def borrow(self, key: Key) -> HTTPConnection | None:
        """One that is open and silent; None where a new one is to be made. Either way it counts
        until `give_back`."""
        with self._changed:
            self._lent += 1
        while kept := self._take(key):
            if noise(kept.connection) is None:
                return kept.connection
            kept.connection.close()
        return None

    def give_back(self, key: Key, connection: HTTPConnection | None) -> None:
        """`connection`: None where it cannot serve again."""
        with self._changed:
            self._lent -= 1
            if connection is not None:
                self._idle.append(_Kept(key, connection, time.monotonic()))
                self._watch()
            over = self._surplus()
        _close(over)

    def forget(self, credential: str) -> None:
        """Closes those of a credential that has changed, or is no more."""
        _close(self._remove(lambda kept: kept.key.credential == credential))

    def _take(self, key: Key) -> _Kept | None:
        fresh = time.monotonic() - IDLE_SECONDS
        found = None
        with self._changed:
            for place in range(len(self._idle) - 1, -1, -1):
                kept = self._idle[place]
                if kept.key == key and kept.since > fresh:
                    found = self._idle.pop(place)
                    break
            over = [] if found else self._surplus()
        if found is None:
            over += self._remove(lambda kept: kept.key.is_outdated_by(key))
        _close(over)
        return found

    def _surplus(self) -> list[_Kept]:
        """Takes out what is too much beside those lent."""
        count = len(self._idle) + self._lent - MOST_KEPT
        if count <= 0:
            return []
        over, self._idle = self._idle[:count], self._idle[count:]
        return over

    def _remove(self, is_one: Callable[[_Kept], bool]) -> list[_Kept]:
        with self._changed:
            over = [kept for kept in self._idle if is_one(kept)]
            self._idle = [kept for kept in self._idle if not is_one(kept)]
        return over

    def _watch(self) -> None:
        if self._closer is None:
            self._closer = threading.Thread(target=self._close_idle, daemon=True)
            self._closer.name = "vpsorg-connections"
            self._closer.start()

    def _close_idle(self) -> None:
        """Runs while there is any."""
        while True:
            with self._changed:
                if not self._idle:
                    self._closer = None
                    return
                wait = self._idle[0].since + IDLE_SECONDS - time.monotonic()
                if wait > 0:
                    self._changed.wait(wait)
            self._close_old(time.monotonic() - IDLE_SECONDS)

    def _close_old(self, last: float) -> None:
        _close(self._remove(lambda kept: kept.since <= last))


def _close(kept: list[_Kept]) -> None:
    for one in kept:
        one.connection.close()


_connections = Connections()


def connections() -> Connections:
    """This process's own."""
    return _connections


def _start_again() -> None:
    """A forked process does not use its parent's connections."""
    global _connections
    _connections = Connections()


os.register_at_fork(after_in_child=_start_again)
