"""PUT, PATCH and DELETE of a server, and the three power calls."""

import pytest

from controlpanel.accounts.models import TeamPolicy
from controlpanel.operations.models import Operation
from controlpanel.servers import locks
from tests.gateway.asking import key_of, said
from tests.people import with_servers

pytestmark = pytest.mark.django_db
WHOLE = {"name": "renamed", "hostname": "renamed.example.com", "backups_enabled": True}


def test_patch_works(operator, sandbox, server):
    answer = operator.send("PATCH", "/servers/12345/", {"name": "renamed"})
    assert (answer.status_code, said(answer)["name"]) == (200, "renamed")
    (call,) = sandbox.changes()
    assert (call.method, call.body) == ("PATCH", {"name": "renamed"})
    assert Operation.objects.get().before == {"name": "web-server-01"}


def test_a_patch_of_everything_stays_a_patch(operator, sandbox):
    operator.send("PATCH", "/servers/12345/", WHOLE)
    assert sandbox.changes()[-1].method == "PATCH"


def test_put_works(operator, sandbox):
    answer = operator.send("PUT", "/servers/12345/", WHOLE)
    assert answer.status_code == 200
    (call,) = sandbox.changes()
    assert (call.method, call.body) == ("PUT", WHOLE)


def test_a_put_that_lacks_a_field_is_the_providers_to_refuse(operator):
    answer = operator.send("PUT", "/servers/12345/", {"name": "renamed"})
    assert answer.status_code == 400
    assert "hostname" in said(answer)


def test_delete_works(administrator, sandbox):
    answer = administrator.send("DELETE", "/servers/12345/")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "Content-Type" not in answer.headers
    assert sandbox.changes()[-1].method == "DELETE"


def test_an_operator_cannot_delete(operator, sandbox):
    answer = operator.send("DELETE", "/servers/12345/")
    assert (answer.status_code, said(answer)["permission"]) == (403, "servers.delete")
    assert not sandbox.changes()


@pytest.mark.parametrize(
    ("verb", "server_id", "word"),
    [("start", 12348, "starting"), ("stop", 12345, "stopping"), ("reboot", 12345, "rebooting")],
)
def test_power_works(operator, verb, server_id, word):
    answer = operator.post(f"/servers/{server_id}/{verb}/")
    assert (answer.status_code, said(answer)["server"]["status"]) == (200, word)


def test_power_takes_an_empty_object_and_no_more(operator, sandbox):
    assert operator.post("/servers/12345/reboot/", {}).status_code == 200
    answer = operator.post("/servers/12346/reboot/", {"hard": True})
    assert (answer.status_code, said(answer)["code"]) == (400, "no_body")


def test_already_running_is_the_providers_400(operator):
    answer = operator.post("/servers/12345/start/")
    assert answer.status_code == 400
    assert "running" in said(answer)["detail"].lower()


def test_a_change_takes_no_parameters(operator, sandbox):
    assert operator.post("/servers/12345/start/?force=1").status_code == 400
    assert not sandbox.changes()


def test_out_of_reach_is_absent(bob, synced, sandbox):
    script = key_of(bob, synced, reach=with_servers("12345"))
    beyond = script.post("/servers/12346/stop/")
    absent = script.post("/servers/99999/stop/")
    assert beyond.status_code == absent.status_code == 404
    assert beyond.content == absent.content
    assert not sandbox.changes()


def test_a_server_that_the_mirror_does_not_have_yet(operator, sandbox, synced):
    synced.servers.filter(provider_id="12345").delete()
    assert operator.post("/servers/12345/stop/").status_code == 200


def test_a_lock_binds_scripts(operator, alice, server, sandbox):
    locks.lock(alice.scope("servers.lock"), server("web-server-01"), "changes", "Release day")
    answer = operator.post("/servers/12345/stop/")
    assert (answer.status_code, said(answer)["code"]) == (409, "locked")
    assert "Release day" in said(answer)["detail"]
    assert not sandbox.changes()


def test_a_reason_where_the_team_wants_one(operator, team, sandbox):
    TeamPolicy.objects.create(team=team, reason_kinds=["stop"])
    answer = operator.post("/servers/12345/stop/")
    assert (answer.status_code, said(answer)["code"]) == (400, "reason_required")
    assert "X-Reason" in said(answer)["detail"]
    assert operator.post("/servers/12345/stop/", X_Reason="Größe ändern").status_code == 200
    assert Operation.objects.get().reason == "Größe ändern"


def test_without_a_token_of_ones_own(vera, synced, team, sandbox):
    membership = vera.membership  # a viewer keeps no token, and as an operator has none yet
    membership.role = "operator"
    membership.save()
    answer = key_of(vera, synced).post("/servers/12345/stop/")
    assert (answer.status_code, said(answer)["code"]) == (409, "no_token")
    assert not sandbox.changes()


def test_a_lost_answer_is_unknown_and_can_be_looked_at(operator, sandbox):
    sandbox.fault("drop_after", "POST", "/reboot/$")
    answer = operator.post("/servers/12345/reboot/")
    assert (answer.status_code, said(answer)["state"]) == (504, "unknown")
    path = said(answer)["operation"].partition("/api/v1")[2]
    found = said(operator.get(path))
    assert (found["state"], found["kind"], found["server"]["id"]) == ("unknown", "reboot", "12345")
