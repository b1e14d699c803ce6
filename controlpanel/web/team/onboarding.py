"""What a team that has just been founded does next."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from controlpanel.accounts import selectors
from controlpanel.accounts.teams import invitations
from controlpanel.lib.scope import Scope


@dataclass(frozen=True, slots=True)
class Step:
    """`state`: "done", "current" or "todo"."""

    label: str
    words: str
    state: str
    url: str = ""


def steps(scope: Scope) -> list[Step]:
    """For whoever can connect an account; inviting may be somebody else's."""
    found = [
        Step(
            _("The team is founded"),
            _("%(team)s is there.") % {"team": scope.team_name},
            "done",
        ),
        Step(
            _("Connect a VPS.org account"),
            _("Paste an API token: it is checked at once, and nothing is stored until it works."),
            "current",
            reverse("account-connect", args=[scope.team_slug]),
        ),
    ]
    if scope.allows("members.manage"):
        found.append(_people(scope))
    return found


def is_alone(scope: Scope) -> bool:
    """Nobody else is there, and nobody is on the way."""
    return selectors.members(scope).count() < 2 and not invitations.open_ones(scope).exists()


def _people(scope: Scope) -> Step:
    label = _("Invite people")
    if is_alone(scope):
        words = _("By e-mail, each with a role, for all servers or for some.")
        return Step(label, words, "todo", reverse("invite", args=[scope.team_slug]))
    return Step(label, _("Somebody is there or invited."), "done")
