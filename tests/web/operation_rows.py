"""Operations in any state, without the provider."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from controlpanel.lib import clock
from controlpanel.operations.models import Operation
from controlpanel.servers.models import Server
from tests.people import Person

URL = "/teams/acme/operations/"


def operation(person: Person, account: Any, **given: Any) -> Operation:
    values = {
        "team": person.team,
        "account": account,
        "kind": "reboot",
        "state": "accepted",
        "user": person.user,
        "actor_id": str(person.user.id),
        "actor_name": person.user.email,
        "actor_role": "operator",
        "via": "page",
        "address": "192.0.2.7",
        "request_id": "request-0001",
        "form_id": uuid4().hex,
        "provider_id": "12345",
        "server_name": "web-server-01",
        "sending_at": clock.now(),
        "answered_at": clock.now(),
    }
    return Operation.objects.create(**values | given)


def ago(**units: float) -> Any:
    return clock.now() - timedelta(**units)


def new_server(account: Any, provider_id: str, **given: Any) -> Server:
    return Server.objects.create(
        account=account,
        provider_id=provider_id,
        **{"name": "web-09", "status": "active", "created_at": clock.now()} | given,
    )
