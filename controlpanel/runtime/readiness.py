"""Whether this process may start: the one list of reasons why not, each a sentence."""

import sys
from collections.abc import Callable
from typing import Final, NoReturn

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from controlpanel.accounts.models import User
from controlpanel.audit.log import triggers
from controlpanel.keys import readiness
from controlpanel.lib import request_id
from controlpanel.runtime import start_event

# gunicorn ends altogether on this code, and would start a worker again and again on another.
EXIT_CODE = 3


class NotReady(Exception):
    """Start-up is refused; the message is a sentence that says what to do."""


def refuse_unless_ready() -> None:
    """Raises NotReady."""
    try:
        with request_id.bound(request_id.current() or request_id.new()):
            for check in _CHECKS:
                check()
    except DatabaseError as error:
        raise NotReady(
            f"The database cannot be used ({type(error).__name__}). Check that it runs and that "
            "DATABASE_URL is right."
        ) from error
    except (readiness.KeysNotReady, triggers.TriggersMissing) as error:
        raise NotReady(str(error)) from error


def exit_unless_ready(process: str) -> None:
    """For the processes that serve: one sentence instead of a traceback. That one starts, and with
    which settings, is on the record."""
    try:
        refuse_unless_ready()
    except NotReady as error:
        _exit(str(error))
    start_event.record_start(process)


def _exit(sentence: str) -> NoReturn:
    sys.stderr.write(f"The panel does not start. {sentence}\n")
    raise SystemExit(EXIT_CODE)


def _migrated() -> None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise NotReady("The database is not up to date. Run `manage.py migrate` first.")


def _no_uninvited_demo_people() -> None:
    if not settings.PANEL_DEMO and User.objects.filter(is_demo=True).exists():
        raise NotReady(
            "This database holds the demo people, whose password everybody knows. Use another "
            "database, or set PANEL_DEMO=1 if this is a demo."
        )


def _openid_is_whole() -> None:
    if settings.PANEL_OIDC_TROUBLE:
        raise NotReady(settings.PANEL_OIDC_TROUBLE)


_CHECKS: Final[tuple[Callable[[], None], ...]] = (
    _openid_is_whole,
    _migrated,
    triggers.refuse_unless_complete,
    readiness.refuse_unless_ready,
    _no_uninvited_demo_people,
)
