"""The date of a lock, as those who read it count days."""

from datetime import UTC, datetime

import pytest

from controlpanel.servers.models import ServerLock
from tests.web.asking import action_url, shows


@pytest.mark.parametrize(
    ("zone", "date"),
    [
        ("", "2026-03-01"),
        ("UTC", "2026-03-01"),
        ("Pacific/Auckland", "2026-03-02"),
        ("Asia/Tokyo", "2026-03-02"),
        ("Asia/Kolkata", "2026-03-02"),
        ("Pacific/Kiritimati", "2026-03-02"),
        ("America/New_York", "2026-03-01"),
        ("Pacific/Honolulu", "2026-03-01"),
        ("Europe/Copenhagen", "2026-03-02"),
        ("Atlantic/Azores", "2026-03-01"),
    ],
)
def test_it_is_that_of_the_readers_zone(adam, server, zone, date):
    found = server("web-server-01")
    at = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    ServerLock.objects.create(
        server=found, level="delete", by_id="x", by_name="Olga", reason="Keep.", at=at
    )
    adam.user.time_zone = zone
    adam.user.save()
    assert shows(adam.get(action_url(found, "delete")), f"Olga locked this server on {date}")
