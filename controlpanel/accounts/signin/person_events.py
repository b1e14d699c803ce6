"""Events about a person rather than a team: in the chain of each of their teams, or the panel's."""

from collections.abc import Mapping

from django.db import DatabaseError, InterfaceError, transaction
from django.http import HttpRequest

from controlpanel.accounts.models import Team, User
from controlpanel.accounts.request_origin import of_request
from controlpanel.audit.log import read_only, refusals, unrecorded_sign_ins
from controlpanel.audit.log.content import JSON
from controlpanel.audit.log.recorder import PANEL, AuditUnavailable, Result, Target, record
from controlpanel.lib.scope import Actor


def record_own(
    event: str,
    request: HttpRequest,
    user: User | None,
    result: Result = "success",
    *,
    tried: str = "",
    data: Mapping[str, JSON] | None = None,
) -> None:
    """`tried`: the address somebody gave who is nobody here. Call it inside a transaction.

    While somebody signs in, nobody is signed in yet: then the person themselves is the actor.
    """
    about = (
        Actor(kind="user", id=str(user.id), name=user.email)
        if user
        else Actor(kind="nobody", id="", name=tried)
    )
    actor, origin = _actor(request) or about, of_request(request)
    is_refusal = result in {"failure", "denied"}
    for chain in _chains(user):
        if is_refusal and not refusals.is_recorded(event, chain, actor, origin):
            continue
        record(
            event,
            chain=chain,
            actor=actor,
            origin=origin,
            target=Target("user", about.id, about.name),
            result=result,
            data=data,
        )


def record_if_possible(
    event: str,
    request: HttpRequest,
    user: User | None,
    result: Result = "success",
    *,
    tried: str = "",
    data: Mapping[str, JSON] | None = None,
) -> None:
    """For coming and going: people get in to look also while nothing can be recorded. Then it is
    counted, and told as one event afterwards."""
    if not read_only.closed():
        refusals.tally.tell()
        try:
            with transaction.atomic():
                record_own(event, request, user, result, tried=tried, data=data)
        except AuditUnavailable:
            pass
        except (DatabaseError, InterfaceError):
            read_only.suspect()
        else:
            return
    note_unrecorded(event, request, user.email if user else tried)


def note_unrecorded(event: str, request: HttpRequest, person: str) -> None:
    unrecorded_sign_ins.note(event, person, of_request(request).address)


def _actor(request: HttpRequest) -> Actor | None:
    user = request.user
    return Actor(kind="user", id=str(user.id), name=user.email) if isinstance(user, User) else None


def _chains(user: User | None) -> list[str]:
    if user is None:
        return [PANEL]
    teams = Team.objects.filter(memberships__user=user, closed_at=None).order_by("id")
    return [team.chain for team in teams] or [PANEL]
