from django.db import models

from controlpanel.lib import clock


class KeyCheck(models.Model):
    """Says whether a key of the ring is the one this database was used with, and not what it is."""

    key_id = models.CharField(primary_key=True, max_length=40)
    value = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=clock.now)
    # When a stored value that had needed it was last sealed again, with another key.
    last_needed_at = models.DateTimeField(null=True)
    # From then on the ring may lack it, and nothing may need it. Its number is not given again.
    retired_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.key_id
