"""What a label decides: who sees a server, and whether the team asks for a reason."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.utils.translation import gettext as _

from controlpanel.accounts.models import Invitation, Membership, reach_of
from controlpanel.accounts.teams import team_policies
from controlpanel.credentials.models import PanelKey
from controlpanel.lib import clock
from controlpanel.lib.scope import EVERYTHING, Reach, Scope

# Adding or taking off what decides somebody's access is changing what that person may do.
RIGHT: Final = "members.manage"


@dataclass(frozen=True, slots=True)
class Holder:
    """A member, panel key or open invitation whose reach names labels; `name` as pages say it."""

    name: str
    reach: Reach
    # Id of the person, or of the key's creator; empty of an invitation.
    person: str = ""

    def names(self, label: str) -> bool:
        return any(part.kind == "labels" and part.covers(label) for part in self.reach.parts)

    def sees(self, provider_id: str, labels: Iterable[str]) -> bool:
        """Whether a server of this id with these labels is within reach."""
        labels = frozenset(labels)
        return all(
            any(map(part.covers, labels)) if part.kind == "labels" else provider_id in part.servers
            for part in self.reach.parts
        )


@dataclass(frozen=True, slots=True)
class Effect:
    """Who gains a server, or loses it, by a change of its labels."""

    name: str
    gains: bool
    person: str


def holders(team_id: UUID) -> list[Holder]:
    """Suspended members too: once that is lifted, their reach is what it was."""
    members = Membership.objects.filter(team_id=team_id).exclude(reach_kind="all")
    by_user = {one.user_id: one for one in members.select_related("user")}
    found = [
        Holder(one.user.name or one.user.email, one.reach, str(one.user_id))
        for one in by_user.values()
        if one.reach_kind == "labels"
    ]
    for key in (
        PanelKey.usable().filter(team_id=team_id, reach_kind="labels").select_related("user")
    ):
        own = by_user.get(key.user_id)
        name = _("the panel key %(key)s of %(person)s") % {
            "key": key.name,
            "person": key.user.name or key.user.email,
        }
        found.append(Holder(name, key.reach & (own.reach if own else EVERYTHING), str(key.user_id)))
    open_ones = Invitation.objects.filter(
        team_id=team_id,
        reach_kind="labels",
        accepted_at=None,
        revoked_at=None,
        expires_at__gt=clock.now(),
    )
    found += [
        Holder(_("%(email)s (invited)") % {"email": one.email}, reach_of(one)) for one in open_ones
    ]
    return sorted(found, key=lambda one: one.name.casefold())


def deciding(team_id: UUID, labels: Collection[str]) -> frozenset[str]:
    """Of these labels those that decide what somebody sees."""
    if not labels:
        return frozenset()
    theirs = holders(team_id)
    return frozenset(label for label in labels if any(one.names(label) for one in theirs))


def asking_for_a_reason(team_id: UUID, labels: Collection[str]) -> frozenset[str]:
    """Of these labels those that the team's policy names."""
    if not labels:
        return frozenset()
    policy = team_policies.of(team_id)
    return frozenset(label for label in labels if team_policies.names_label(policy, label))


def effects(
    team_id: UUID, provider_id: str, before: Collection[str], after: Collection[str]
) -> list[Effect]:
    """Who gains or loses the server, sorted by name."""
    return [
        Effect(one.name, one.sees(provider_id, after), one.person)
        for one in holders(team_id)
        if one.sees(provider_id, before) != one.sees(provider_id, after)
    ]


def shown(scope: Scope, known: Collection[str]) -> list[tuple[str, list[str]]]:
    """Labels that decide who sees a server, each with the names of those: for whoever manages
    members. Others are told those of the labels that they know, without names."""
    if not scope.allows(RIGHT):
        return [(label, []) for label in sorted(deciding(scope.team_id, known))]
    found: dict[str, list[str]] = {}
    for one in holders(scope.team_id):
        for label in frozenset().union(*(part.labels for part in one.reach.parts)):
            found.setdefault(label, []).append(one.name)
    return sorted(found.items())


def beyond(scope: Scope, labels: Collection[str]) -> frozenset[str]:
    """Of a new server's labels those that this person, or key, must not give: what decides other
    people's access. One's own labels everybody gives, or they would not see what they made."""
    if scope.allows(RIGHT):
        return frozenset()
    own = Holder("", scope.reach)
    return deciding(scope.team_id, [label for label in labels if not own.names(label)])


def refusal(labels: Iterable[str]) -> str:
    return _(
        "These labels decide who sees a server, so only somebody who manages all members can add "
        "them or take them off: %(labels)s."
    ) % {"labels": ", ".join(sorted(labels))}
