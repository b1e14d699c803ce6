"""Founding, renaming and colouring teams.

Closing one stands in `operations.leaving.disconnecting`: what is under way forbids it.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID, uuid5

from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from controlpanel.accounts import access, colours, limits, projections, selectors
from controlpanel.accounts.models import Membership, Team, User
from controlpanel.accounts.teams.members import OWNER
from controlpanel.audit.checkpoints import delivery
from controlpanel.audit.log.recorder import Target, record, record_by
from controlpanel.lib import clock
from controlpanel.lib.scope import Actor, Origin, Scope
from controlpanel.lib.text import clean, numbered

# Two people may found teams of one name at the same moment, and both want its address.
_ATTEMPTS: Final = 3
# So long the same form with the same content is taken for a second click.
_SAME_CLICK: Final = timedelta(seconds=60)


class FormSentBefore(Exception):
    """A team was founded with this form, by another name or a while ago. Nothing was done."""


class TeamRefused(Exception):
    """Nothing was changed; the message is a sentence about this field."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


def create(user: User, origin: Origin, name: str, colour: str, form_id: str) -> Team:
    """The founder is its owner. The same form sent twice is one team.
    Raises TeamRefused, FormSentBefore."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _create(user, origin, name, colour, uuid5(user.id, form_id))
        except IntegrityError:
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError("unreachable")


def change(scope: Scope, name: str, colour: str) -> bool:
    """Its address stays. False if nothing differs. Raises TeamRefused."""
    name = _good_name(name)
    _refuse_colour(colour)
    # Outside of the transaction, which would take the record of a refusal back with it.
    access.require(access.as_now(scope), "team.manage", "")
    with transaction.atomic():
        team = Team.objects.select_for_update().get(id=scope.team_id)
        before = {"name": team.name, "colour": team.colour}
        after = {"name": name, "colour": colour}
        if before == after:
            return False
        if scope.user_id and name != team.name:
            _refuse_second(User.objects.get(id=scope.user_id), name, besides=team.id)
        team.name, team.colour = name, colour
        team.save(update_fields=["name", "colour"])
        delivery.rename(team.chain, name)
        record_by(
            scope,
            "team.changed",
            Target("team", str(team.id), name),
            before=before,
            after=after,
        )
    return True


def _create(user: User, origin: Origin, name: str, colour: str, team_id: UUID) -> Team:
    name = _good_name(name)
    _refuse_colour(colour)
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(id=user.id)  # two clicks stand in line
        earlier = Team.objects.filter(id=team_id).first()
        if earlier:
            _refuse_otherwise(earlier, name, colour)
            return earlier
        _refuse_second(user, name)
        _count(user)
        team = Team.objects.create(id=team_id, slug=free_slug(name), name=name, colour=colour)
        owner = Membership.objects.create(team=team, user=user, role=OWNER)
        record(
            "team.created",
            chain=team.chain,
            actor=Actor("user", str(user.id), user.email, OWNER),
            origin=origin,
            target=Target("team", str(team.id), team.name),
            result="success",
            data={"slug": team.slug, "colour": colour},
            rows=[projections.of_team(team), projections.of_member(owner)],
        )
    return team


def _refuse_otherwise(team: Team, name: str, colour: str) -> None:
    """A form's id answers for its content: with another name it asks for another team."""
    is_same = (team.name, team.colour) == (name, colour)
    if not is_same or clock.now() - team.created_at > _SAME_CLICK:
        raise FormSentBefore


def _count(user: User) -> None:
    try:
        limits.take((limits.TEAMS_OF_PERSON, str(user.id)))
    except limits.Exceeded as over:
        sentence = _(
            "You have founded %(most)d teams within a day. You can found the next one after "
            "%(time)s."
        )
        words = {"most": over.rule.most, "time": over.time}
        raise TeamRefused("name", sentence % words) from None


def _good_name(name: str) -> str:
    name = clean(name, 120)
    if not name:
        raise TeamRefused("name", _("Give the team a name."))
    return name


def _refuse_colour(colour: str) -> None:
    if colour not in colours.COLOURS:
        raise TeamRefused("colour", _("Choose a colour from the list."))


def _refuse_second(user: User, name: str, besides: UUID | None = None) -> None:
    """Two teams of one name in one menu: somebody would act in the wrong one."""
    same = selectors.teams_of(user).filter(name__iexact=name).values_list("id", flat=True)
    if set(same) - {besides}:
        raise TeamRefused("name", _("You are in a team of that name already. Choose another."))


_SLUG_LENGTH = 50
# What stands at a team's place in an address and is none.
_RESERVED = ("new",)


def found_team(name: str, owner: User) -> Membership:
    """A new team with its first owner, founded from the command line."""
    with transaction.atomic():
        team = Team.objects.create(
            slug=free_slug(name), name=clean(name, 120), colour=_colour_for(owner)
        )
        scope = access.command_scope(team, frozenset({"members.manage"}))
        said = [projections.of_team(team)]
        record_by(scope, "team.created", Target("team", str(team.id), team.name), rows=said)
        return add_member(scope, team, owner, "owner")


def add_member(scope: Scope, team: Team, user: User, role: str) -> Membership:
    with transaction.atomic():
        membership = Membership.objects.create(team=team, user=user, role=role)
        target = Target("user", str(user.id), user.email)
        record_by(
            scope, "member.added", target, rows=[projections.of_member(membership)], role=role
        )
    return membership


def free_slug(name: str) -> str:
    """“Acme Corp.” is acme-corp, the second one acme-corp-2."""
    base = slugify(name)[: _SLUG_LENGTH - 4].strip("-_") or "team"
    taken = set(Team.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    return numbered(base, "-", {*taken, *_RESERVED})


def _colour_for(owner: User) -> str:
    """For another team in this person's menu."""
    return colours.next_unused(selectors.teams_of(owner).values_list("colour", flat=True))
