"""Events to look at, and the database as its owner can change it."""

import re
from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid4

from django.db import connection

from controlpanel.audit.log import triggers
from controlpanel.audit.log.recorder import Result, Target, record_now
from controlpanel.audit.models import AuditEvent
from controlpanel.audit.verification.full_check import Wrong, verify
from controlpanel.lib.scope import Actor, Origin, Scope

BOB = Actor("user", "b0b", "bob@example.com", "operator")
PAGE = Origin("page", "192.0.2.7", "Browser/1.0", "request-0001")
SENTENCE = re.compile(
    r"(Chain \S+(, event #-?\d+)?|Checkpoint #\d+): [a-z].*[a-z0-9]\.|The database .+ changed\."
)


class Team:
    def __init__(self, slug: str) -> None:
        self.id: UUID = uuid4()
        self.scope = Scope(BOB, PAGE, self.id, slug, slug.title())

    @property
    def chain(self) -> str:
        return str(self.id)

    def write(
        self,
        event: str = "server.reboot",
        *,
        target: str = "web-01",
        result: Result = "success",
        actor: Actor = BOB,
        **data: Any,
    ) -> AuditEvent:
        if event.startswith("server."):
            data = {"phase": "outcome", "operation": str(uuid4()), "account": "main", **data}
        return record_now(
            event,
            chain=self.chain,
            actor=actor,
            origin=PAGE,
            target=Target("server", f"id-{target}", target),
            result=result,
            reason="asked for",
            data=data,
        )

    def write_numbered(self, number: int) -> AuditEvent:
        return self.write(target=f"web-{number:02}")


def change(sql: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def found() -> Wrong | None:
    """What the verification says once the triggers stand again, in a whole sentence."""
    triggers.make()
    wrong = verify().wrong
    assert wrong is None or SENTENCE.fullmatch(wrong.sentence), wrong.sentence
    return wrong


def edit(team: Team, seq: int, /, **columns: Any) -> None:
    """Changes columns of one event."""
    change(
        f"UPDATE audit_auditevent SET {_set(columns)} WHERE chain = %s AND seq = %s",  # noqa: S608
        *(*columns.values(), team.chain, seq),
    )


def edit_head(team: Team, /, **columns: Any) -> None:
    change(
        f"UPDATE audit_chainhead SET {_set(columns)} WHERE chain = %s",  # noqa: S608
        *(*columns.values(), team.chain),
    )


def _set(columns: Iterable[str]) -> str:
    return ", ".join(f"{name} = %s" for name in columns)


def triggers_aside() -> None:
    """As only the database's owner can do."""
    if connection.vendor != "sqlite":
        for table in sorted(triggers._TABLES):
            change(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP TRIGGER {name}")
