"""A server's state in words, with what is being done to it."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple

from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from controlpanel.lib import clock
from controlpanel.operations.models import Operation
from controlpanel.operations.states import STUCK, State
from controlpanel.servers.models import Server
from controlpanel.web.core.text import shown
from controlpanel.web.servers import freshness
from controlpanel.web.templatetags import _tones, _units

# The documented filter words, then those seen in the provider's examples.
STATUSES: Final = (
    "active",
    "stopped",
    "suspended",
    "provisioning",
    "starting",
    "stopping",
    "rebooting",
    "restoring",
)
_DOING: Final[dict[str, Promise]] = {
    "create": gettext_lazy("Creating"),
    "update": gettext_lazy("Saving"),
    "delete": gettext_lazy("Deleting"),
    "start": gettext_lazy("Starting"),
    "stop": gettext_lazy("Stopping"),
    "reboot": gettext_lazy("Rebooting"),
}

_KINDS: Final[dict[str, Promise]] = {
    "create": gettext_lazy("create"),
    "update": gettext_lazy("edit"),
    "delete": gettext_lazy("delete"),
    "start": gettext_lazy("start"),
    "stop": gettext_lazy("stop"),
    "reboot": gettext_lazy("reboot"),
}


def badge(server: Server, running: Operation | None, *, brief: bool = False) -> SafeString:
    """Fifty rows have few different badges: each is made once. `brief`: where the page says once
    how old all of it is."""
    return _markup(**_badge(server, running, brief=brief))


class Attention(NamedTuple):
    """A badge with the operation that it is about; empty and none where there is nothing."""

    badge: SafeString
    operation: Operation | None


def attention(server: Server, running: Operation | None, found: Sequence[Operation]) -> Attention:
    """What stands before the status in a row: what is unknown, else what was not done, unless the
    status says it already. The newest, and how many more there are."""
    rest = [one for one in found if running is None or one.id != running.id]
    if not rest or server.gone_at is not None:
        return Attention(SafeString(""), None)
    one = rest[0]
    kind = str(_KINDS[one.kind])
    if len(rest) > 1:
        kind = _("%(kind)s, and %(number)d more") % {"kind": kind, "number": len(rest) - 1}
    if one.state == State.UNKNOWN.value:
        return Attention(_markup(**_doubtful(_("Unknown"), kind)), one)
    word = _("Failed") if one.state == State.FAILED.value else _("Not done")
    badge = _markup(tone="bad", icon="circle-x", word=word, note=kind, struck=False)
    return Attention(badge, one)


def _badge(server: Server, running: Operation | None, *, brief: bool) -> _tones.Badge:
    """One state from beginning to end: a reboot does not flash "stopped" in between."""
    if server.gone_at is None and running is None and freshness.is_doubtful(server.account):
        return _as_last_seen(server, brief=brief)
    if running is None or server.gone_at is not None:
        gone = server.gone_at is not None
        return _tones.status(shown(server.status, 64), gone=gone, overdue=False, note="")
    word = str(_DOING[running.kind])
    if running.state == State.UNKNOWN.value:
        return _doubtful(_("Unknown"), _("%(doing)s, not confirmed") % {"doing": word.lower()})
    if clock.now() - running.requested_at > STUCK:
        return _doubtful(word, _("unusually long"))
    note = format_html(
        '<time class="tabular" datetime="{}" data-elapsed>{}</time>',
        running.requested_at.isoformat(),
        _units.elapsed(running.requested_at),
    )
    return _tones.Badge(tone="busy", icon="ring", word=word, note=note, struck=False)


@lru_cache(maxsize=512)
def _markup(tone: str, icon: str, word: str, note: str, struck: bool) -> SafeString:
    context = {"tone": tone, "icon": icon, "word": word, "note": note, "struck": struck}
    return render_to_string("components/badge.html", context)


def seen_at(server: Server) -> datetime:
    """The newest sighting: in the account's list, or by this server's own detail."""
    times = (freshness.age([server.account]).at, server.detail_at)
    known = [when for when in times if when and server.gone_at is None]
    return max([server.seen_at, *known])


def plan(server: Server) -> str:
    return _plan(server.vcpus, server.memory, server.storage)


def _as_last_seen(server: Server, *, brief: bool) -> _tones.Badge:
    """Nobody knows whether it is still so: no colour, and how old that is."""
    known = _tones.status(shown(server.status, 64), gone=False, overdue=False, note="")
    at = seen_at(server)
    note = format_html(
        '{} <time datetime="{}" data-ago>{}</time>', _("seen"), at.isoformat(), _units.ago(at)
    )
    icon = "dot-hollow" if known["tone"] == "good" else known["icon"]
    return _tones.Badge(
        tone="idle",
        icon="circle-question-mark" if icon == "ring" else icon,
        word=known["word"],
        note="" if brief else note,
        struck=False,
    )


def _doubtful(word: str, note: str) -> _tones.Badge:
    return _tones.Badge(
        tone="warn", icon="circle-question-mark", word=word, note=note, struck=False
    )


_plan = lru_cache(maxsize=512)(_units.plan_words)
