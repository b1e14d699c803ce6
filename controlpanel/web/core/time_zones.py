"""The time zones that a person or a team chooses from."""

from functools import cache
from zoneinfo import available_timezones


@cache
def time_zones() -> list[tuple[str, str]]:
    """Places only: the table's other names are older spellings. It is hundreds of files to open."""
    names = sorted(name for name in available_timezones() if "/" in name)
    places = [name for name in names if not name.startswith(("Etc/", "SystemV/", "US/"))]
    return [("", "UTC"), *((name, name.replace("_", " ")) for name in places)]
