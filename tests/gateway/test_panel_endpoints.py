"""What the panel answers by itself: /account/me/ and /operations/<id>/."""

import uuid

import pytest

from controlpanel.operations.models import Operation
from tests.gateway.asking import key_of, said
from tests.people import with_servers

pytestmark = pytest.mark.django_db


def test_account_me_is_the_key(operator, sandbox, bob):
    before = len(sandbox.journal.entries())
    answer = operator.get("/account/me/")
    assert answer.status_code == 200
    found = said(answer)
    assert found["token"]["name"] == "ci-deploy"
    assert found["token"]["permissions"] == ["servers:read", "servers:write"]
    assert "servers.delete" not in found["token"]["rights"]
    assert found["account"].keys() == {
        "email", "first_name", "last_name", "company_name", "created_at",
    }  # fmt: skip
    assert bob.user.email.encode() not in answer.content
    assert len(sandbox.journal.entries()) == before


def test_account_me_of_a_viewer_reads(viewer):
    assert said(viewer.get("/account/me/"))["token"]["permissions"] == ["servers:read"]


def test_an_operation_works(operator, viewer):
    made = operator.post("/servers/12345/stop/")
    operation = Operation.objects.get()
    found = said(viewer.get(f"/operations/{operation.id}/"))
    assert made["X-Operation"].endswith(f"/operations/{operation.id}/")
    assert (found["kind"], found["state"], found["provider_status"]) == ("stop", "accepted", 200)
    assert found["receipt"].endswith(f"/teams/acme/operations/{operation.id}/")


def test_its_receipt_names_the_key(operator, alice):
    operator.post("/servers/12345/stop/")
    page = alice.get(f"/teams/acme/operations/{Operation.objects.get().id}/")
    assert "the panel key “ci-deploy”" in page.content.decode()


def test_an_operation_out_of_reach_is_absent(operator, vera, synced):
    operator.post("/servers/12345/stop/")
    script = key_of(vera, synced, reach=with_servers("12346"))
    beyond = script.get(f"/operations/{Operation.objects.get().id}/")
    absent = script.get(f"/operations/{uuid.uuid4()}/")
    assert beyond.status_code == absent.status_code == 404
    assert beyond.content == absent.content


@pytest.mark.parametrize("name", ["x", "z" * 36, "-" * 36])
def test_an_operation_that_is_none(viewer, name):
    assert viewer.get(f"/operations/{name}/").status_code == 404
