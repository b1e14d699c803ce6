"""Every call of the API, as it arrived and as it ended. Holds a token's name, never the token."""

import threading
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

MOST_CHANGES, MOST_READS = 10_000, 5_000
CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(slots=True)
class Entry:
    """`answered` is the status sent (none: no answer, or not yet); `applied`: the world changed."""

    number: int
    at: float
    method: str
    path: str
    query: dict[str, str]
    body: Any
    token: str
    request_id: str
    answered: int | None = None
    fault: str = ""
    applied: bool = False

    @property
    def changing(self) -> bool:
        return self.method in CHANGING


class Journal:
    """In memory, oldest first; the oldest entries go when there are too many."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changes: deque[Entry] = deque(maxlen=MOST_CHANGES)
        self._reads: deque[Entry] = deque(maxlen=MOST_READS)
        self._number = 0

    def open(
        self,
        *,
        at: float,
        method: str,
        path: str,
        query: dict[str, str],
        body: Any,
        token: str,
        request_id: str,
    ) -> Entry:
        with self._lock:
            self._number += 1
            entry = Entry(self._number, at, method, path, query, body, token, request_id)
            (self._changes if entry.changing else self._reads).append(entry)
            return entry

    def entries(self, *, changing: bool = False, since: int = 0) -> list[Entry]:
        with self._lock:
            found = [*self._changes] if changing else [*self._changes, *self._reads]
        found = [entry for entry in found if entry.number > since]
        return sorted(found, key=lambda entry: entry.number)

    def changes(self) -> list[Entry]:
        return self.entries(changing=True)

    def clear(self) -> None:
        with self._lock:
            self._changes.clear()
            self._reads.clear()


def as_json(entry: Entry) -> dict[str, Any]:
    return asdict(entry)
