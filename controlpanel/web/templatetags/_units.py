"""Numbers in words. Memory is in MB, storage and traffic in GB, as the mapper leaves them."""

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controlpanel.lib import clock


def megabytes(value: float | None) -> str:
    """2048 → "2 GB", 512 → "512 MB"."""
    if value is None:
        return ""
    return gigabytes(value / 1024) if value >= 1024 else _("%(n)s MB") % {"n": _short(value)}


def gigabytes(value: float | None) -> str:
    """80 → "80 GB", 2000 → "2 TB"."""
    if value is None:
        return ""
    if value >= 1000:
        return _("%(n)s TB") % {"n": _short(value / 1000)}
    return _("%(n)s GB") % {"n": _short(value)}


def percent(value: float | None) -> str:
    return "" if value is None else _("%(n)s %%") % {"n": _short(value)}


def plan_words(vcpus: int | None, memory: int | None, storage: int | None) -> str:
    """ "2 vCPU · 4 GB · 80 GB", leaving out what is not known."""
    parts = [_("%(n)s vCPU") % {"n": vcpus} if vcpus else "", megabytes(memory), gigabytes(storage)]
    return " · ".join(part for part in parts if part)


def share(used: float | None, total: float | None, unit: str) -> str:
    if used is None:
        return _("not known")
    if unit == "percent":
        return percent(used)
    words = megabytes if unit == "MB" else gigabytes
    if not total:
        return words(used)
    return _("%(used)s of %(total)s") % {"used": words(used), "total": words(total)}


def ago(when: datetime) -> str:
    """As short as a table wants it; after a month the date. static/js/time.js says the same."""
    seconds = max(0, int((clock.now() - when).total_seconds()))
    if seconds < 5:
        return _("just now")
    if seconds < 60:
        return _("%(n)s s ago") % {"n": seconds}
    if seconds < 3600:
        return _("%(n)s min ago") % {"n": seconds // 60}
    if seconds < 86400:
        return _("%(n)s h ago") % {"n": seconds // 3600}
    days = seconds // 86400
    if days < 31:
        return ngettext("%(n)s day ago", "%(n)s days ago", days) % {"n": days}
    return timezone.localtime(when).strftime("%Y-%m-%d")


def elapsed(since: datetime) -> str:
    """ "0:24", "12:05", "1:02:05"."""
    seconds = max(timedelta(0), clock.now() - since) // timedelta(seconds=1)
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0") if value < 10 else f"{value:.0f}"
