"""Changes of the database's shape, on the record: which migrations there were, and which there are.

Written after a migrate that did something; what could not be written then, such as before there
were keys, is written at the next start.
"""

from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from controlpanel.audit.log.append import PURPOSE
from controlpanel.audit.log.recorder import PANEL, AuditUnavailable, Target, hold, record
from controlpanel.audit.models import AuditEvent
from controlpanel.audit.tables import baseline
from controlpanel.keys import ring
from controlpanel.keys.models import KeyCheck
from controlpanel.lib import request_id
from controlpanel.lib.scope import Actor, Origin

log = structlog.get_logger(__name__)


def migrated(plan: list[Any] | None = None, **_signal: Any) -> None:
    if not plan:
        return
    try:
        # Before this database has seen the keys the first start records it: what was sealed with a
        # key that the database does not know would be taken for a restored one.
        if KeyCheck.objects.filter(key_id=ring.current().active(PURPOSE).id).exists():
            record_changes()
            baseline.take()
    except (AuditUnavailable, DatabaseError, InterfaceError, ring.KeysNotReady) as error:
        log.warning("panel.migration_not_recorded", error=type(error).__name__)


def record_changes() -> None:
    """Nothing if what is there has been recorded. Raises AuditUnavailable."""
    now = _newest()
    with transaction.atomic():
        hold(PANEL)
        last = (
            AuditEvent.objects.filter(chain=PANEL, event="panel.migrated").order_by("-seq").first()
        )
        before: dict[str, str] = last.data["after"] if last else {}
        changed = sorted(
            app for app in before.keys() | now.keys() if before.get(app) != now.get(app)
        )
        if not changed:
            return
        record(
            "panel.migrated",
            chain=PANEL,
            actor=Actor(kind="command", id="command", name="command line"),
            origin=Origin(via="command", request_id=request_id.current()),
            target=Target("panel", "", "panel"),
            result="success",
            data={
                "apps": changed,
                "before": before,
                "after": now,
            },
        )


def _newest() -> dict[str, str]:
    """By app, the last migration that was applied."""
    newest: dict[str, str] = {}
    for app, name in MigrationRecorder(connection).applied_migrations():
        newest[app] = max(name, newest.get(app, ""))
    return newest
