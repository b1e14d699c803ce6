from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def throw_away() -> Iterator[None]:
    """A test database of one's own, outside pytest."""
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(str(name), verbosity=0)
