"""DELETE by a script: the id is the confirmation, and what VPS.org shows under it is looked at."""

import pytest

from controlpanel.operations.models import Operation
from controlpanel.servers.models import Server
from tests.gateway.asking import said

pytestmark = pytest.mark.django_db
OWN = r"/servers/12345/$"
PATH = "/servers/12345/"
KNOWN = {"provider_id": "12345"}


def test_it_works(administrator, sandbox):
    assert administrator.send("DELETE", PATH).status_code == 204
    assert [entry.method for entry in sandbox.changes()] == ["DELETE"]


@pytest.mark.parametrize(
    "shown",
    [
        {"name": "production-db"},
        {"name": "WEB-SERVER-01"},
        {"name": ""},
        {"name": None},
        {"name": ["web-server-01"]},
        {"created_at": "2020-01-01T00:00:00Z"},
        {"created_at": "2031-05-01T12:00:00Z"},
        {"created_at": None},
        {"created_at": "yesterday"},
        {"created_at": 1700000000},
    ],
)
def test_another_server_by_now_is_409(administrator, sandbox, shown):
    sandbox.fault("rewrite", "GET", OWN, set=shown)
    answer = administrator.send("DELETE", PATH)
    assert (answer.status_code, said(answer)["code"]) == (409, "changed_meanwhile")
    assert sandbox.changes() == []
    assert Operation.objects.get().code == "changed_meanwhile"


@pytest.mark.parametrize("gone", ["name", "created_at"])
def test_an_answer_that_leaves_it_out_is_409(administrator, sandbox, gone):
    sandbox.fault("rewrite", "GET", OWN, remove=[gone])
    answer = administrator.send("DELETE", PATH)
    assert (answer.status_code, said(answer)["code"]) == (409, "changed_meanwhile")
    assert sandbox.changes() == []


@pytest.mark.parametrize("blank", [{"name": ""}, {"created_at": None}])
def test_what_the_mirror_does_not_have_is_not_compared(administrator, sandbox, synced, blank):
    Server.objects.filter(account=synced, **KNOWN).update(**blank)
    assert administrator.send("DELETE", PATH).status_code == 204


@pytest.mark.parametrize("status", [202, 302, 400, 409, 410, 500, 502, 503, 504])
def test_without_a_look_nothing_is_sent(administrator, sandbox, status):
    sandbox.fault("status", "GET", OWN, status=status)
    answer = administrator.send("DELETE", PATH)
    assert (answer.status_code, said(answer)["code"]) == (503, "not_sent")
    assert "not sent" in said(answer)["detail"]
    assert sandbox.changes() == []


def test_a_404_is_the_providers(administrator, sandbox):
    body = {"detail": "No such server."}
    sandbox.fault("status", "GET", OWN, status=404, body=body)
    answer = administrator.send("DELETE", PATH)
    assert (answer.status_code, said(answer)) == (404, body)
    assert sandbox.changes() == []


def test_a_token_that_is_refused_when_it_looks(administrator, sandbox):
    sandbox.fault("status", "GET", OWN, status=401)
    answer = administrator.send("DELETE", PATH)
    assert (answer.status_code, said(answer)["code"]) == (502, "upstream_token_refused")
    assert sandbox.changes() == []


def test_a_look_that_is_one_too_many(administrator, sandbox):
    sandbox.fault("status", "GET", OWN, status=429)
    answer = administrator.send("DELETE", PATH)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"]
    assert sandbox.changes() == []
