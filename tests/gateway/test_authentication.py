import json

import pytest

from controlpanel.audit.models import AuditEvent
from controlpanel.credentials.panel_keys import services as panel_key_services
from controlpanel.credentials.panel_keys.format import new_text
from tests.gateway.asking import Script, said

pytestmark = pytest.mark.django_db


def test_every_key_that_is_not_accepted_is_answered_alike(viewer, vera, nobody):
    expired = viewer
    headers = [
        {}, {"Authorization": ""}, {"Authorization": "Bearer"}, {"Authorization": "Basic abc"},
        {"Authorization": "Bearer vps_not_ours_0001"}, {"Authorization": f"Bearer {new_text()}"},
        {"Authorization": f"Bearer {expired.text}, Bearer {expired.text}"},
    ]  # fmt: skip
    panel_key_services.revoke(vera.scope("keys.own"), viewer.key)
    headers.append({"Authorization": f"Bearer {viewer.text}"})
    answers = {(a.status_code, a.content, a["WWW-Authenticate"]) for a in (
        nobody.get("/api/v1/servers/", headers=one) for one in headers
    )}  # fmt: skip
    assert len(answers) == 1
    status, content, _scheme = answers.pop()
    assert (status, json.loads(content)["code"]) == (401, "key_not_accepted")


def test_a_revoked_key_ends_with_the_next_request(viewer, vera, sandbox):
    assert viewer.get("/servers/").status_code == 200
    panel_key_services.revoke(vera.scope("keys.own"), viewer.key)
    before = len(sandbox.journal.entries())
    assert viewer.get("/servers/").status_code == 401
    assert len(sandbox.journal.entries()) == before


def test_a_demotion_acts_on_the_next_request(operator, bob, sandbox):
    membership = bob.membership
    membership.role = "viewer"
    membership.save()
    assert operator.post("/servers/12345/stop/").status_code == 403
    assert operator.get("/servers/").status_code == 200
    assert not sandbox.changes()


def test_a_session_is_no_key(alice, synced):
    assert alice.get("/api/v1/servers/").status_code == 401


def test_a_refused_right_is_on_record(viewer):
    viewer.post("/servers/12345/stop/")
    event = AuditEvent.objects.filter(event="authz_fail").latest("seq")
    assert (event.via, event.data["permission"]) == ("gateway", "servers.stop")


def test_clear_text_is_refused_where_https_is_spoken(viewer, settings):
    settings.PANEL_PUBLIC_URL = "https://panel.example.com"
    answer = viewer.get("/servers/")
    assert (answer.status_code, said(answer)["code"]) == (403, "https_required")
    assert viewer.client.get(
        "/api/v1/servers/", headers={"Authorization": f"Bearer {viewer.text}"}, secure=True
    ).status_code == 200  # fmt: skip


def test_another_host_is_refused(viewer):
    answer = viewer.get("/servers/", Host="evil.example.com")
    assert (answer.status_code, said(answer)["code"]) == (400, "unknown_host")


def test_no_cookie_is_set(viewer: Script):
    assert not viewer.get("/servers/").cookies
