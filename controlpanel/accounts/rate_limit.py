"""How often a key or a person may ask: a bucket that fills steadily, shared by all processes
through Redis.

While Redis is gone every process counts for itself, and the log says so.
"""

import math
import threading
import time
from dataclasses import dataclass
from typing import Any, Final

import redis
import structlog
from django.conf import settings

log = structlog.get_logger(__name__)

_QUIET: Final = 5.0
_MOST_KEPT: Final = 10_000
# While a bucket is more than half full a process takes several at once, for this long: what it does
# not use meanwhile is lost, and never more than flows in again.
_LEASED: Final = 0.25
_MOST_LEASED: Final = 50
# KEYS: the bucket. ARGV: tokens a second, size, how many at best. Answers with [tokens taken,
# tokens left].
_SCRIPT: Final = """
local now = redis.call('TIME')
local at = tonumber(now[1]) + tonumber(now[2]) / 1000000
local rate, size, many = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local held = redis.call('HMGET', KEYS[1], 'left', 'at')
local left = tonumber(held[1]) or size
left = math.min(size, left + math.max(0, at - (tonumber(held[2]) or at)) * rate)
local taken = 0
if left >= size / 2 + many then
  taken = many
elseif left >= 1 then
  taken = 1
end
left = left - taken
redis.call('HSET', KEYS[1], 'left', tostring(left), 'at', tostring(at))
redis.call('PEXPIRE', KEYS[1], math.ceil(1000 * size / rate) + 1000)
return {taken, tostring(left)}
"""


@dataclass(frozen=True, slots=True)
class RateState:
    """Of one bucket after one request."""

    allowed: bool
    left: float
    rate: float
    size: int

    @property
    def wait(self) -> float:
        """Seconds until one more is allowed."""
        return 0.0 if self.left >= 1 else (1 - self.left) / self.rate

    @property
    def retry_after(self) -> int:
        """Whole seconds to wait, for the header of that name; at least 1."""
        return max(1, math.ceil(self.wait))

    @property
    def headers(self) -> dict[str, str]:
        """As the IETF's draft on RateLimit header fields writes them."""
        window = max(1, round(self.size / self.rate))
        full = max(0, round((self.size - self.left) / self.rate))
        return {
            "RateLimit-Policy": f'"key";q={self.size};w={window}',
            "RateLimit": f'"key";r={int(self.left)};t={full}',
        }


def take(name: str, rate: float, size: int) -> RateState:
    """One request from the bucket `name`, which holds `size` and fills by `rate` a second."""
    shared = _shared.take(name, rate, size)
    return shared or _own.take(name, rate, size)


@dataclass(slots=True)
class _Lease:
    tokens: int
    beside: float  # left in the bucket
    ends: float


class _Shared:
    def __init__(self) -> None:
        self._script: Any = None
        self._silent_until = 0.0
        self._leases: dict[str, _Lease] = {}
        self._lock = threading.Lock()

    def take(self, name: str, rate: float, size: int) -> RateState | None:
        """None without Redis."""
        now = time.monotonic()
        if not settings.REDIS_URL or now < self._silent_until:
            return None
        if left := self._from_lease(name, now):
            return RateState(True, left - 1, rate, size)
        many = max(1, min(_MOST_LEASED, int(rate * _LEASED)))
        try:
            taken, text = self._ask(name, rate, size, many)
        except redis.RedisError as error:
            self._silent_until = now + _QUIET
            log.warning("gateway.rates_per_process", error=type(error).__name__)
            return None
        left = float(text)
        if taken > 1:
            self._lease(name, _Lease(taken - 1, left, now + _LEASED))
        return RateState(taken > 0, left + max(0, taken - 1), rate, size)

    def _from_lease(self, name: str, now: float) -> float:
        """How many were left before this one was taken; 0 without a lease."""
        with self._lock:
            lease = self._leases.get(name)
            if lease is None or not lease.tokens or now > lease.ends:
                return 0
            lease.tokens -= 1
            return lease.beside + lease.tokens + 1

    def _lease(self, name: str, lease: _Lease) -> None:
        with self._lock:
            held = self._leases.get(name)
            if held and time.monotonic() <= held.ends:
                lease.tokens += held.tokens  # another thread's, taken at the same moment
            if len(self._leases) >= _MOST_KEPT:
                self._leases.clear()
            self._leases[name] = lease

    def _ask(self, name: str, rate: float, size: int, many: int) -> Any:
        if self._script is None:
            client = redis.Redis.from_url(
                settings.REDIS_URL, socket_connect_timeout=0.3, socket_timeout=0.5
            )
            self._script = client.register_script(_SCRIPT)
        return self._script(keys=[f"panel:rate:{name}"], args=[rate, size, many])


class _Own:
    """For this process alone."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, name: str, rate: float, size: int) -> RateState:
        now = time.monotonic()
        with self._lock:
            left, at = self._held.get(name, (float(size), now))
            left = min(float(size), left + (now - at) * rate)
            allowed = left >= 1
            left -= allowed
            if len(self._held) >= _MOST_KEPT:
                self._held.clear()
            self._held[name] = (left, now)
        return RateState(allowed, left, rate, size)


_shared, _own = _Shared(), _Own()
