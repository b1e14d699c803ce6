"""What a page tells of panel keys: what each may do, for which servers, and how it is used."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.utils.functional import Promise
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from controlpanel.accounts import roles_lookup
from controlpanel.accounts.models import Membership
from controlpanel.credentials.models import PanelKey
from controlpanel.lib import clock
from controlpanel.lib.scope import EVERYTHING, Reach, Scope
from controlpanel.web.audit import timeline
from controlpanel.web.core.server_access_forms import reach_words

UNUSED: Final = timedelta(days=90)
SOON: Final = timedelta(days=14)
# Of somebody who is suspended: their keys are not accepted.
_NOTHING: Final[tuple[frozenset[str], Reach]] = (frozenset(), EVERYTHING)
_SHORT: Final[Mapping[str, Promise]] = {
    "servers.view": _l("look"),
    "servers.create": _l("create"),
    "servers.edit": _l("edit"),
    "servers.start": _l("start"),
    "servers.stop": _l("stop"),
    "servers.reboot": _l("reboot"),
    "servers.delete": _l("delete"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """`may`: what it may do now; `lost`: what its creator has lost since it was issued."""

    key: PanelKey
    person: str
    is_own: bool
    may: str
    lost: str
    reach: str
    addresses: str
    state: str
    tone: str
    works: bool
    unused: bool
    timeline_url: str

    @property
    def can_rotate(self) -> bool:
        return self.works and self.is_own and self.key.replaced_by_id is None


def rows(scope: Scope, keys: Iterable[PanelKey]) -> list[Row]:
    """In their order; the number of queries does not depend on how many there are."""
    found = list(keys)
    creators = _now(scope, {key.user_id for key in found})
    return [_row(scope, key, *creators.get(key.user_id, _NOTHING)) for key in found]


def row(scope: Scope, key: PanelKey) -> Row:
    creators = _now(scope, {key.user_id})
    return _row(scope, key, *creators.get(key.user_id, _NOTHING))


def _row(scope: Scope, key: PanelKey, rights: frozenset[str], reach: Reach) -> Row:
    """`rights` and `reach`: its creator's, as of now."""
    given = frozenset(key.permissions)
    state, tone = _state(key)
    works = key.is_usable
    sees = scope.allows("audit.view")
    timeline_url = timeline.url(scope, "panel_key", str(key.id)) if sees else ""
    return Row(
        key=key,
        person=key.user.name or key.user.email,
        is_own=key.user_id == scope.user_id,
        may=rights_words(given & rights) or _("nothing"),
        lost=_listed(given - rights) if works else "",
        reach=reach_words(key.reach & reach),
        addresses=get_text_list(list(key.addresses), _("or")) if key.addresses else "",
        state=state,
        tone=tone,
        works=works,
        timeline_url=timeline_url,
        unused=works and (key.last_used_at or key.created_at) < clock.now() - UNUSED,
    )


def rights_words(permissions: Iterable[str]) -> str:
    """ "look only", "look, start and stop"; empty for none."""
    given = set(permissions)
    return _("look only") if given == {"servers.view"} else _listed(given)


def _listed(given: Set[str]) -> str:
    told = [str(words) for name, words in _SHORT.items() if name in given]
    return str(get_text_list(told, _("and")))


def _state(key: PanelKey) -> tuple[str, str]:
    """In words, and the tone of the badge."""
    now = clock.now()
    replaced = key.replaced_by_id is not None
    if key.revoked_at is not None:
        return _("revoked"), "bad"
    if key.expires_at <= now:
        return (_("rotated") if replaced else _("expired")), ""
    if replaced:
        return _("rotated, still works"), "warn"
    if key.expires_at - now <= SOON:
        return _("ends soon"), "warn"
    return _("works"), "good"


def _now(scope: Scope, user_ids: set[UUID]) -> dict[UUID, tuple[frozenset[str], Reach]]:
    """By person, what their role lets them do now, and where. Without whoever is suspended."""
    active = Membership.objects.filter(
        team_id=scope.team_id, user_id__in=user_ids, suspended_at=None, user__is_active=True
    )
    found = {member.user_id: member for member in active}
    known = roles_lookup.among(scope.team_id, {member.role for member in found.values()})
    return {
        user_id: (known[member.role].permissions, member.reach)
        for user_id, member in found.items()
        if member.role in known
    }
