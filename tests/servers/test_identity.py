"""One server is team, origin and the provider's id, whatever account shows it, and whenever."""

from datetime import timedelta

import pytest
from django.conf import settings

from controlpanel.accounts.models import Account
from controlpanel.accounts.teams import members
from controlpanel.audit.models import AuditEvent
from controlpanel.audit.tables import differences, projections
from controlpanel.lib import clock
from controlpanel.operations import services
from controlpanel.operations.leaving import disconnecting
from controlpanel.servers import labels, locks
from controlpanel.servers.models import Server, ServerLock
from tests.operations.asks import NEW, ask, create, power, sent
from tests.people import ADMIN_TOKEN, GLOBEX_TOKEN, OWNER_TOKEN, keep_token, look, with_servers

WEB = "web-server-01"
MADE = r"/servers/(\?.*)?$"


def connected(person, name="Again", token=OWNER_TOKEN):
    origin = settings.VPSORG_API_ORIGIN
    account = Account.objects.create(team=person.team, name=name, origin=origin)
    keep_token(person.user, account, token, is_sync=True)
    return account


def of(account, name=WEB):
    return Server.objects.select_related("account").get(account=account, name=name)


def marked(alice, server):
    locks.lock(alice.scope("servers.lock"), server, "changes", "Release day")
    labels.replace(server, {"env:prod", "web"})
    return server


def disconnect(alice, account):
    account.refresh_from_db()
    disconnecting.disconnect(alice.scope("accounts.connect"), account)


@pytest.fixture
def again(alice, synced, server):
    """Disconnected with a lock and labels on one server, and connected again."""
    marked(alice, server(WEB))
    disconnect(alice, synced)
    return connected(alice)


def test_lock_and_labels_survive(again):
    look(again)
    assert labels.of(of(again)) == {"env:prod", "web"}
    held = ServerLock.objects.get()
    assert (held.server, held.level, held.reason) == (of(again), "changes", "Release day")
    assert not labels.of(of(again, "db-server-01"))


def test_and_bind(alice, again, sandbox):
    look(again)
    with pytest.raises(services.Refused, match="Release day"):
        power(alice, "stop", of(again))
    assert not sandbox.changes()


def test_a_second_time_too(alice, again):
    look(again)
    disconnect(alice, again)
    third = connected(alice, "Third")
    look(third)
    assert ServerLock.objects.get().server == of(third)
    assert Server.objects.filter(provider_id=of(third).provider_id).count() == 1


def test_what_bore_nothing_leaves(alice, synced, server):
    marked(alice, server(WEB))
    disconnect(alice, synced)
    assert [one.name for one in Server.objects.filter(account=synced)] == [WEB]
    assert alice.get("/teams/acme/servers/").status_code == 200
    assert alice.get("/teams/acme/servers/12345/").status_code == 404


@pytest.mark.parametrize(
    ("shown", "inherits"),
    [
        ({"created_at": "2020-01-01T00:00:00Z"}, False),
        ({"created_at": "2031-01-01T00:00:00Z"}, False),
        ({"created_at": None}, True),
        ({"name": "other"}, True),
        ({"status": "stopped"}, True),
    ],
)
def test_another_time_of_creation_inherits_nothing(again, sandbox, shown, inherits):
    sandbox.fault("rewrite", "GET", MADE, set=shown, times=None)
    look(again)
    found = Server.objects.get(account=again, provider_id="12345")
    assert bool(labels.of(found)) == inherits
    assert ServerLock.objects.filter(server=found).exists() == inherits
    ended = AuditEvent.objects.filter(event="server.unlocked")
    assert ended.exists() == (not inherits)


def test_a_gone_id_that_comes_back_as_another(alice, synced, server, sandbox):
    """In the same account: what was deleted, and an id that is given again."""
    old = marked(alice, server(WEB))
    Server.objects.filter(id=old.id).update(gone_at=clock.now() - timedelta(hours=1))
    sandbox.fault("rewrite", "GET", MADE, set={"created_at": "2031-01-01T00:00:00Z"}, times=None)
    look(synced)
    found = Server.objects.get(account=synced, provider_id=old.provider_id)
    assert found.gone_at is None
    assert not labels.of(found)
    assert not ServerLock.objects.exists()


def test_a_gone_id_that_comes_back_itself(alice, synced, server):
    old = marked(alice, server(WEB))
    Server.objects.filter(id=old.id).update(gone_at=clock.now() - timedelta(hours=1))
    look(synced)
    assert labels.of(server(WEB))
    assert ServerLock.objects.exists()


def test_never_across_teams(alice, charlie, synced, server):
    marked(alice, server(WEB))
    disconnect(alice, synced)
    theirs = connected(charlie)
    look(theirs)
    assert not labels.of(of(theirs))
    assert ServerLock.objects.get().server.account == synced


@pytest.fixture
def twin(alice, synced):
    """The same VPS.org account, connected a second time before anybody could know."""
    account = connected(alice)
    look(account)
    return account


@pytest.mark.parametrize("kind", ["start", "stop", "reboot", "delete"])
def test_the_second_account_is_only_read(alice, twin, sandbox, kind):
    with pytest.raises(services.Refused, match="connected earlier"):
        power(alice, kind, of(twin))
    assert not sandbox.changes()


def test_nor_is_anything_created_there(alice, twin, sandbox):
    with pytest.raises(services.Refused, match="Disconnect one of the two"):
        create(alice, twin)
    assert not sandbox.changes()


def test_what_was_asked_for_before_is_not_sent(alice, synced, sandbox):
    account = connected(alice)
    operation = services.create(alice.scope("servers.create"), account, dict(NEW), ask())
    look(account)
    assert (sent(operation).state, sent(operation).code) == ("cancelled", "read_only")
    assert not sandbox.changes()


def test_the_first_account_is_changed_as_before(alice, twin, server):
    assert sent(power(alice, "reboot", server(WEB))).state == "accepted"


@pytest.mark.parametrize("first", [True, False])
def test_the_second_is_changed_once_one_is_disconnected(alice, synced, twin, server, first):
    disconnect(alice, synced if first else twin)
    left = of(twin) if first else server(WEB)
    assert sent(power(alice, "reboot", left)).state == "accepted"


def test_the_stricter_lock_binds(alice, twin, server, sandbox):
    """Locked on one copy only, whichever."""
    locks.lock(alice.scope("servers.lock"), of(twin), "changes", "No!")
    with pytest.raises(services.Refused, match="No!"):
        power(alice, "stop", server(WEB))
    locks.release(alice.scope("servers.unlock"), server(WEB), "Over")
    assert sent(power(alice, "stop", server(WEB))).state == "accepted"


def test_of_two_locks_the_stricter(alice, twin, server):
    for one, level in ((server(WEB), "delete"), (of(twin), "changes")):
        ServerLock.objects.create(server=one, level=level, by_name="x", reason=level)
    with pytest.raises(services.Refused, match="changes"):
        power(alice, "stop", server(WEB))


def test_one_lock_however_many_copies(alice, twin, server):
    scope = alice.scope("servers.lock")
    locks.lock(scope, server(WEB), "delete", "One")
    with pytest.raises(locks.LockRefused):
        locks.lock(scope, of(twin), "delete", "Two")
    locks.lock(scope, of(twin), "changes", "Three")
    assert [one.level for one in ServerLock.objects.all()] == ["changes"]


def test_another_account_of_the_team_is_no_twin(alice, synced, sandbox):
    other = connected(alice, "Other", GLOBEX_TOKEN)
    look(other)
    assert sent(create(alice, other)).state == "accepted"


def test_another_teams_account_is_no_twin(alice, charlie, synced, server, sandbox):
    theirs = connected(charlie, token=ADMIN_TOKEN)
    look(theirs)
    locks.lock(charlie.scope("servers.lock"), of(theirs), "changes", "Theirs")
    assert sent(power(alice, "stop", server(WEB))).state == "accepted"


@pytest.mark.parametrize("level", ["delete", "changes"])
@pytest.mark.parametrize("first", [True, False])
def test_a_lock_stays_when_the_copy_that_bears_it_leaves(alice, synced, twin, server, first, level):
    """Whichever of the two accounts is disconnected, the other goes on being locked."""
    bears = server(WEB) if first else of(twin)
    stays = of(twin) if first else server(WEB)
    locks.lock(alice.scope("servers.lock"), bears, level, "Release day")
    labels.put(alice.scope("labels.edit"), bears, frozenset({"env:prod"}))
    labels.put(alice.scope("labels.edit"), stays, frozenset({"web"}))
    disconnect(alice, synced if first else twin)
    with pytest.raises(services.Refused, match="Release day"):
        power(alice, "delete", Server.objects.get(id=stays.id))
    assert labels.of(Server.objects.get(id=stays.id)) == {"env:prod", "web"}
    assert not projections.compare(alice.team.chain)


@pytest.mark.parametrize("first", [True, False])
def test_of_two_locks_the_stricter_stays(alice, synced, twin, server, first):
    bears, stays = (server(WEB), of(twin)) if first else (of(twin), server(WEB))
    ServerLock.objects.create(server=stays, level="delete", by_name="x", reason="weaker")
    ServerLock.objects.create(server=bears, level="changes", by_name="x", reason="stricter")
    disconnect(alice, bears.account)
    assert [(one.server, one.reason) for one in ServerLock.objects.all()] == [(stays, "stricter")]


def test_a_lock_can_be_given_and_released_after_a_copy_has_left(alice, synced, twin, server):
    scope = alice.scope("servers.lock")
    locks.lock(scope, server(WEB), "delete", "One")
    disconnect(alice, synced)
    locks.lock(scope, of(twin), "changes", "Two")
    assert not projections.compare(alice.team.chain)
    locks.release(alice.scope("servers.unlock"), of(twin), "Over")
    assert not ServerLock.objects.exists()
    assert not projections.compare(alice.team.chain)


def test_another_server_of_that_id_gets_nothing(alice, bob, synced, twin, server):
    locks.lock(alice.scope("servers.lock"), server(WEB), "delete", "One")
    chosen = with_servers("12345", "12346")
    members.change(alice.scope("members.manage"), bob.membership, "operator", chosen)
    Server.objects.filter(id=of(twin).id).update(created_at=clock.now())
    disconnect(alice, synced)
    assert not ServerLock.objects.exists()
    assert bob.membership.reach_servers == ["12346"]
    assert not projections.compare(alice.team.chain)


@pytest.mark.parametrize("kind", ["delete", "stop", "reboot"])
def test_a_lock_taken_out_of_the_database_releases_nothing(alice, bob, server, sandbox, kind):
    """Until an owner confirms it: neither what is asked for then, nor what was asked for before."""
    one = server(WEB)
    locks.lock(alice.scope("servers.lock"), one, "delete", "Release day")
    ServerLock.objects.all().delete()
    before = power(alice, kind, one)
    assert differences.check(alice.team.chain)
    assert (sent(before).state, sent(before).code) == ("cancelled", "locked")
    with pytest.raises(services.Refused, match="not as the audit log says"):
        power(alice, kind, one)
    assert not sandbox.changes()
    found = [(d.table, d.key, d.found) for d in differences.of_chain(alice.team.chain)]
    differences.confirm(alice.scope("team.manage"), found, "We took it out ourselves.")
    assert sent(power(alice, kind, one)).state == "accepted"


def test_a_lock_in_doubt_is_in_nobody_elses_way(alice, charlie, synced, server, sandbox):
    locks.lock(alice.scope("servers.lock"), server(WEB), "delete", "Release day")
    ServerLock.objects.all().delete()
    theirs = connected(charlie, token=ADMIN_TOKEN)
    look(theirs)
    differences.check(alice.team.chain)
    assert sent(power(charlie, "stop", of(theirs))).state == "accepted"
    assert sent(power(alice, "stop", server("db-server-01"))).state == "accepted"
