"""What Django and allauth note beside a sign-in and nothing hangs on: written if that is possible.

People get in to look also while the database takes nothing.
"""

from typing import Any

from allauth.account import signals as allauth
from allauth.mfa.models import Authenticator
from allauth.usersessions.signals import on_user_logged_in
from django.contrib.auth import signals as django
from django.contrib.auth.models import update_last_login

from controlpanel.audit.log import read_only


def tolerate() -> None:
    django.user_logged_in.disconnect(dispatch_uid="update_last_login")
    django.user_logged_in.connect(_last_login, dispatch_uid="last_login")
    allauth.user_logged_in.disconnect(on_user_logged_in)
    allauth.user_logged_in.connect(_session, dispatch_uid="session")
    Authenticator.record_usage = _used


def _last_login(sender: Any, user: Any, **kwargs: Any) -> None:
    read_only.if_possible(lambda: update_last_login(sender, user, **kwargs))


def _session(sender: Any, **kwargs: Any) -> None:
    read_only.if_possible(lambda: on_user_logged_in(sender, **kwargs))


_record_usage = Authenticator.record_usage


def _used(authenticator: Authenticator) -> None:
    read_only.if_possible(lambda: _record_usage(authenticator))
