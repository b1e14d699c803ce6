"""What the pages say while the panel is read-only: since when, why, and what to do."""

from collections.abc import Mapping
from typing import Final

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from controlpanel.audit.events.event_type import Words
from controlpanel.audit.log import read_only
from controlpanel.web.core.banner import Banner

_WHY: Final[Mapping[str, Words]] = {
    "locked": _l("Something else keeps the panel’s database locked."),
    "full": _l("The disk of the panel’s database is full."),
    "read_only": _l("The panel’s database takes nothing new: it is set to read-only."),
    "keys": _l("The keys that vouch for the audit log cannot be used."),
    "changed": _l("Somebody has changed the audit log in the database, past the panel."),
    "database": _l("The panel’s database does not take the audit record."),
}
_DO: Final[Mapping[str, Words]] = {
    "full": _l("Whoever runs it makes room there; the panel goes on by itself then."),
    "read_only": _l("Whoever runs it makes it writable; the panel goes on by itself then."),
    "keys": _l("Whoever runs it restores the key ring; the panel goes on by itself then."),
    "changed": _l(
        "Whoever runs it finds out what happened (manage.py verify_audit says where), puts it "
        "right, and opens the panel again with manage.py reopen."
    ),
}


def banner() -> Banner | None:
    closed = read_only.closed()
    if closed is None:
        return None
    since = timezone.localtime(closed.since)
    words = _(
        "Since %(time)s on %(day)s nothing can be recorded, so nothing is changed or sent to "
        "VPS.org; you can look at everything."
    ) % {"time": date_format(since, "H:i"), "day": date_format(since, "j F")}
    wait = _("The panel tries again every few seconds and goes on by itself.")
    do = _DO.get(closed.why, wait)
    return Banner("bad", f"{words} {_WHY[closed.why]} {do}", title=_("The panel is read-only."))
