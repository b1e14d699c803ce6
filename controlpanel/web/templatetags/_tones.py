"""Which icon and which colour goes with which word. A colour never stands alone."""

from collections.abc import Mapping
from typing import Final, TypedDict

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy


class Badge(TypedDict):
    tone: str
    icon: str  # "ring" turns; everything else is a symbol of the sprite
    word: str
    note: str
    struck: bool


# The provider's words. An unknown word is shown as it is, with a question mark.
_STATUS: Final[Mapping[str, tuple[str, str]]] = {
    "active": ("good", "dot"),
    "stopped": ("idle", "dot-hollow"),
    "suspended": ("warn", "circle-pause"),
    "provisioning": ("busy", "ring"),
    "starting": ("busy", "ring"),
    "stopping": ("busy", "ring"),
    "rebooting": ("busy", "ring"),
    "restoring": ("busy", "ring"),
    "deleting": ("busy", "ring"),
}

_RESULTS: Final[Mapping[str, tuple[str, str, Promise]]] = {
    "success": ("good", "circle-check", gettext_lazy("done")),
    "denied": ("warn", "ban", gettext_lazy("denied")),
    "failure": ("bad", "circle-x", gettext_lazy("failed")),
    "unknown": ("warn", "circle-question-mark", gettext_lazy("unknown")),
    "pending": ("busy", "ring", gettext_lazy("pending")),
}

_OPERATIONS: Final[Mapping[str, tuple[str, str, Promise]]] = {
    "requested": ("busy", "ring", gettext_lazy("requested")),
    "sending": ("busy", "ring", gettext_lazy("sending")),
    "accepted": ("busy", "ring", gettext_lazy("accepted")),
    "observed": ("good", "circle-check", gettext_lazy("observed")),
    "unknown": ("warn", "circle-question-mark", gettext_lazy("unknown")),
    "failed": ("bad", "circle-x", gettext_lazy("failed")),
    "cancelled": ("idle", "ban", gettext_lazy("cancelled")),
    "not_seen": ("warn", "eye", gettext_lazy("not seen")),
    "closed": ("idle", "archive", gettext_lazy("closed")),
}


def status(word: str, *, gone: bool, overdue: bool, note: str) -> Badge:
    if gone:
        return Badge(
            tone="bad", icon="circle-x", word=word or _("gone"), note=_("gone"), struck=True
        )
    tone, icon = _STATUS.get(word.lower(), ("warn", "circle-question-mark"))
    if overdue:
        tone, icon = "warn", "circle-question-mark"
    return Badge(tone=tone, icon=icon, word=word or _("unknown"), note=note, struck=False)


def result(name: str) -> Badge:
    tone, icon, word = _RESULTS.get(name, ("warn", "circle-question-mark", name))
    return Badge(tone=tone, icon=icon, word=str(word), note="", struck=False)


def operation(name: str, *, note: str) -> Badge:
    tone, icon, word = _OPERATIONS.get(name, ("warn", "circle-question-mark", name))
    return Badge(tone=tone, icon=icon, word=str(word), note=note, struck=False)
