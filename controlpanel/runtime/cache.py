"""A cache that outlives Redis: while it is gone, each process remembers for itself."""

import json
from typing import Any

import redis
import structlog
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache

log = structlog.get_logger(__name__)


class JSONSerializer:
    """Django's default unpickles, so whoever writes to Redis could run code here."""

    def dumps(self, value: Any) -> bytes | int:
        return value if type(value) is int else json.dumps(value).encode()

    def loads(self, data: bytes) -> Any:
        return json.loads(data)


class TolerantRedisCache(RedisCache):
    def __init__(self, server: str, params: dict[str, Any]) -> None:
        params.setdefault("OPTIONS", {})["serializer"] = JSONSerializer
        super().__init__(server, params)
        self._spare = LocMemCache("while-redis-is-gone", {})

    def add(self, *args: Any, **kwargs: Any) -> bool:
        return bool(self._try("add", *args, **kwargs))

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        """What cannot be read, or is of another kind than `default`, is not there."""
        try:
            found = self._try("get", key, default, version)
        except (ValueError, RecursionError):
            log.warning("cache.unreadable")
            return default
        return found if default is None or isinstance(found, type(default)) else default

    def set(self, *args: Any, **kwargs: Any) -> None:
        self._try("set", *args, **kwargs)

    def touch(self, *args: Any, **kwargs: Any) -> bool:
        return bool(self._try("touch", *args, **kwargs))

    def delete(self, *args: Any, **kwargs: Any) -> bool:
        return bool(self._try("delete", *args, **kwargs))

    def incr(self, *args: Any, **kwargs: Any) -> int:
        return int(self._try("incr", *args, **kwargs))

    def _try(self, verb: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return getattr(super(), verb)(*args, **kwargs)
        except redis.RedisError as error:
            log.warning("cache.redis_gone", error=type(error).__name__)
            return getattr(self._spare, verb)(*args, **kwargs)
