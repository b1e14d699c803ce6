"""What a team's policy asks of whoever opens one of its pages: a second step, a sign-in that is
not too old. The door asks here; how it answers is the door's matter."""

import time
from datetime import date
from typing import Final
from uuid import UUID

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.sessions.backends.base import UpdateError
from django.db import DatabaseError, InterfaceError, transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from controlpanel.accounts.models import TeamPolicy
from controlpanel.audit.log import unrecorded_sign_ins
from controlpanel.audit.log.recorder import AuditUnavailable, Target, record_by
from controlpanel.lib import clock
from controlpanel.lib.scope import Scope

# Recovery codes alone are no second step: they run out.
SECOND_STEPS: Final = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
# In the session: when this person last did something. As allauth's times, by time.time().
CLICKED_AT: Final = "clicked_at"
# And when they did for the first time: whoever comes by an invitation has not signed in.
CAME_AT: Final = "came_at"
_WRITTEN_EVERY: Final = 60


class SecondStepMissing(Exception):
    """The team lets nobody in without one any more. Nothing was done."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope.team_slug)
        self.scope = scope


class SessionOver(Exception):
    """The session is ended, and that is on the record; the message says why. Nothing was done."""


def has_second_step(user_id: UUID) -> bool:
    found: bool = Authenticator.objects.filter(user_id=user_id, type__in=SECOND_STEPS).exists()
    return found


def second_step_due(policy: TeamPolicy | None, user_id: UUID) -> date | None:
    """From when the team asks this person for one that they do not have. None: nothing to do."""
    if policy is None or policy.mfa_from is None or has_second_step(user_id):
        return None
    return policy.mfa_from


def check_second_step(request: HttpRequest, scope: Scope, policy: TeamPolicy | None) -> None:
    """Raises SecondStepMissing from that day on; before it, the page tells of the day."""
    assert scope.user_id is not None
    due = second_step_due(policy, scope.user_id)
    if due is None:
        return
    if due <= clock.now().date():
        raise SecondStepMissing(scope)
    request.second_step_from = due  # type: ignore[attr-defined]  # for the context processor


def check_session(request: HttpRequest, scope: Scope, policy: TeamPolicy | None) -> None:
    """Raises SessionOver for a sign-in that is too old, or that was left alone for too long."""
    now = time.time()
    records = [float(one["at"]) for one in get_authentication_records(request, request.user)]
    # Being asked again adds a record; the first one is the sign-in.
    since = records[0] if records else float(request.session.get(CAME_AT, now))
    hours = policy.session_hours if policy else None
    if now - since >= (hours * 3600 if hours else settings.SESSION_COOKIE_AGE):
        _end(request, scope, "absolute", *_age_words(hours))
    last = max([since, *records, float(request.session.get(CLICKED_AT, 0))])
    minutes = policy.idle_minutes if policy else None
    if minutes and now - last >= minutes * 60:
        _end(request, scope, "idle", *_idle_words(minutes))


def note_click(request: HttpRequest) -> None:
    """For what a person does, as opposed to an open page that asks by itself.

    Written at once rather than after the answer, so that a slow page does not put back what
    another one has meanwhile changed in the session.
    """
    session, now = request.session, time.time()
    if now - float(session.get(CLICKED_AT, 0)) < _WRITTEN_EVERY:
        return
    was_modified = session.modified
    session.setdefault(CAME_AT, int(now))
    session[CLICKED_AT] = int(now)
    try:
        session.save()
    except UpdateError:  # ended in this moment by somebody else: the next request says so
        return
    session.modified = was_modified


def _end(request: HttpRequest, scope: Scope, limit: str, words: str, sentence: str) -> None:
    target = Target("user", scope.actor.id, scope.actor.name)
    try:
        with transaction.atomic():
            record_by(scope, "session.expired", target, limit=limit, after=words)
    except (AuditUnavailable, DatabaseError, InterfaceError):
        # Or nobody could sign in again, to look, while nothing can be recorded.
        unrecorded_sign_ins.note("session.expired", scope.actor.name, scope.origin.address)
    logout(request)
    raise SessionOver(sentence)


def _idle_words(minutes: int) -> tuple[str, str]:
    words = ngettext("%(n)d minute without a click", "%(n)d minutes without a click", minutes) % {
        "n": minutes
    }
    return words, _("Your team asks to sign in again after %(limit)s.") % {"limit": words}


def _age_words(hours: int | None) -> tuple[str, str]:
    number = hours or settings.SESSION_COOKIE_AGE // 3600
    words = ngettext("%(n)d hour", "%(n)d hours", number) % {"n": number}
    if hours:
        sentence = _("Your team asks to sign in again %(limit)s after the last time.")
    else:
        sentence = _("A sign-in lasts %(limit)s. Sign in again to go on.")
    return words, sentence % {"limit": words}
