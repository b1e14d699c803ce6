"""Whatever a page writes into the database, it writes an event of its own beside it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

from controlpanel.audit.models import AuditEvent
from tests.audit.emitting import ROUTES
from tests.people import Person
from tests.permissions.routes import TEAM_ROUTES, World
from tests.permissions.test_matrix import ask

_TABLE = re.compile(r'(INSERT INTO|UPDATE|DELETE FROM) "(\w+)"')
# What nobody asked for: when somebody was last seen, who looks at the provider, what it shows.
HOUSEKEEPING = {
    "django_session",
    "usersessions_usersession",
    "servers_accountsync",
    "servers_catalogueitem",
}
_LAST_SEEN = ('"last_active_at"', '"wanted_at"', '"asked_at"', '"last_login"', '"last_used_at"')


@dataclass
class Written:
    tables: set[str] = field(default_factory=set)


@contextmanager
def watched() -> Iterator[Written]:
    written = Written()

    def look(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found = _TABLE.match(sql)
        if found and not _is_housekeeping(found[2], sql):
            written.tables.add(found[2])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield written


def _is_housekeeping(table: str, sql: str) -> bool:
    set_only = sql.partition(" SET ")[2].partition(" WHERE ")[0]
    is_last_seen = set_only.count("=") == 1 and set_only.startswith(_LAST_SEEN)
    return table in HOUSEKEEPING or table.startswith("audit_") or is_last_seen


# Where what the table of rights sends would change nothing.
BODIES = {
    "server-labels": {"labels": "env:prod web"},
    "member": {"role": "operator", "reach": "all"},
}
CHANGING = [name for name, route in TEAM_ROUTES.items() if route.post]
# From the World's own state these do nothing: their own tests show what they record.
NOTHING_TO_DO = {
    "account-connect",  # without a token
    "account-disconnect",  # something is under way there
    "account-service-token",
    "account-service-token-withdraw",
    "audit-checkpoints",
    "audit-differences",  # nothing differs
    "audit-export",
    "audit-outside",
    "audit-review",
    "audit-review-rules",
    "invite",
    "leave",
    "member-restore",
    "operation-adopt",
    "operation-confirm",  # nothing was seen
    "operation-dismiss",  # it has not failed
    "panel-key-rotate",  # somebody else's
    "ownership-answer",
    "ownership-withdraw",
    "revocations",
    "server-lock",
    "server-new-api",  # shows what a script would send
    "server-start",  # it runs
    "server-unlock",
    "team-close",
    "tokens",
}


@pytest.mark.parametrize("name", CHANGING)
def test_it_is(world: World, alice: Person, name: str) -> None:
    route = TEAM_ROUTES[name]
    world.renew()
    before = set(AuditEvent.objects.values_list("chain", "seq"))
    with watched() as written:
        answer = ask(alice, name, "POST", route.ids(world), BODIES.get(name) or route.body(world))
    events = {
        event.event for event in AuditEvent.objects.all() if (event.chain, event.seq) not in before
    }
    if written.tables:
        assert events & ROUTES[name], (answer.status_code, written.tables, events)
    else:
        assert name in NOTHING_TO_DO, answer.status_code


def test_one_that_is_not_would_be_found(world: World, alice: Person) -> None:
    with watched() as written:
        world.spare.save()
    assert written.tables == {"accounts_user"}
    with watched() as written:
        alice.get(reverse("servers", kwargs={"team": "acme"}))
        alice.get(reverse("server", kwargs={"team": "acme", "provider_id": "12345"}))
    assert not written.tables
