"""The provider's documented examples, direct and through the gateway.

Real clients do the same with a running panel, in test_real_clients.py.
"""

import pytest
import requests

from tests.gateway.asking import key_of
from tests.gateway.examples import EXAMPLES, Example, Said, comparable
from tests.gateway.wsgi import InProcess
from tests.people import OWNER_TOKEN

pytestmark = pytest.mark.django_db


def asked(session: requests.Session, origin: str, token: str, example: Example) -> Said:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    address = f"{origin}/api/v1{example.path}"
    answer = session.request(example.method, address, headers=headers, json=example.body)
    return Said(answer.status_code, answer.json() if answer.content else None)


def test_each_works_as_it_does_without_the_panel(alice, synced, sandbox, settings):
    session = requests.Session()
    session.mount(settings.PANEL_PUBLIC_URL, InProcess())
    key = key_of(alice, synced).text
    sandbox.world.settings.provision_seconds = sandbox.world.settings.power_seconds = 0
    for example in EXAMPLES:
        first, second = (server_for(sandbox, example) for _ in range(2))
        direct = asked(session, sandbox.url, OWNER_TOKEN, example.of(first))
        last = second if example.changes else first
        through = asked(session, settings.PANEL_PUBLIC_URL, key, example.of(last))
        assert through.status == direct.status == example.status, (example.name, through)
        assert comparable(example, through.body) == comparable(example, direct.body)


def server_for(sandbox, example: Example) -> str:
    fields = {"name": "web-server-01", "hostname": "web01.example.com", "status": example.state}
    made = requests.post(f"{sandbox.url}/_sandbox/servers", json=fields, timeout=5)
    return str(made.json()["id"])
