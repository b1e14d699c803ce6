"""A script: a client with a panel key, as plain as curl."""

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.test import Client

from controlpanel.accounts.models import Account
from controlpanel.credentials.models import PanelKey
from controlpanel.credentials.panel_keys import services as panel_key_services
from controlpanel.lib.scope import EVERYTHING, Reach
from tests.people import Person

BASE = "/api/v1"
LOOK = frozenset({"servers.view"})


class Script:
    def __init__(self, key: PanelKey, text: str) -> None:
        self.key = key
        self.text = text
        self.client = Client(raise_request_exception=False)

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(BASE + path, headers=self._headers(headers))

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        content = b"" if body is None else json.dumps(body).encode()
        return self.raw(method, path, content, "application/json", **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("POST", path, body, **headers)

    def raw(self, method: str, path: str, content: bytes, kind: str, **headers: str) -> Any:
        return self.client.generic(
            method, BASE + path, content, kind, headers=self._headers(headers)
        )

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        named = {name.replace("_", "-"): text for name, text in more.items()}
        return {"Authorization": f"Bearer {self.text}", **named}


def key_of(
    person: Person,
    account: Account,
    permissions: Iterable[str] | None = None,
    *,
    reach: Reach = EVERYTHING,
    addresses: Iterable[str] = (),
    days: int = 90,
    name: str = "ci-deploy",
) -> Script:
    """With all that the person may do to servers, unless it is said otherwise."""
    scope = person.scope("keys.own")
    theirs = panel_key_services.grantable(scope)
    issued = panel_key_services.issue(
        scope,
        account,
        name=name,
        permissions=frozenset(theirs if permissions is None else permissions),
        reach=reach,
        addresses=list(addresses),
        days=days,
    )
    return Script(issued.key, issued.text.reveal())


def said(response: HttpResponse) -> Any:
    return json.loads(response.content)


DAY = timedelta(days=1)
