"""The shield over the audit log, its page, and the red banner that stays while something is wrong.

Who is there for some servers only is told that something is wrong, and no more: a place or a name
may be of a server that they do not see.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from controlpanel.audit.export import bundle
from controlpanel.audit.log.recorder import PANEL
from controlpanel.audit.verification import progress
from controlpanel.audit.verification.progress import COMMON, ChainProgress, Trouble
from controlpanel.lib import clock
from controlpanel.lib.scope import Scope
from controlpanel.web.core.htmx import page
from controlpanel.web.core.view_access import door
from controlpanel.web.templatetags import _units

# The workers look every minute.
LATE: Final = timedelta(minutes=5)

_CHANGED: Final = _l("an event was changed after it was written, or was never written by the panel")
_GONE: Final = _l("events that were there are gone")
_ADDED: Final = _l("there are events that the panel did not write")
_ORDER: Final = _l("events do not follow each other as they were written")
_HEAD: Final = _l("what says where the record ends was changed")
_CHECKPOINT: Final = _l("a signed checkpoint was changed, or contradicts the record")
KINDS: Final[Mapping[str, Promise]] = {
    "hash": _CHANGED,
    "columns": _CHANGED,
    "mac": _CHANGED,
    "unreadable": _CHANGED,
    "missing": _GONE,
    "tail_cut": _GONE,
    "rolled_back": _GONE,
    "head_missing": _GONE,
    "target_missing": _GONE,
    "target_ahead": _GONE,
    "duplicate": _ADDED,
    "beyond_head": _ADDED,
    "link": _ORDER,
    "target": _ORDER,
    "rewritten": _ORDER,
    "epoch": _l("an event was signed with a key that was not in force at its time"),
    "head_mac": _HEAD,
    "head_hash": _HEAD,
    "head_epoch": _HEAD,
    "target_mac": _HEAD,
    "target_head": _HEAD,
    "triggers": _l("the database no longer refuses to change what is recorded"),
    "file": _l("the checkpoints' file outside the database was changed or cut"),
    "signing_key": _l("a public key of the checkpoints was changed"),
    "reads_changed": _l("counts of scripts’ reads were changed on their way into the record"),
    "reads_missing": _l("counts of scripts’ reads were left out of the record"),
    "reads_twice": _l("counts of scripts’ reads were put into the record twice"),
    "verification": _l("what the panel wrote down about its own verification was changed"),
}


@dataclass(frozen=True, slots=True)
class Shield:
    """`tone`: good, warn or bad. `number`: verified up to that event, 0 for none yet."""

    tone: str
    words: str
    at: datetime | None
    number: int
    url: str


@dataclass(frozen=True, slots=True)
class Banner:
    tone: str
    title: str
    text: str
    url: str = ""
    label: str = ""


def shield(scope: Scope) -> Shield:
    rows = progress.of([COMMON, str(scope.team_id)])
    return _shield(scope, rows[COMMON], rows[str(scope.team_id)])


def banners(scope: Scope) -> list[Banner]:
    """On every page of the team; nobody can dismiss them."""
    wanted = [COMMON, str(scope.team_id)]
    if _reads_of_panel(scope):
        wanted.append(PANEL)
    return [
        _banner(scope, one.chain, one.wrong) for one in progress.of(wanted).values() if one.wrong
    ]


@door("audit.view")
def show(request: HttpRequest, scope: Scope) -> HttpResponseBase:
    rows = progress.of([COMMON, str(scope.team_id)])
    common, own = rows[COMMON], rows[str(scope.team_id)]
    context: dict[str, Any] = {
        "shield": _shield(scope, common, own),
        "full": progress.time(max(own.full, common.full)),
        "checkpoint": common.points.number,
        "checkpoint_at": progress.time(common.points.at),
        "troubles": [_trouble(scope, one) for one in (own, common) if one.wrong],
        "verifier_hash": bundle.verifier_hash(),
        "crumbs": [{"label": _("Audit"), "url": reverse("audit", args=[scope.team_slug])}],
    }
    return page(request, "audit/verification.html", context)


def _shield(scope: Scope, common: ChainProgress, own: ChainProgress) -> Shield:
    url = reverse("audit-verification", args=[scope.team_slug])
    at = progress.time(own.at if own.behind else max(own.at, common.at))
    number = own.place.seq
    if common.wrong or own.wrong:
        return Shield("bad", _("Something is wrong"), at, number, url)
    if at is None:
        return Shield("warn", _("Not verified yet"), at, number, url)
    late = clock.now() - at
    if late > LATE:
        words = _("Not checked for %(time)s") % {"time": _units.elapsed(at)}
        return Shield("warn", words, at, number, url)
    return Shield("good", _("Verified to #%(number)s") % {"number": f"{number:,}"}, at, number, url)


def _banner(scope: Scope, chain: str, wrong: Trouble) -> Banner:
    if chain == PANEL:
        title = _("The panel’s own audit log is damaged.")
    else:
        title = _("The audit log is damaged.")
    sentences = [f"{_what(wrong)}."]
    if scope.reach.is_all and wrong.seq is not None:
        sentences.append(_place(chain, wrong))
    sentences.append(
        _(
            "Whoever runs this panel should keep a copy of the database as it is, and run "
            "“manage.py verify_audit”."
        )
    )
    url = reverse("audit-verification", args=[scope.team_slug])
    if not scope.allows("audit.view") or chain == PANEL:
        url = ""
    return Banner("bad", title, " ".join(sentences), url, _("What that means") if url else "")


def _trouble(scope: Scope, one: ChainProgress) -> dict[str, Any]:
    wrong = one.wrong
    assert wrong
    told = scope.reach.is_all
    return {
        "what": _what(wrong),
        "kind": wrong.kind,
        "place": _place(one.chain, wrong) if told and wrong.seq is not None else "",
        "sentence": wrong.sentence if told else "",
        "at": progress.time(wrong.at),
    }


def _what(wrong: Trouble) -> str:
    words = str(KINDS.get(wrong.kind, _CHECKPOINT))
    return words[:1].upper() + words[1:]


def _place(chain: str, wrong: Trouble) -> str:
    words = (
        _("The first wrong place is checkpoint #%(number)s.")
        if chain == COMMON
        else _("The first wrong place is event #%(number)s.")
    )
    return words % {"number": wrong.seq}


def _reads_of_panel(scope: Scope) -> bool:
    """The panel's chain has no readers of its own here: the owners are told that it is damaged."""
    return scope.allows("team.manage") and scope.reach.is_all
