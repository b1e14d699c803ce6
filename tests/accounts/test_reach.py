"""What is out of a membership's reach does not exist for that person, on any page."""

import pytest

from controlpanel.accounts import access
from controlpanel.audit.models import AuditEvent
from controlpanel.audit.reading import selectors as audit_selectors
from controlpanel.lib.scope import EVERYTHING, Reach
from controlpanel.operations import selectors
from controlpanel.servers import labels, locks
from controlpanel.servers import selectors as server_selectors
from controlpanel.servers.models import Server, ServerLabel
from controlpanel.servers.selectors import Filters
from tests.operations.asks import power, sent
from tests.people import OPERATOR_TOKEN, join, keep_token, with_labels, with_servers

LIST = "/teams/acme/servers/"
WEB, DB = "web-server-01", "db-server-01"


@pytest.fixture
def labelled(server):
    ServerLabel.objects.create(server=server(WEB), key="env", value="prod")
    ServerLabel.objects.create(server=server(DB), key="env", value="staging")
    ServerLabel.objects.create(server=server(DB), key="secret")
    return server


@pytest.fixture
def pat(labelled, team, account):
    """An operator, for production only."""
    person = join(team, "pat", "operator", with_labels("env:prod"))
    keep_token(person.user, account, OPERATOR_TOKEN)
    return person


@pytest.fixture
def rita(labelled, team):
    """Reads the audit log of production only."""
    return join(team, "rita", "auditor", with_labels("env:prod"))


def seen(reach, person):
    scope = person.scope()
    return {
        one.name
        for one in server_selectors.within(reach, server_selectors.visible(scope)).filter(
            gone_at=None
        )
    }


@pytest.mark.parametrize(
    ("reach", "names"),
    [
        (with_labels("env:prod"), {WEB}),
        (with_labels("env"), {WEB, DB}),
        (with_labels("secret", "env:prod"), {WEB, DB}),
        (with_labels("en"), set()),
        (with_labels("prod"), set()),
        (with_labels("env:"), set()),
        (with_servers("12345"), {WEB}),
        (with_servers("12345", "999999"), {WEB}),
        (Reach("labels"), set()),
        (Reach("servers"), set()),
    ],
)
def test_what_is_within(labelled, bob, reach, names):
    assert seen(reach, bob) == names


def test_all_is_all(labelled, bob):
    assert len(seen(EVERYTHING, bob)) == Server.objects.filter(account__team=bob.team).count()


def test_another_teams_servers_are_never_within(labelled, charlie, other_account):
    for reach in (with_labels("env"), with_servers("12345")):
        assert seen(reach, charlie) == set()


def test_the_list_counts_and_names_what_is_within(pat):
    page = pat.get(LIST)
    assert page.context["paging"]["total"] == 1
    text = page.content.decode()
    assert WEB in text
    assert DB not in text
    assert "secret" not in text


@pytest.mark.parametrize(
    "query", ["q=db-server-01", "q=db", "label=secret", "label=env:staging", "status=stopped"]
)
def test_search_and_filters_find_nothing_else(pat, query):
    page = pat.get(f"{LIST}?{query}")
    assert page.context["nothing"] == "no_match"
    assert "/servers/12346/" not in page.content.decode()


def test_suggestions_are_of_what_is_within(pat, bob, server):
    here, there = server(WEB), server(DB)
    assert here.location != there.location
    offered = {facet.name: dict(facet.options) for facet in pat.get(LIST).context["facets"]}
    assert list(offered["label"]) == ["env:prod"]
    assert list(offered["location"]) == [here.location]
    assert list(offered["plan"]) == [here.plan_id]
    everything = {facet.name: dict(facet.options) for facet in bob.get(LIST).context["facets"]}
    assert there.location in everything["location"]


def test_a_servers_pages_are_the_404_of_an_absent_one(pat, labelled):
    there = f"{LIST}{labelled(DB).provider_id}/"
    for page in ("", "edit/", "start/", "stop/", "reboot/", "labels/", "lock/"):
        hidden, absent = pat.get(f"{there}{page}"), pat.get(f"{LIST}999999/{page}")
        assert hidden.status_code == absent.status_code == 404
        if page:
            assert pat.post(f"{there}{page}").status_code == 404
    assert pat.get(f"{LIST}{labelled(WEB).provider_id}/").status_code == 200


def test_operations_are_of_what_is_within(pat, bob, labelled):
    here = sent(power(bob, "reboot", labelled(WEB)))
    there = sent(power(bob, "reboot", labelled(DB)))
    assert list(selectors.newest(pat.scope())) == [here]
    text = pat.get("/teams/acme/operations/").content.decode()
    assert WEB in text
    assert DB not in text
    for tail in ("", "close/"):
        address = f"/teams/acme/operations/{there.id}/{tail}"
        answer = pat.post(address, {"note": "x"}) if tail else pat.get(address)
        assert answer.status_code == 404
    assert pat.get(f"/teams/acme/operations/{here.id}/").status_code == 200


def test_an_operations_page_stays_when_the_label_goes(pat, bob, alice, labelled):
    """It was theirs to see when it was asked for."""
    here = sent(power(bob, "reboot", labelled(WEB)))
    labels.put(alice.scope(), labelled(WEB), frozenset())
    assert pat.get(f"/teams/acme/operations/{here.id}/").status_code == 200
    assert pat.get(f"{LIST}{here.provider_id}/").status_code == 404


def test_the_audit_log_is_of_what_was_within(rita, bob, labelled):
    locks.lock(bob.scope(), labelled(WEB), "delete", "Keep web.")
    locks.lock(bob.scope(), labelled(DB), "delete", "Keep the database.")
    sent(power(bob, "reboot", labelled(DB)))
    assert {event.target_name for event in audit_selectors.events(rita.scope())} == {WEB}
    text = rita.get("/teams/acme/audit/").content.decode()
    assert "Keep web." in text or WEB in text
    assert DB not in text
    assert DB not in rita.get("/teams/acme/audit/?q=database").content.decode()
    hidden = AuditEvent.objects.filter(target_name=DB)[0]
    assert rita.get(f"/teams/acme/audit/{hidden.seq}/").status_code == 404


def test_history_stays_visible_to_those_who_could_see_it(rita, bob, alice, labelled):
    locks.lock(bob.scope(), labelled(WEB), "delete", "Keep web.")
    labels.put(alice.scope(), labelled(WEB), frozenset({"env:staging"}))
    events = [event.event for event in audit_selectors.events(rita.scope())]
    assert events == ["server.labelled", "server.locked"]
    locks.release(access.as_now(labelled_owner(bob)), labelled(WEB), "Later.")
    assert [event.event for event in audit_selectors.events(rita.scope())] == events


def labelled_owner(bob):
    """An admin of bob's team."""
    return join(bob.team, "ada", "admin").scope()


def test_people_and_team_events_are_not_for_who_has_some_servers(rita, alice, bob):
    alice.get("/teams/acme/members/")
    bob.get("/teams/acme/audit/")
    assert AuditEvent.objects.filter(event="authz_fail").exists()
    assert not audit_selectors.events(rita.scope()).exists()


def test_an_action_asks_again_at_the_moment_of_sending(pat, alice, labelled, sandbox):
    queued = power(pat, "reboot", labelled(WEB))
    labels.put(alice.scope(), labelled(WEB), frozenset({"env:staging"}))
    sandbox.journal.clear()
    assert sent(queued).state == "cancelled"
    assert not sandbox.changes()


def test_a_new_server_gets_one_of_their_labels(pat, synced, sandbox):
    new = {"name": "fresh-01", "plan_id": 1, "os_id": 5, "location": "us-west"}
    page = pat.get(f"{LIST}new/")
    assert 'value="env:prod"' in page.content.decode()
    refused = pat.post(f"{LIST}new/", {**new, "labels": "env:staging"})
    assert refused.status_code == 422
    assert "Give the server one of your labels" in refused.content.decode()
    assert not sandbox.changes()
    assert pat.post(f"{LIST}new/", {**new, "labels": "env:prod web"}).status_code == 303
    made = server_selectors.listed(pat.scope(), Filters(q="fresh-01")).get()
    assert labels.of(made) == {"env:prod", "web"}


def test_who_has_chosen_servers_creates_none(team, synced, account):
    chosen = join(team, "chris", "operator", with_servers("12345"))
    keep_token(chosen.user, account, OPERATOR_TOKEN)
    assert "out of your reach" in chosen.get(f"{LIST}new/").content.decode()
