"""The fields of a change as pages name them."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _l

FIELD_LABELS: Final[Mapping[str, Promise]] = {
    "name": _l("Name"),
    "hostname": _l("Hostname"),
    "location": _l("Location"),
    "plan_id": _l("Plan"),
    "os_id": _l("System"),
    "ssh_key_id": _l("SSH key"),
    "backups_enabled": _l("Backups"),
}
