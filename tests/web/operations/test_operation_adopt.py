import pytest

from controlpanel.audit.models import AuditEvent
from tests.people import HTMX, look
from tests.web.asking import denials, shows
from tests.web.operation_rows import URL, ago, new_server, operation

BODY = {"name": "web-09", "plan_id": 1, "os_id": 5, "location": "us-west"}


@pytest.fixture
def lost(bob, account):
    return operation(
        bob, account, kind="create", state="unknown", provider_id="", server_name="web-09",
        body=BODY, requested_at=ago(minutes=1),
    )  # fmt: skip


@pytest.fixture
def candidates(account):
    return [new_server(account, "20001"), new_server(account, "20002")]


def url(lost):
    return f"{URL}{lost.id}/adopt/"


def test_it_works(bob, lost, candidates):
    answer = bob.post(url(lost), {"server": "20002"})
    assert answer.status_code == 303
    assert answer["Location"] == f"{URL}{lost.id}/"
    lost.refresh_from_db()
    assert (lost.state, lost.provider_id) == ("accepted", "20002")
    assert AuditEvent.objects.get(event="server.create").actor_name == bob.user.email
    assert shows(bob.get(answer["Location"]), "/teams/acme/servers/20002/")


def test_two_created_servers_wait_for_a_person(bob, sandbox, synced):
    """The whole way: an answer lost, and somebody else makes a second server like it."""
    sandbox.fault("drop_after", "POST")
    form = {"name": "web-09", "plan_id": "1", "os_id": "5", "location": "us-west"}
    receipt = bob.post("/teams/acme/servers/new/", form)["Location"]
    sandbox.world.create("acme", hostname="", ssh_key_id=None, backups_enabled=False, **BODY)
    look(synced)
    page = bob.get(receipt)
    assert shows(page, "2 new servers match what was asked for")
    chosen = max(server.provider_id for server in synced.servers.filter(name="web-09"))
    assert bob.post(f"{receipt}adopt/", {"server": chosen}).status_code == 303
    assert f"/teams/acme/servers/{chosen}/" in bob.get(receipt).content.decode()
    assert len(sandbox.changes()) == 1


def test_it_works_through_htmx(bob, lost, candidates):
    answer = bob.post(url(lost), {"server": "20002"}, headers=HTMX)
    assert answer["HX-Redirect"] == f"{URL}{lost.id}/"


@pytest.mark.parametrize("server", ["", "12345", "nonsense", "\x00"])
def test_only_a_candidate_can_be_chosen(bob, lost, candidates, server):
    page = bob.post(url(lost), {"server": server})
    assert page.status_code == 422
    assert shows(page, "Choose one of the servers that are listed here.")
    lost.refresh_from_db()
    assert lost.state == "unknown"


@pytest.mark.parametrize(("kind", "state"), [("create", "observed"), ("reboot", "unknown")])
def test_what_is_settled_stays(bob, account, kind, state, candidates):
    settled = operation(bob, account, kind=kind, state=state)
    assert bob.post(url(settled), {"server": "20002"}).status_code == 409
    settled.refresh_from_db()
    assert settled.state == state


def test_it_requires_sign_in(nobody, lost):
    assert nobody.post(url(lost), {"server": "20002"}).status_code == 302


def test_it_requires_the_right(vera, lost, candidates):
    answer = vera.post(url(lost), {"server": "20002"})
    assert answer.status_code == 403
    assert shows(answer, "create servers")
    assert denials() == 1
    lost.refresh_from_db()
    assert lost.state == "unknown"


def test_it_hides_from_outsiders(charlie, lost, candidates):
    assert charlie.post(url(lost), {"server": "20002"}).status_code == 404


def test_it_rejects_get(bob, lost):
    assert bob.get(url(lost)).status_code == 405
