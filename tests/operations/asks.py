"""Short ways to ask for a change as a person does, without a page."""

from typing import Any
from uuid import UUID

from controlpanel.lib import ids
from controlpanel.operations import runner, services
from controlpanel.operations.models import Operation
from controlpanel.operations.services import Ask
from controlpanel.servers.models import Server
from tests.people import Person

NEW = {"name": "fresh-01", "plan_id": 1, "os_id": 5, "location": "us-west"}


def ask(form_id: str = "") -> Ask:
    return Ask(form_id or ids.new_form_id())


def power(person: Person, kind: str, server: Server) -> Operation:
    asked: Operation = getattr(services, kind)(person.scope(f"servers.{kind}"), server, ask())
    return asked


def create(person: Person, account: Any, **fields: Any) -> Operation:
    scope = person.scope("servers.create")
    return services.create(scope, account, {**NEW, **fields}, ask())


def rename(person: Person, server: Server, name: str) -> Operation:
    scope = person.scope("servers.edit")
    return services.update(scope, server, {"name": name}, {"name": server.name}, ask())


def sent(operation: Operation) -> Operation:
    runner.send(operation.id)
    return fresh(operation.id)


def fresh(operation_id: UUID) -> Operation:
    return Operation.objects.select_related("account").get(id=operation_id)
