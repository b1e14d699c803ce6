import pytest
import requests

from tests.gateway.asking import key_of, said
from tests.people import OWNER_TOKEN, with_servers

pytestmark = pytest.mark.django_db


def test_it_works(viewer, sandbox):
    answer = viewer.get("/servers/12345/")
    direct = requests.get(
        f"{sandbox.url}/api/v1/servers/12345/",
        headers={"Authorization": f"Bearer {OWNER_TOKEN}"},
        timeout=5,
    )
    assert answer.status_code == 200
    assert said(answer).keys() == direct.json().keys()


def test_it_uses_the_sync_token(viewer, sandbox):
    viewer.get("/servers/12345/")
    assert sandbox.journal.entries()[-1].token == "acme-owner"


def test_an_absent_server_and_one_out_of_reach_are_alike(vera, synced, sandbox):
    script = key_of(vera, synced, reach=with_servers("12345"))
    before = len(sandbox.journal.entries())
    beyond, absent = script.get("/servers/12346/"), script.get("/servers/99999/")
    assert beyond.status_code == absent.status_code == 404
    assert beyond.content == absent.content
    assert len(sandbox.journal.entries()) == before


def test_the_providers_404_passes(viewer):
    answer = viewer.get("/servers/99999/")
    assert (answer.status_code, said(answer)) == (404, {"detail": "Server does not exist"})


@pytest.mark.parametrize("path", ["/servers/..%2f..%2fplans/", "/servers/%2e%2e/", "/servers/a;b/"])
def test_a_path_cannot_lead_elsewhere(viewer, path, sandbox):
    before = len(sandbox.journal.entries())
    assert viewer.get(path).status_code == 404
    assert len(sandbox.journal.entries()) == before


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"kind": "status", "status": 401}, 502, "upstream_token_refused"),
        ({"kind": "status", "status": 403}, 502, "upstream_token_refused"),
        ({"kind": "status", "status": 500}, 502, "server_error"),
        ({"kind": "status", "status": 302}, 502, "redirect"),
        ({"kind": "status", "status": 200, "body": "<html>"}, 502, "unreadable"),
        ({"kind": "drop_before", "times": None}, 502, "connection_lost"),
    ],
)
def test_trouble_of_the_provider(viewer, sandbox, fault, status, code):
    kind = fault.pop("kind")
    sandbox.fault(kind, "GET", "/servers/12345/$", **fault)
    answer = viewer.get("/servers/12345/")
    assert (answer.status_code, said(answer)["code"]) == (status, code)
    assert said(answer)["detail"].endswith((".", "token."))


def test_the_provider_asks_for_fewer_calls(viewer, sandbox):
    sandbox.fault("status", "GET", "/servers/12345/$", status=429, body='{"detail": "Slow"}')
    answer = viewer.get("/servers/12345/")
    assert (answer.status_code, said(answer)) == (429, {"detail": "Slow"})
    assert int(answer["Retry-After"]) > 0


def test_nobody_answers(viewer, settings, synced):
    synced.origin = settings.VPSORG_API_ORIGIN = "http://127.0.0.1:9"
    synced.save()
    answer = viewer.get("/servers/12345/")
    assert answer.status_code == 503


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            '{"id": 12345, "status": "active", "password_auth": "active", "n": 1e400}',
            '{"id": 12345, "status": "active", "password_auth": "active", "n": 1e400}',
        ),
        (
            '{"id": 12345, "status": "active", "root_password": "active", "n": 0.10}',
            '{"id": 12345, "status": "active", "n": 0.10}',
        ),
        (
            '{"id": 12345, "os": {"p\\u0061ssword": "x", "id": 5}, "n": -0}',
            '{"id": 12345, "os": {"id": 5}, "n": -0}',
        ),
    ],
)
def test_nothing_but_secrets_is_left_out(vera, synced, sandbox, body, expected):
    sandbox.fault("status", "GET", "/servers/12345/$", status=200, body=body)
    near = key_of(vera, synced, reach=with_servers("12345"))
    assert near.get("/servers/12345/").content.decode() == expected


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"id": 12346, "name": "another"}', 502),
        ('{"id": "12346"}', 502),
        ('{"uuid": "0b0e7c0a", "hostname": "a"}', 502),
        ('{"id": 12345, "name": "web-server-01"}', 200),
        ('{"id": "12345"}', 200),
        ('{"uuid": "12345"}', 200),
        ('{"name": "without an id"}', 200),
        ('{"server": {"id": 12346}}', 200),
        ("[]", 200),
    ],
)
def test_what_is_said_of_another_server_is_no_answer(viewer, sandbox, body, status):
    """As a provider says that has lost count of what it answered."""
    sandbox.fault("status", "GET", "/servers/12345/$", status=200, body=body)
    answer = viewer.get("/servers/12345/")
    assert answer.status_code == status
    assert status == 502 or answer.content.decode() == body
