"""The one place that asks what time it is, so that a test can move it."""

from datetime import UTC, datetime, timedelta

_offset = timedelta(0)


def now() -> datetime:
    """Current time, aware, UTC."""
    return datetime.now(UTC) + _offset


def shift(by: timedelta) -> None:
    """Move this process's clock; only tests call it."""
    global _offset
    _offset += by


def reset() -> None:
    global _offset
    _offset = timedelta(0)
