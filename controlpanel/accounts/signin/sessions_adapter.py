"""allauth's hook for sessions: whoever ends one, it is on the record."""

from collections.abc import Iterable

from allauth.core import context
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from allauth.usersessions.models import UserSession
from django.db import transaction

from controlpanel.accounts.signin.person_events import record_own
from controlpanel.lib.text import clean


class SessionsAdapter(DefaultUserSessionsAdapter):  # type: ignore[misc]  # allauth ships no types
    def end_sessions(self, sessions: Iterable[UserSession]) -> None:
        with transaction.atomic():
            for session in sessions:
                data = {"address": session.ip, "browser": clean(session.user_agent, 200)}
                super().end_sessions([session])
                record_own("session.ended", context.request, session.user, data=data)
