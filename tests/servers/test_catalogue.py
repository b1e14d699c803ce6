"""What is offered for a new server: of a list that arrived whole, just that."""

import json
from datetime import timedelta

import pytest

from controlpanel.lib import clock
from controlpanel.servers.models import CatalogueItem
from tests.people import look

PATHS = {
    "plan": ("/plans/$", "id"),
    "location": ("/locations/$", "code"),
    "os": ("/operating-systems/$", "id"),
    "ssh_key": ("/ssh-keys/$", "id"),
}


@pytest.fixture
def listed(synced, sandbox):
    """`listed("plan", 1, 2)`: the provider lists those, and what is offered then."""

    def show(kind, *ids, status=200, **body):
        path, key = PATHS[kind]
        results = [{key: one, "name": f"no {one}"} for one in ids]
        content = json.dumps({"count": len(ids), "results": results, **body})
        sandbox.desk.faults.clear()
        sandbox.fault("status", "GET", path, status=status, body=content, times=None)
        clock.shift(timedelta(hours=2))
        look(synced)
        return offered(synced, kind)

    return show


def offered(account, kind):
    items = CatalogueItem.objects.filter(account=account, kind=kind, is_offered=True)
    return set(items.values_list("provider_id", flat=True))


@pytest.mark.parametrize(
    ("kind", "ids"),
    [("plan", (1, 77)), ("os", (5, 77)), ("location", ("us-west", "mars")), ("ssh_key", (77,))],
)
def test_what_is_not_listed_is_not_offered(listed, kind, ids):
    assert listed(kind, *ids) == {str(one) for one in ids}
    assert listed(kind, ids[0]) == {str(ids[0])}
    assert listed(kind, *ids) == {str(one) for one in ids}
    assert listed(kind) == set()


def test_what_a_server_has_is_not_offered_for_that(listed, synced, sandbox):
    assert listed("plan", 77) == {"77"}
    look(synced)
    assert offered(synced, "plan") == {"77"}
    # Known by name all the same: servers have it.
    assert CatalogueItem.objects.get(account=synced, kind="plan", provider_id="1").name
    sandbox.world.add_servers(3)
    CatalogueItem.objects.filter(account=synced, kind="plan").exclude(provider_id="77").delete()
    look(synced)
    assert offered(synced, "plan") == {"77"}


@pytest.mark.parametrize(
    ("ids", "how"),
    [
        ((77,), {"status": 404}),
        ((77,), {"status": 403}),
        ((77,), {"status": 500}),
        ((77,), {"count": 9}),
        ((77,), {"next": "http://elsewhere.example/?page=2"}),
        ((77,), {"results": "none"}),
        ((77,), {"results": [{"uuid": "x", "name": "known by another id"}]}),
        ((77,), {"results": [None]}),
        ((77,), {"results": [{"id": "not-a-number"}]}),
        ((), {"count": 1}),
        ((), {"success": False}),
        ((), {"error": "The database is down."}),
        ((77,), {"errors": [{"message": "One region did not answer."}]}),
    ],
)
def test_a_list_that_did_not_arrive_whole_withdraws_nothing(listed, synced, ids, how):
    before = offered(synced, "plan")
    assert before
    assert listed("plan", *ids, **how) >= before


@pytest.mark.parametrize("kind", PATHS)
def test_what_a_person_added_stays(listed, synced, kind):
    CatalogueItem.objects.create(
        account=synced, kind=kind, provider_id="4711", name="ours", source="hand"
    )
    assert listed(kind) == {"4711"}
    if kind != "location":
        assert listed(kind, 4711) == {"4711"}
        assert CatalogueItem.objects.get(kind=kind, provider_id="4711").name == "ours"
    assert listed(kind) == {"4711"}


def test_the_other_account_keeps_its_own(listed, synced, bob):
    other = type(synced).objects.create(team=synced.team, name="Other", origin=synced.origin)
    CatalogueItem.objects.create(account=other, kind="plan", provider_id="5", source="endpoint")
    listed("plan", 77)
    assert offered(other, "plan") == {"5"}


def test_the_create_form_does_not_offer_it(listed, bob):
    listed("plan", 77)
    page = bob.get("/teams/acme/servers/new/").content.decode()
    assert "no 77" in page
    assert "Performance VPS" not in page
