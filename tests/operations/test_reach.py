"""Reach, labels and locks, asked for when somebody asks and once more when it is sent."""

import pytest
from django.http import Http404

from controlpanel.audit.models import AuditEvent
from controlpanel.operations import selectors, services
from controlpanel.operations.services import Refused
from controlpanel.servers import labels, locks
from controlpanel.servers.models import Server
from tests.operations.asks import NEW, ask, create, fresh, power, sent
from tests.people import look


def narrow(person, *wanted, servers=()):
    person.user.memberships.update(
        reach_kind="servers" if servers else "labels",
        reach_labels=list(wanted),
        reach_servers=list(servers),
    )


def put(alice, server, *wanted):
    labels.put(alice.scope("labels.edit"), server, frozenset(wanted))


def test_a_server_out_of_reach_cannot_be_asked_for(alice, bob, server):
    narrow(bob, "env:prod")
    with pytest.raises(Http404):
        power(bob, "reboot", server("web-server-01"))
    put(alice, server("web-server-01"), "env:prod")
    assert sent(power(bob, "reboot", server("web-server-01"))).state == "accepted"


def test_a_label_taken_off_meanwhile_cancels(alice, bob, server, sandbox):
    put(alice, server("web-server-01"), "env:prod")
    narrow(bob, "env")
    operation = power(bob, "reboot", server("web-server-01"))
    put(alice, server("web-server-01"))
    assert sent(operation).code == "right_gone"
    assert not sandbox.changes()


def test_history_stays_visible_by_the_labels_as_of_writing(alice, bob, server):
    put(alice, server("web-server-01"), "env:prod")
    operation = sent(power(alice, "reboot", server("web-server-01")))
    put(alice, server("web-server-01"))
    narrow(bob, "env:prod")
    assert list(selectors.visible(bob.scope())) == [operation]
    narrow(bob, "env:test")
    assert not selectors.visible(bob.scope())


def test_events_carry_the_labels(alice, bob, server):
    put(alice, server("web-server-01"), "env:prod", "web")
    sent(power(bob, "reboot", server("web-server-01")))
    for event in AuditEvent.objects.filter(event="server.reboot"):
        assert event.labels == "|env|env:prod|web|"


def test_whoever_is_scoped_by_label_gives_a_new_server_one_of_theirs(bob, synced, sandbox):
    narrow(bob, "env:prod")
    with pytest.raises(Refused, match="env:prod"):
        create(bob, synced)
    scope = bob.scope("servers.create")
    operation = sent(services.create(scope, synced, dict(NEW), ask(), frozenset({"env:prod"})))
    made = Server.objects.get(provider_id=operation.provider_id)
    assert labels.of(made) == {"env:prod"}
    assert "labels" not in sandbox.changes()[0].body


def test_a_lost_create_gets_its_labels_when_it_is_adopted(bob, synced, sandbox):
    sandbox.fault("drop_after", "POST", "/servers/$")
    scope = bob.scope("servers.create")
    operation = sent(services.create(scope, synced, dict(NEW), ask(), frozenset({"env:prod"})))
    look(synced)
    made = Server.objects.get(provider_id=fresh(operation.id).provider_id)
    assert labels.of(made) == {"env:prod"}


def test_whoever_has_chosen_servers_creates_none(bob, synced):
    narrow(bob, servers=["12345"])
    with pytest.raises(Refused, match="chosen servers"):
        create(bob, synced)


@pytest.mark.parametrize(
    ("level", "kind", "refused"),
    [("delete", "delete", True), ("delete", "reboot", False), ("changes", "delete", True),
     ("changes", "reboot", True), ("changes", "stop", True)],
)  # fmt: skip
def test_a_lock_refuses(alice, server, level, kind, refused):
    locks.lock(alice.scope("servers.lock"), server("web-server-01"), level, "Christmas")
    if not refused:
        assert power(alice, kind, server("web-server-01")).state == "requested"
        return
    with pytest.raises(Refused, match="Christmas"):
        power(alice, kind, server("web-server-01"))


def test_a_lock_set_meanwhile_cancels(alice, bob, server, sandbox):
    operation = power(bob, "reboot", server("web-server-01"))
    locks.lock(alice.scope("servers.lock"), server("web-server-01"), "changes", "Christmas")
    operation = sent(operation)
    assert (operation.state, operation.code) == ("cancelled", "locked")
    assert "Christmas" in operation.note
    assert not sandbox.changes()


def test_a_lock_that_lets_it_pass_is_none_for_it(alice, bob, server):
    operation = power(bob, "reboot", server("web-server-01"))
    locks.lock(alice.scope("servers.lock"), server("web-server-01"), "delete", "Christmas")
    assert sent(operation).state == "accepted"


def test_a_server_that_left_the_mirror_meanwhile_cancels(bob, server, other_account, sandbox):
    """Another team's of the same id is another server."""
    operation = power(bob, "reboot", server("web-server-01"))
    server("web-server-01").delete()
    look(other_account)
    theirs = Server.objects.filter(account=other_account)[0]
    Server.objects.filter(id=theirs.id).update(provider_id=operation.provider_id)
    assert sent(operation).code == "right_gone"
    assert not sandbox.changes()


def test_a_reach_changed_meanwhile_cancels_a_create(bob, synced, sandbox):
    narrow(bob, "env:prod")
    scope = bob.scope("servers.create")
    operation = services.create(scope, synced, dict(NEW), ask(), frozenset({"env:prod"}))
    narrow(bob, "env:test")
    operation = sent(operation)
    assert (operation.state, operation.code) == ("cancelled", "right_gone")
    assert not sandbox.changes()


def test_a_lost_creates_candidates_are_within_reach(alice, bob, vera, synced, sandbox):
    """A receipt must not show servers that do not exist for its reader."""
    sandbox.fault("drop_before", "POST", "/servers/$")
    wanted = frozenset({"env:prod"})
    scope = bob.scope("servers.create")
    operation = sent(services.create(scope, synced, dict(NEW), ask(), wanted))
    for plan_id in (2, 3):  # not quite as asked, so that a person has to say
        sandbox.world.create(
            "acme", hostname="", ssh_key_id=None, backups_enabled=False,
            **{**NEW, "plan_id": plan_id},
        )  # fmt: skip
    look(synced)
    mine, theirs = Server.objects.filter(name=NEW["name"]).order_by("provider_id")
    put(alice, theirs, "env:test")
    narrow(bob, "env:prod")
    narrow(vera, "env:prod")
    assert list(selectors.candidates_for(bob.scope(), operation)) == [mine]
    assert not selectors.candidates_for(vera.scope(), operation)
    assert selectors.candidates_for(alice.scope(), operation).count() == 2
