"""What one person may do, on which servers and by which rule: and so, why they cannot."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _

from controlpanel.accounts import access, roles_lookup, selectors
from controlpanel.accounts.access import MEMBER
from controlpanel.accounts.models import Membership, User
from controlpanel.accounts.permissions import PERMISSIONS, Role
from controlpanel.credentials.panel_keys import services as panel_key_services
from controlpanel.credentials.tokens import selectors as token_selectors
from controlpanel.lib.scope import Scope
from controlpanel.servers import selectors as server_selectors
from controlpanel.servers.models import Server
from controlpanel.web.api import panel_key_rows
from controlpanel.web.core import text as core_text
from controlpanel.web.core.htmx import page
from controlpanel.web.core.links import server_url
from controlpanel.web.core.people import names_of
from controlpanel.web.core.server_access_forms import reach_words
from controlpanel.web.core.view_access import door
from controlpanel.web.team import members
from controlpanel.web.team.roles import by_area

SHOWN: Final = 50
# Rights that are for the servers within reach, by the part before the dot.
_ON_SERVERS: Final = frozenset({"servers", "labels", "audit"})


@dataclass(frozen=True, slots=True)
class Right:
    """`rule`: what gives it, or what is missing; `helpers`: who can give it."""

    name: str
    sentence: str
    allowed: bool
    rule: str
    helpers: str


@door(MEMBER)
def show(request: HttpRequest, scope: Scope, user_id: UUID) -> HttpResponseBase:
    """One's own always; another member's for whoever may see the members."""
    is_own = user_id == scope.user_id
    if not is_own:
        access.require(scope, "members.view", request.path)
    member = selectors.member(scope, user_id)
    theirs = access.of_member(scope, member)
    rights = _rights(scope, theirs, member)
    asked = next((one for one in rights if one.name == request.GET.get("right")), None)
    within = _within(scope, theirs, member)
    context = {
        "member": member,
        "is_own": is_own,
        "name": member.user.name or member.user.email,
        "role": roles_lookup.label(scope.team_id, member.role),
        "reach": reach_words(theirs.reach),
        "areas": _areas(rights),
        "asked": asked,
        "servers": [
            (core_text.shown(str(one), 255), server_url(scope, one.provider_id))
            for one in within.select_related(None).order_by(*server_selectors.BY_NAME)[:SHOWN]
        ],
        "number": within.count(),
        "shown": SHOWN,
        "timeline_url": members.timeline_url(scope, member.user_id),
        "list_url": reverse("servers", args=[scope.team_slug]),
        "tokens": token_selectors.of_team(scope).get(member.user_id, []),
        "keys": _keys(scope, member),
        "crumbs": members.crumbs(scope) if scope.allows("members.view") else [],
    }
    return page(request, "team/access.html", context)


def _within(scope: Scope, theirs: Scope, member: Membership) -> QuerySet[Server]:
    """Those that both of them see in the list: whoever has none there reads no names here."""
    both = server_selectors.within(theirs.reach, server_selectors.visible(scope)).filter(
        gone_at=None
    )
    sees = scope.allows("servers.view") and _may(theirs, member, "servers.view")
    return both if sees else both.none()


def _keys(scope: Scope, member: Membership) -> list[panel_key_rows.Row] | None:
    """Those that work; None for whoever may not see other people's."""
    if member.user_id != scope.user_id and not scope.allows("keys.others"):
        return None
    return panel_key_rows.rows(scope, panel_key_services.usable_of(scope, member.user_id))


def _rights(scope: Scope, theirs: Scope, member: Membership) -> list[Right]:
    lacking = [name for name in PERMISSIONS if not _may(theirs, member, name)]
    helpers = access.who_grants(scope, lacking) if lacking else {}
    role = roles_lookup.find(scope.team_id, member.role) or Role(
        member.role, member.role, "", frozenset()
    )
    return [
        Right(
            name=name,
            sentence=_sentence(str(words)),
            allowed=name not in lacking,
            rule=_rule(theirs, member, name, role),
            helpers=names_of(_others(helpers.get(name, []), member)),
        )
        for name, words in PERMISSIONS.items()
    ]


def _may(theirs: Scope, member: Membership, name: str) -> bool:
    return member.suspended_at is None and member.user.is_active and theirs.allows(name)


def _rule(theirs: Scope, member: Membership, name: str, role: Role) -> str:
    """Which rule decides: being suspended, the role, and the servers that it is for."""
    if member.suspended_at is not None or not member.user.is_active:
        return _("suspended: may do nothing here until that is lifted")
    if name not in role.permissions:
        return _("the role %(role)s does not have it") % {"role": role.label}
    given = _("the role %(role)s has it") % {"role": role.label}
    if not theirs.allows(name):
        return _(
            "%(given)s, but it is about the whole team and counts only with access to all servers, "
            "not with %(servers)s"
        ) % {"given": given, "servers": reach_words(theirs.reach)}
    if theirs.reach.is_all or name.partition(".")[0] not in _ON_SERVERS:
        return given
    return _("%(given)s, on %(servers)s") % {"given": given, "servers": reach_words(theirs.reach)}


def _others(people: list[User], member: Membership) -> list[User]:
    return [person for person in people if person.id != member.user_id]


def _areas(rights: list[Right]) -> list[tuple[str, list[Right]]]:
    by_name = {right.name: right for right in rights}
    return [(area, [by_name[name] for name in names]) for area, names in by_area(by_name).items()]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
