"""What a process was started with, on the record: settings, and which of them are new."""

from collections.abc import Mapping

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError

from controlpanel import VERSION, env
from controlpanel.audit.log import clock_jumps, read_only
from controlpanel.audit.log.recorder import PANEL, AuditUnavailable, Target, record_now
from controlpanel.audit.models import AuditEvent
from controlpanel.audit.tables import baseline, schema_changes
from controlpanel.keys import macs
from controlpanel.keys.ring import KeysNotReady
from controlpanel.lib import request_id
from controlpanel.lib.scope import Actor, Origin
from controlpanel.lib.text import clean, redact

log = structlog.get_logger(__name__)


def record_start(process: str) -> None:
    """`process`: "web" or "worker". One that cannot record it starts all the same: people may look,
    and nothing else is done."""
    with request_id.bound(request_id.current() or request_id.new()):
        try:
            read_only.read_back()
            schema_changes.record_changes()
            baseline.take()
            clock_jumps.read_back()
            _record(process)
        except (AuditUnavailable, DatabaseError, InterfaceError, KeysNotReady):
            log.exception("panel.start_not_recorded", process=process)
            read_only.suspect()


def shown_settings() -> dict[str, str]:
    """Without a secret in it: those are told apart by a keyed hash."""
    secret = {setting.name for setting in env.SETTINGS if setting.secret}
    shown = {
        name: _hashed(value) if name in secret else redact(clean(value, 300))
        for name, value in env.given().items()
    }
    return shown | {"SECRET_KEY": _hashed(settings.SECRET_KEY)}


def _record(process: str) -> None:
    now = shown_settings()
    last = (
        AuditEvent.objects.filter(chain=PANEL, event="panel.started", target_id=process)
        .order_by("-seq")
        .first()
    )
    before: Mapping[str, str | None] = last.data["settings"] if last else now
    changed = sorted(
        name for name in before.keys() | now.keys() if before.get(name) != now.get(name)
    )
    record_now(
        "panel.started",
        chain=PANEL,
        actor=Actor(kind="worker", id="panel", name="panel"),
        origin=Origin(via="worker", request_id=request_id.current()),
        target=Target("process", process, process),
        result="success",
        data={
            "phase": "changed" if changed else "same",
            "version": VERSION,
            "settings": now,
            "changed": changed,
            "before": {name: before.get(name) for name in changed},
        },
    )


def _hashed(value: str) -> str:
    return f"secret {macs.fingerprint(value)}"
